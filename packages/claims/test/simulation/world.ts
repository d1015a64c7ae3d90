import { createKycEngine, type KycStorage } from '@persona-kyc/core'
import { createSeededRandom } from '@persona-kyc/testing'
import { createPublicClient, createWalletClient, custom, type EIP1193RequestFn, type Hex } from 'viem'
import { createScheduler, type Scheduler } from '../../../../test-setup/simulation/scheduler.js'
import { createClaimIssuer } from '../../src/claim-issuer.js'
import { createFeedSource } from '../../src/feed-source.js'
import { runIdentityService } from '../../src/identity-service.js'
import type { IdentityServiceAlarm } from '../../src/service-reports.js'
import type { TestChain } from '../local-chain.js'
import { createFaultyRpc } from './faulty-rpc.js'
import { CASES, type Command, type History } from './history.js'

/** A world after its history. */
export interface World {
  readonly chain: TestChain
  readonly storage: KycStorage
  /** Every transaction that was ever given to an endpoint. */
  readonly sent: ReadonlySet<Hex>
  readonly alarms: readonly IdentityServiceAlarm[]
  /** Whether each case is verified. */
  readonly isVerified: readonly boolean[]
  /** The height at the start: what was deployed below is never taken back. */
  readonly base: number
  /** What happened, for a reader. */
  readonly log: string[]
}

interface Process {
  turnsLeft: number | null
  isDead: boolean
  pausedUntil: number
  readonly stop: AbortController
}

const START = Date.parse('2026-01-02T03:04:05.678Z')
/** Blocks that a transaction needs to count: one more than the deepest reorganisation. */
const CONFIRMATIONS = 13
export const TOPIC = 1n
const LEASE_MS = 10_000
const ETHER = 10n ** 18n

/** The id of a simulated case. */
export const toCaseId = (index: number): string => `case-${index}`
/** Of a user whose id would be personal, if it were on chain. */
export const toUserId = (index: number): string => `ada.lovelace.${Math.min(index, CASES - 2)}@example.com`
/** The wallet of a case's user, as an account of the local chain: the last two cases have one. */
export const toWallet = ({ account }: TestChain, index: number): Hex => account(3 + Math.min(index, CASES - 2)).address

/** Plays a history on a chain of its own, mends everything, and lets it come to rest. */
export async function play(
  history: History,
  { chain, storage, log }: Pick<World, 'chain' | 'storage' | 'log'>,
): Promise<World> {
  const scheduler = createScheduler(createSeededRandom(history.seed), START)
  const world: MutableWorld = {
    ...{ chain, storage, scheduler, log, sent: new Set(), alarms: [] },
    isVerified: Array(CASES).fill(false),
    isKnown: Array(CASES).fill(true),
    faults: { rate: history.faultRate, random: createSeededRandom(history.seed + 1) },
    processes: [],
    snapshots: new Map(),
    funds: { isThere: true },
    base: Number(await chain.client.getBlockNumber({ cacheTime: 0 })),
    events: 0,
  }
  for (let index = 0; index < CASES; index++) await createCase(world, index)
  world.processes.push(start(world), start(world))
  for (const command of history.commands) await perform(world, command)
  await mend(world)
  for (const { stop } of world.processes) stop.abort()
  return world
}

interface MutableWorld extends World {
  readonly scheduler: Scheduler
  readonly sent: Set<Hex>
  readonly alarms: IdentityServiceAlarm[]
  readonly isVerified: boolean[]
  readonly isKnown: boolean[]
  readonly faults: { rate: number; readonly random: () => number }
  readonly processes: Process[]
  /** The chain as it was at that height, before the next block. */
  readonly snapshots: Map<bigint, Hex>
  readonly funds: { isThere: boolean }
  events: number
}

async function createCase({ storage }: MutableWorld, index: number): Promise<void> {
  const id = toCaseId(index)
  const createdAt = new Date(START)
  await storage.createCase({
    ...{ id, documentType: 'passport', sealedPersonalData: null, idempotencyKey: null, createdAt },
    userId: `${toUserId(index)}/${index}`,
    initiatingUntil: createdAt,
  })
  await storage.attachInquiry(id, {
    ...{
      inquiryId: `inq-${index}`,
      replaces: null,
      personaStatus: 'created',
      sealedSessionToken: null,
      now: createdAt,
    },
  })
}

