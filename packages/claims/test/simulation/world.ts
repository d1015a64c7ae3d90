import type { KycStorage } from '@persona-kyc/core'
import { createSeededRandom } from '@persona-kyc/testing'
import { type Hex, parseEther } from 'viem'
import { createScheduler, type Scheduler } from '../../../../test-setup/simulation/scheduler.js'
import type { IdentityServiceAlarm } from '../../src/service-reports.js'
import type { TestChain } from '../local-chain.js'
import { CASES, toCaseId, toUserId } from './people.js'
import { type Process, type RpcRequest, startProcess } from './process.js'

/** Where a simulated world takes place. */
export interface Place {
  /** It must not mine by itself. */
  readonly chain: TestChain
  /** Empty. */
  readonly storage: KycStorage
  /** Where what happens is written, for a reader. */
  readonly log: string[]
}

/** A real chain, a storage, processes whose every await may be the last, and a clock of its own. */
export interface World extends Place {
  readonly scheduler: Scheduler
  readonly processes: Process[]
  /** Every transaction that was ever given to an endpoint. */
  readonly sent: Set<Hex>
  readonly alarms: IdentityServiceAlarm[]
  /** Whether each case is verified, and when it last became so. */
  readonly isVerified: boolean[]
  readonly verifiedAt: number[]
  /** Whether each case's user is known to have a wallet. */
  readonly isKnown: boolean[]
  /** The share of calls to the endpoint that fail, lag or lie. */
  readonly faults: { rate: number; readonly random: () => number }
  /** The height at the start: what was deployed below is never taken back. */
  readonly base: number
  /** Answers calls to the endpoint in place of the real one, where it is set and does. */
  intercept:
    | ((request: RpcRequest, answer: () => Promise<unknown>, process: Process) => Promise<unknown> | undefined)
    | null
  /** The chain as it was at that height, before the next block. */
  readonly snapshots: Map<bigint, Hex>
  funds: bigint
  decisions: number
}

const START = Date.parse('2026-01-02T03:04:05.678Z')
const PLENTY = parseEther('10000')

/** Returns a world with its cases, in which nothing happens yet. */
export async function createWorld(place: Place, { seed = 1, faultRate = 0 } = {}): Promise<World> {
  const world: World = {
    ...place,
    scheduler: createScheduler(createSeededRandom(seed), START),
    ...{ processes: [], sent: new Set<Hex>(), alarms: [], snapshots: new Map<bigint, Hex>(), intercept: null },
    isVerified: Array<boolean>(CASES).fill(false),
    verifiedAt: Array<number>(CASES).fill(0),
    isKnown: Array<boolean>(CASES).fill(true),
    faults: { rate: faultRate, random: createSeededRandom(seed + 1) },
    base: Number(await place.chain.client.getBlockNumber({ cacheTime: 0 })),
    funds: PLENTY,
    decisions: 0,
  }
  for (let index = 0; index < CASES; index++) await createCase(world, index)
  return world
}

async function createCase({ storage }: World, index: number): Promise<void> {
  const id = toCaseId(index)
  const now = new Date(START)
  // A user has one open case at a time; here both of one are open for a moment.
  const userId = `${toUserId(index)}/${index}`
  const nothing = { sealedPersonalData: null, idempotencyKey: null }
  await storage.createCase({ id, userId, documentType: 'passport', createdAt: now, initiatingUntil: now, ...nothing })
  const inquiry = { inquiryId: `inq-${index}`, replaces: null, personaStatus: 'created', sealedSessionToken: null, now }
  await storage.attachInquiry(id, inquiry)
}

/** Has Persona decide: the case becomes verified, or no longer is. */
export async function decide(world: World, index: number, isVerified: boolean): Promise<void> {
  const { storage, scheduler } = world
  world.decisions += 1
  const occurredAt = new Date(scheduler.now() + world.decisions)
  const effect = isVerified
    ? ({ personaStatus: 'approved', status: 'verified', score: 1 } as const)
    : ({ personaStatus: 'declined', status: 'rejected', score: 0 } as const)
  const { transition } = await storage.recordEvent({
    ...{ id: `evt-${world.decisions}`, name: 'inquiry.transitioned', inquiryId: `inq-${index}`, referenceId: null },
    ...{ effect: { ...effect, occurredAt, rank: 6 }, createdAt: occurredAt, receivedAt: occurredAt, delivery: null },
  })
  world.isVerified[index] = isVerified
  if (isVerified && transition !== null) world.verifiedAt[index] = occurredAt.getTime()
}

/** The process of that number; a new one where it is dead, or there never was one. */
export function live(world: World, index: number): Process {
  const found = world.processes[index]
  if (found !== undefined && !found.isDead) return found
  const started = startProcess(world)
  world.processes[index] = started
  return started
}

