import { createKycEngine, type KycStorage } from '@persona-kyc/core'
import { createPublicClient, createWalletClient, custom, type EIP1193RequestFn, type Hex } from 'viem'
import type { Scheduler } from '../../../../test-setup/simulation/scheduler.js'
import { createClaimIssuer } from '../../src/claim-issuer.js'
import { createFeedSource } from '../../src/feed-source.js'
import { type IdentityServiceOptions, runIdentityService } from '../../src/identity-service.js'
import { createFaultyRpc } from './faulty-rpc.js'
import { TOPIC, toWallet } from './people.js'
import type { World } from './world.js'

/** A process of a simulated world, which runs the Identity Service. */
export interface Process {
  /** How many turns it has left to live; null for as many as it likes. */
  turnsLeft: number | null
  isDead: boolean
  /** Until then none of its awaits ends, by the world's clock. */
  pausedUntil: number
  readonly stop: AbortController
}

/** Blocks that a transaction needs to count: one more than the deepest reorganisation. */
const CONFIRMATIONS = 13
/** How long a dead process keeps the others waiting. */
export const LEASE_MS = 10_000

/** Starts a process, whose every await may be the last. */
export function startProcess(world: World, options: Partial<IdentityServiceOptions> = {}): Process {
  const { scheduler, storage, chain, faults } = world
  const process: Process = { turnsLeft: null, isDead: false, pausedUntil: 0, stop: new AbortController() }
  const turn = createTurn(process, scheduler)
  const real = chain.client.request as unknown as Ask
  const ask: Ask = (request) => world.intercept?.(request, () => real(request), process) ?? real(request)
  const rpc = createFaultyRpc({
    ...{ ask: ask as unknown as EIP1193RequestFn, turn, outside: scheduler.outside },
    onSend: (raw: Hex) => void world.sent.add(raw),
    draw: () => (faults.random() < faults.rate ? faults.random() : 1),
  })
  const clients = { chain: chain.client.chain, transport: custom({ request: rpc }, { retryCount: 0 }), cacheTime: 0 }
  const sleep = async (ms: number, signal?: AbortSignal) => {
    if (signal?.aborted) return
    await scheduler.sleep(ms)
    await turn()
  }
  const gated = toGated(storage, turn, scheduler)
  const logger = toLogger(world.log, world.processes.length)
  const time = { now: scheduler.now, sleep, logger }
  const engine = createKycEngine({
    ...{ persona: {} as never, storage: gated, templateId: 'itmpl_1', webhookSecrets: 'wbhsec_simulated', ...time },
  })
  void runIdentityService({
    source: createFeedSource({ engine, follow: { leaseMs: LEASE_MS, pollMs: 1000 } }),
    store: gated,
    issuer: createClaimIssuer({
      client: createPublicClient(clients),
      wallet: createWalletClient({ ...clients, account: chain.owner }),
      ...{ issuer: chain.issuer, topic: TOPIC, confirmations: CONFIRMATIONS },
    }),
    factory: chain.factory,
    resolveIdentity: ({ caseId }) => {
      const index = Number(caseId.slice('case-'.length))
      return world.isKnown[index] === true ? { wallet: toWallet(chain, index) } : null
    },
    ...{ signal: process.stop.signal, ...time },
    ...{
      leaseMs: LEASE_MS,
      pollMs: 500,
      stuckAfterMs: 20_000,
      resendAfterMs: 5000,
      parkedMs: 1000,
      maxParkedMs: 20_000,
    },
    onAlarm: (alarm) => void world.alarms.push(alarm),
    ...options,
  }).catch((error: unknown) => {
    world.log.push(`service ended: ${String(error)}`)
  })
  return process
}

/** A call of the RPC endpoint. */
export interface RpcRequest {
  readonly method: string
  readonly params?: readonly unknown[]
}

type Ask = (request: RpcRequest) => Promise<unknown>

function createTurn(process: Process, scheduler: Scheduler): () => Promise<void> {
  const never = new Promise<void>(() => {})
  return async () => {
    if (process.turnsLeft !== null) process.turnsLeft -= 1
    if (process.turnsLeft !== null && process.turnsLeft < 0) process.isDead = true
    if (process.isDead) return never
    await scheduler.turn()
    while (process.pausedUntil > scheduler.now()) await scheduler.sleep(process.pausedUntil - scheduler.now())
    return process.isDead ? never : undefined
  }
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