async function decide(world: MutableWorld, index: number, isVerified: boolean): Promise<void> {
  const { storage, scheduler } = world
  world.events += 1
  const occurredAt = new Date(scheduler.now() + world.events)
  await storage.recordEvent({
    ...{
      id: `evt-${world.events}`,
      name: 'inquiry.approved',
      inquiryId: `inq-${index}`,
      referenceId: null,
      delivery: null,
    },
    effect: isVerified
      ? { personaStatus: 'approved', status: 'verified', score: 1, occurredAt, rank: 6 }
      : { personaStatus: 'declined', status: 'rejected', score: 0, occurredAt, rank: 6 },
    receivedAt: occurredAt,
  })
  world.isVerified[index] = isVerified
}

async function perform(world: MutableWorld, command: Command): Promise<void> {
  const { chain, scheduler, log } = world
  const { test } = chain
  log.push(`> ${JSON.stringify(command)}`)
  switch (command.kind) {
    case 'decide':
      return decide(world, command.index, command.isVerified)
    case 'crash': {
      live(world, command.process).turnsLeft = command.afterTurns
      return
    }
    case 'pause': {
      live(world, command.process).pausedUntil = scheduler.now() + LEASE_MS * 2
      return
    }
    case 'mine':
      return mine(world, command.blocks)
    case 'reorg':
      return reorganise(world, command.depth)
    case 'forget':
      return request(chain, 'anvil_dropAllTransactions', [])
    case 'intrude':
      return intrude(world, command.ahead)
    case 'spike':
      return test.setNextBlockBaseFeePerGas({ baseFeePerGas: 40_000_000_000n })
    case 'fund':
      return setFunds(world, command.isFunded)
    case 'identity': {
      world.isKnown[command.index] = command.isKnown
      return
    }
    case 'tick':
      return scheduler.advance(command.ms)
    case 'run':
      for (let turn = 0; turn < command.turns; turn++) await scheduler.step()
  }
}

/** Mines blocks that {@link reorganise} can take back. */
async function mine({ chain: { test, client }, snapshots }: MutableWorld, blocks: number): Promise<void> {
  for (let block = 0; block < blocks; block++) {
    snapshots.set(await client.getBlockNumber({ cacheTime: 0 }), await test.snapshot())
    await test.mine({ blocks: 1 })
  }
}

/** Takes the newest blocks back, and puts empty ones in their place. What was in them is nowhere then. */
async function reorganise(world: MutableWorld, depth: number): Promise<void> {
  const { chain, snapshots, funds } = world
  const height = await chain.client.getBlockNumber({ cacheTime: 0 })
  const id = snapshots.get(height - BigInt(depth))
  if (id === undefined) return
  await chain.test.revert({ id })
  for (const number of snapshots.keys()) if (number >= height - BigInt(depth)) snapshots.delete(number)
  await setFunds(world, funds.isThere)
  await chain.test.mine({ blocks: depth + 1 })
}