/** Lets so many turns go by, and blocks with them. */
export async function run(
  world: World,
  { turns, turnsPerBlock }: { turns: number; turnsPerBlock: number },
): Promise<void> {
  for (let turn = 1; turn <= turns; turn++) {
    await world.scheduler.step()
    if (turn % turnsPerBlock === 0) await mine(world, 1)
  }
}

/** Mines blocks that {@link reorganise} can take back. */
export async function mine({ chain: { test, client }, snapshots }: World, blocks: number): Promise<void> {
  for (let block = 0; block < blocks; block++) {
    snapshots.set(await client.getBlockNumber({ cacheTime: 0 }), await test.snapshot())
    await test.mine({ blocks: 1 })
  }
}

/** Takes the newest blocks back, and puts empty ones in their place. What was in them is nowhere then. */
export async function reorganise(world: World, depth: number): Promise<void> {
  const { chain, snapshots } = world
  const height = await chain.client.getBlockNumber({ cacheTime: 0 })
  const id = snapshots.get(height - BigInt(depth))
  if (id === undefined) return
  await chain.test.revert({ id })
  for (const number of snapshots.keys()) if (number >= height - BigInt(depth)) snapshots.delete(number)
  await setFunds(world, world.funds)
  await chain.test.mine({ blocks: depth + 1 })
}

/** Makes the node forget what it has not mined. */
export async function forget({ chain }: World): Promise<void> {
  const request = chain.client.request as unknown as (request: RpcRequest) => Promise<unknown>
  await request({ method: 'anvil_dropAllTransactions', params: [] })
}

/** Sends a transaction of the same key that the service knows nothing of, so many nonces after the next. */
export async function intrude({ chain }: World, ahead: number): Promise<void> {
  const { client, owner, local } = chain
  const nonce = ahead + (await client.getTransactionCount({ address: owner.address }))
  const fees = { maxFeePerGas: 90_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
  const transfer = { to: owner.address, value: 0n, gas: 21_000n, chainId: local.chainId, type: 'eip1559' } as const
  const serializedTransaction = await owner.signTransaction({ ...transfer, ...fees, nonce })
  await client.sendRawTransaction({ serializedTransaction }).catch(() => {})
}

/** Gives the sender so many wei, and takes the rest. */
export async function setFunds(world: World, value: bigint = PLENTY): Promise<void> {
  world.funds = value
  await world.chain.test.setBalance({ address: world.chain.owner.address, value })
}

/** Mends all that is broken, and lets time and blocks go on until nothing is left to be done. Rejects when that never comes. */
export async function mend(world: World): Promise<void> {
  const { scheduler, faults, chain, isKnown, processes } = world
  faults.rate = 0
  world.intercept = null
  isKnown.fill(true)
  for (const process of processes) Object.assign(process, { turnsLeft: null, pausedUntil: 0 })
  await setFunds(world)
  for (const index of processes.keys()) live(world, index)
  for (let round = 1; round <= 60; round++) {
    for (let turn = 1; turn <= 1000; turn++) {
      await scheduler.step()
      if (turn % 100 === 0) await chain.test.mine({ blocks: 2 })
    }
    if (await isAtRest(world)) return
    // Longer than any wait of a parked case.
    scheduler.advance(30_000)
  }
  throw new Error(`The world does not come to rest: ${await describeDue(world)}`)
}

async function describeDue({ storage, scheduler }: World): Promise<string> {
  const due = await storage.listDueClaims({ now: new Date(scheduler.now() + 10 ** 9), limit: 100 })
  return JSON.stringify(due, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}

/** True when nothing is due, now or later, no transaction is open, and the follower has seen all. */
async function isAtRest({ storage, scheduler, chain: { owner, local } }: World): Promise<boolean> {
  const far = new Date(scheduler.now() + 10 ** 9)
  if ((await storage.listDueClaims({ now: far, limit: 1 })).length > 0) return false
  const sender = { chainId: local.chainId, sender: owner.address.toLowerCase() }
  if ((await storage.listOpenTransactions(sender)).length > 0) return false
  const feed = await storage.readFeed({ after: null, limit: 500 })
  const consumers = await storage.listConsumers()
  const cursor = consumers.find(({ name }) => name === 'identity-service')?.cursor ?? null
  return feed.items.length === 0 || cursor === feed.next
}

/** Ends all processes of the world. */
export function end({ processes }: World): void {
  for (const { stop } of processes) stop.abort()
}

/** Lets turns and blocks go by until the test holds. Rejects when it never does. */
export async function runUntil(
  world: World,
  test: () => boolean | Promise<boolean>,
  { turnsPerBlock = 40, most = 20_000 } = {},
): Promise<void> {
  for (let turn = 1; turn <= most; turn++) {
    if (await test()) return
    await world.scheduler.step()
    if (turn % turnsPerBlock === 0) await mine(world, 1)
  }
  throw new Error(`It never came to that: ${world.log.slice(-20).join('\n')}\n${await describeDue(world)}`)
}