/** A transaction of the same key, which this service knows nothing of. */
async function intrude({ chain }: MutableWorld, ahead: number): Promise<void> {
  const { client, owner, local } = chain
  const nonce = ahead + (await client.getTransactionCount({ address: owner.address }))
  const fees = { maxFeePerGas: 90_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
  const serializedTransaction = await owner.signTransaction({
    ...{ to: owner.address, value: 0n, gas: 21_000n, chainId: local.chainId, nonce, type: 'eip1559' as const, ...fees },
  })
  await client.sendRawTransaction({ serializedTransaction }).catch(() => {})
}

function setFunds({ chain, funds }: MutableWorld, isFunded: boolean): Promise<void> {
  funds.isThere = isFunded
  return chain.test.setBalance({ address: chain.owner.address, value: isFunded ? 10_000n * ETHER : 1n })
}

/** All that was broken works again, and time and blocks go on until nothing is left to be done. */
async function mend(world: MutableWorld): Promise<void> {
  const { scheduler, faults, chain, isKnown, processes, storage, log } = world
  log.push('> mend')
  faults.rate = 0
  isKnown.fill(true)
  for (const process of processes) {
    process.turnsLeft = null
    process.pausedUntil = 0
  }
  await setFunds(world, true)
  for (const index of processes.keys()) live(world, index)
  for (let round = 0; round < 600; round++) {
    for (let turn = 0; turn < 100; turn++) await scheduler.step()
    await chain.test.mine({ blocks: 2 })
    if (round % 10 === 9 && (await isAtRest(world))) return
    // Longer than any wait of a parked case.
    if (round % 10 === 9) scheduler.advance(30_000)
  }
  const due = await storage.listDueClaims({ now: new Date(scheduler.now() + 10 ** 9), limit: 100 })
  throw new Error(
    `The world does not come to rest: ${JSON.stringify(due, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
  )
}

async function isAtRest({ storage, scheduler, chain, isVerified }: MutableWorld): Promise<boolean> {
  const far = new Date(scheduler.now() + 10 ** 9)
  const { owner, local } = chain
  const sender = { chainId: local.chainId, sender: owner.address.toLowerCase() }
  if ((await storage.listDueClaims({ now: far, limit: 1 })).length > 0) return false
  if ((await storage.listOpenTransactions(sender)).length > 0) return false
  const consumers = await storage.listConsumers()
  const feed = await storage.readFeed({ after: null, limit: 500 })
  const cursor = consumers.find(({ name }) => name === 'identity-service')?.cursor ?? null
  return (feed.items.length === 0 || cursor === feed.next) && isVerified.length > 0
}

function live(world: MutableWorld, index: number): Process {
  const found = world.processes[index]
  if (found !== undefined && !found.isDead) return found
  const started = start(world)
  world.processes[index] = started
  return started
}

/** Starts a process that runs the Identity Service, whose every await may be the last. */
function start(world: MutableWorld): Process {
  const { scheduler, storage, chain, faults, log } = world
  const process: Process = { turnsLeft: null, isDead: false, pausedUntil: 0, stop: new AbortController() }
  const never = new Promise<void>(() => {})
  const turn = async (): Promise<void> => {
    if (process.turnsLeft !== null) process.turnsLeft -= 1
    if (process.turnsLeft !== null && process.turnsLeft < 0) process.isDead = true
    if (process.isDead) return never
    await scheduler.turn()
    if (process.pausedUntil > scheduler.now()) await scheduler.sleep(process.pausedUntil - scheduler.now())
    return process.isDead ? never : undefined
  }
  const ask = chain.client.request as EIP1193RequestFn
  const rpc = createFaultyRpc({
    ...{ ask, turn, outside: scheduler.outside, onSend: (raw: Hex) => void world.sent.add(raw) },
    draw: () => (faults.random() < faults.rate ? faults.random() : 1),
  })
  const transport = custom({ request: rpc }, { retryCount: 0 })
  const options = { chain: chain.client.chain, transport, cacheTime: 0 }
  const pause = async (ms: number, signal?: AbortSignal) => {
    if (signal?.aborted) return
    await scheduler.sleep(ms)
    await turn()
  }
  const gated = toGated(storage, turn, scheduler)
  const logger = toLogger(log, world.processes.length)
  const engine = createKycEngine({
    ...{ persona: {} as never, storage: gated, templateId: 'itmpl_1', webhookSecrets: 'wbhsec_simulated' },
    ...{ now: scheduler.now, sleep: pause, logger },
  })
  void runIdentityService({
    source: createFeedSource({ engine, follow: { leaseMs: LEASE_MS, pollMs: 1000 } }),
    store: gated,
    issuer: createClaimIssuer({
      client: createPublicClient(options),
      wallet: createWalletClient({ ...options, account: chain.owner }),
      ...{ issuer: chain.issuer, topic: TOPIC, confirmations: CONFIRMATIONS },
    }),
    factory: chain.factory,
    resolveIdentity: ({ caseId }) => {
      const index = Number(caseId.slice('case-'.length))
      return world.isKnown[index] === true ? { wallet: toWallet(chain, index) } : null
    },
    ...{ signal: process.stop.signal, logger, now: scheduler.now, sleep: pause },
    ...{
      leaseMs: LEASE_MS,
      pollMs: 500,
      stuckAfterMs: 20_000,
      resendAfterMs: 5000,
      parkedMs: 1000,
      maxParkedMs: 20_000,
    },
    onAlarm: (alarm) => void world.alarms.push(alarm),
  }).catch((error: unknown) => {
    log.push(`service ended: ${String(error)}`)
  })
  return process
}

function toLogger(log: string[], process: number) {
  const write = (fields: object, message: string) => void log.push(`${process} ${message} ${JSON.stringify(fields)}`)
  return { debug: write, info: write, warn: write, error: write }
}

/** The storage, with a turn before and after each call. */
function toGated(storage: KycStorage, turn: () => Promise<void>, scheduler: Scheduler): KycStorage {
  return new Proxy(storage, {
    get(target, name: keyof KycStorage) {
      if (name === 'watchFeed') return target.watchFeed
      const method = target[name] as (...args: unknown[]) => Promise<unknown>
      return async (...args: unknown[]) => {
        await turn()
        const result = await scheduler.outside(() => method.apply(target, args))
        await turn()
        return result
      }
    },
  })
}

function request({ client }: TestChain, method: string, params: unknown[]): Promise<void> {
  return (client.request as (request: { method: string; params: unknown[] }) => Promise<void>)({ method, params })
}
