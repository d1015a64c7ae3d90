import {
  type ClaimStorage,
  ConfigurationError,
  type ConsumerStorage,
  consoleLogger,
  isKycError,
  type Logger,
  sleep,
  sleepUntilAborted,
  toLogFields,
  toSafeLogger,
  withLease,
} from '@persona-kyc/core'
import type { Address } from 'viem'
import { type ChainClient, toPublicClient } from './chain-client.js'
import { askChain, chainMismatch, hasClaimCode } from './chain-error.js'
import type { ClaimIssuer } from './claim-issuer.js'
import type { ClaimSource } from './claim-source.js'
import { createIdentityFactory } from './identities.js'
import { sendTransactions } from './send-transactions.js'
import type { Head, ResolveIdentity, ServiceContext, ServiceLimits } from './service-context.js'
import type { IdentityServiceAlarm, IdentityServiceMetric } from './service-reports.js'
import { settleTransactions } from './settle-transactions.js'
import { workCases } from './work-cases.js'

/** What {@link runIdentityService} accepts. */
export interface IdentityServiceOptions extends Partial<ServiceLimits> {
  /** Where it learns of cases: `createFeedSource`, or `createHttpSource`. */
  readonly source: ClaimSource
  /** Where it keeps what it has sent: a storage such as `createKnexStorage`. A storage in memory is for tests. */
  readonly store: ClaimStorage & ConsumerStorage
  readonly issuer: ClaimIssuer
  /** Says where the claim of a case belongs. What it rejects with is logged, and it is asked again. */
  readonly resolveIdentity: ResolveIdentity
  /** ONCHAINID's factory, for users who have a wallet and no identity. The issuer's sender must own it. Default: none. */
  readonly factory?: Address | undefined
  /** Who else manages the identities that are made. Default: nobody but the sender. */
  readonly managers?: readonly Address[] | undefined
  /** Other RPC endpoints, which must agree before anything is stored on a case. Default: none. */
  readonly witnesses?: readonly ChainClient[] | undefined
  /** Ends the service, after the round under way. */
  readonly signal?: AbortSignal | undefined
  /** Default: warnings and errors go to the console. */
  readonly logger?: Logger | undefined
  /** Called with what an operator should know of. It is logged too. */
  readonly onAlarm?: ((alarm: IdentityServiceAlarm) => unknown) | undefined
  /** Called with what can be counted. */
  readonly onMetric?: ((metric: IdentityServiceMetric) => unknown) | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Waits that many milliseconds. Default: a timer. */
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined
}

const DEFAULTS: ServiceLimits = {
  pollMs: 1000,
  leaseMs: 30_000,
  batchSize: 100,
  maxOpenTransactions: 64,
  stuckAfterMs: 60_000,
  resendAfterMs: 15_000,
  parkedMs: 5000,
  maxParkedMs: 600_000,
  maxFeePerGas: 500_000_000_000n,
  maxGas: 3_000_000n,
  resolveTimeoutMs: 10_000,
  removesRevoked: true,
}
const MAX_BACKOFF_MS = 30_000

/**
 * Sees to it that every verified case has one valid claim on the identity of its user, and that a case which stops being
 * verified has none; resolves when the signal is aborted. Any number of processes may run it with one store: one at a
 * time works with the chain. Failures of the chain, the store and the source are waited out.
 *
 * Rejects with `chain_mismatch` when the chain is not the one that the issuer's clients are set up for, and with
 * ConfigurationError for a malformed option.
 */
export async function runIdentityService(options: IdentityServiceOptions): Promise<void> {
  const { signal = new AbortController().signal } = options
  const context = await toContext(options, signal)
  if (context === null) return
  const bell = createBell()
  const failed = new AbortController()
  const ended = AbortSignal.any([signal, failed.signal])
  const follow = async () => {
    const note = async ({
      caseId,
      revision,
      isVerified,
    }: {
      caseId: string
      revision: number
      isVerified: boolean
    }) => {
      const now = new Date(context.now())
      const isNew = await context.store.requestClaim({ caseId, revision, wantsClaim: isVerified, now })
      // Told again, a case that was settled without a claim is worth another look.
      if (isNew || (await context.store.recallClaimRequest(caseId, now))) bell.ring()
    }
    await context.source.follow(note, { signal: ended })
  }
  try {
    await Promise.all([follow(), work(context, bell, ended)])
  } finally {
    // What is left of the two ends with the one that failed.
    failed.abort()
  }
}

async function work(context: ServiceContext, bell: Bell, signal: AbortSignal): Promise<void> {
  const { store: storage, chainId, sender, leaseMs, pollMs, now, logger } = context
  const lease = { storage, now, sleep: context.sleep, logger }
  while (!signal.aborted) {
    try {
      await withLease(lease, `identity-service:${chainId}:${sender}`, { leaseMs, signal }, (held) =>
        workUnderLease(context, bell, held),
      )
    } catch (error) {
      logger.error(toLogFields(error), 'identity service interrupted: it goes on by itself')
    }
    // Somebody else is at work, or the store is away.
    await sleepUntilAborted(context.sleep, pollMs, signal)
  }
}

async function workUnderLease(
  context: ServiceContext,
  bell: Bell,
  { signal, isHeld }: { signal: AbortSignal; isHeld(): boolean },
): Promise<void> {
  let failures = 0
  while (!signal.aborted && isHeld()) {
    bell.reset()
    try {
      const hasMoved = await workOnce(context)
      failures = 0
      if (!hasMoved) await bell.wait(context, signal)
    } catch (error) {
      failures += 1
      report(context, error)
      const backoffMs = Math.min(MAX_BACKOFF_MS, context.pollMs * 2 ** Math.min(failures, 20))
      await sleepUntilAborted(context.sleep, backoffMs, signal)
    }
  }
}

/** One round: what has ended, what is due, what is to be sent. True when anything moved. */
async function workOnce(context: ServiceContext): Promise<boolean> {
  const head = await readHead(context)
  const settlement = await settleTransactions(context, head)
  const isPaused = context.now() < context.memory.fundsMissingUntil
  const budget = isPaused ? 0 : context.maxOpenTransactions - settlement.open.length
  const moved = await workCases(context, head, budget)
  const { store, chainId, sender } = context
  const open = moved > 0 ? await store.listOpenTransactions({ chainId, sender }) : settlement.open
  const sent = await sendTransactions(context, head, { ...settlement, open })
  return settlement.closed + moved + sent > 0
}

async function readHead({ issuer, chainId }: ServiceContext): Promise<Head> {
  const { client, confirmations } = issuer
  const [block, servedId] = await askChain(() =>
    Promise.all([client.getBlock({ includeTransactions: false }), client.getChainId()]),
  )
  if (servedId !== chainId) throw chainMismatch()
  const confirmed = block.number - BigInt(confirmations) + 1n
  const { number, baseFeePerGas } = block
  return { number, confirmed: confirmed < 0n ? null : confirmed, baseFeePerGas }
}

function report({ logger, raise, measure }: ServiceContext, error: unknown): void {
  measure({ name: 'round_failed' })
  if (hasClaimCode(error, 'chain_mismatch')) raise({ kind: 'chain_mismatch' })
  else logger.warn(toLogFields(error), 'round failed: the next one follows')
}

/** Checks the options and the chain; null when the service is ended before the chain answers. */
async function toContext(options: IdentityServiceOptions, signal: AbortSignal): Promise<ServiceContext | null> {
  const { source, store, issuer, resolveIdentity, factory, witnesses = [], now = Date.now } = options
  const limits = requireLimits({ ...DEFAULTS, ...withoutUndefined(options) })
  const logger = toSafeLogger(options.logger ?? consoleLogger)
  const chainId = await untilAnswered(() => issuer.chainId(), {
    logger,
    pollMs: limits.pollMs,
    signal,
    sleep: options.sleep ?? sleep,
  })
  if (chainId === null) return null
  const owner = issuer.sender.address
  const managers = [owner, ...(options.managers ?? [])]
  const { client } = issuer
  const raise = createRaise(logger, options.onAlarm)
  const reported = new Set<string>()
  return {
    ...limits,
    source,
    store,
    issuer,
    chainId,
    sender: owner.toLowerCase(),
    factory: factory === undefined ? null : createIdentityFactory({ client, factory, owner, managers }),
    resolveIdentity,
    witnesses: witnesses.map(toPublicClient),
    logger,
    now,
    sleep: options.sleep ?? sleep,
    raise,
    raiseOnce: createRaiseOnce(raise, reported),
    measure: createMeasure(logger, options.onMetric),
    memory: {
      sentAt: new Map(),
      underpriced: new Set(),
      missingSince: new Map(),
      refusedSince: new Map(),
      reported,
      gapSince: null,
      fundsMissingUntil: 0,
      minedCount: 0,
    },
  }
}

/** A chain that cannot be reached at the start is waited for, as it is later. */
async function untilAnswered(
  ask: () => Promise<number>,
  options: Pick<ServiceContext, 'logger' | 'pollMs' | 'sleep'> & { signal: AbortSignal },
): Promise<number | null> {
  while (!options.signal.aborted) {
    try {
      return await ask()
    } catch (error) {
      if (!isKycError(error) || error.code !== 'chain_unreachable') throw error
      options.logger.warn(toLogFields(error), 'the chain does not answer yet')
      await sleepUntilAborted(options.sleep, options.pollMs, options.signal)
    }
  }
  return null
}

function createRaise(logger: Logger, onAlarm: IdentityServiceOptions['onAlarm']): ServiceContext['raise'] {
  return (alarm) => {
    // A bigint is nothing that JSON could hold.
    logger.error(
      'neededWei' in alarm ? { ...alarm, neededWei: alarm.neededWei.toString() } : alarm,
      `alarm: ${alarm.kind}`,
    )
    callSafely(logger, 'onAlarm failed', () => onAlarm?.(alarm))
  }
}

/** How many alarms are remembered: after that, some come again. */
const MAX_REPORTED = 10_000

function createRaiseOnce(raise: ServiceContext['raise'], reported: Set<string>): ServiceContext['raise'] {
  return (alarm) => {
    const { kind, nonce = null, caseId = null } = { nonce: null, caseId: null, ...alarm }
    const key = JSON.stringify([kind, nonce, caseId])
    if (reported.has(key)) return
    if (reported.size >= MAX_REPORTED) reported.clear()
    reported.add(key)
    raise(alarm)
  }
}

function createMeasure(logger: Logger, onMetric: IdentityServiceOptions['onMetric']): ServiceContext['measure'] {
  return (metric) => callSafely(logger, 'onMetric failed', () => onMetric?.(metric))
}

function callSafely(logger: Logger, message: string, call: () => unknown): void {
  const run = async () => call()
  run().catch((error: unknown) => logger.error(toLogFields(error), message))
}

/** Rings for new work, so that it need not wait for the next look. */
interface Bell {
  ring(): void
  reset(): void
  wait(context: ServiceContext, signal: AbortSignal): Promise<void>
}

function createBell(): Bell {
  let rung = new AbortController()
  return {
    ring: () => rung.abort(),
    reset() {
      if (rung.signal.aborted) rung = new AbortController()
    },
    wait: ({ sleep: pause, pollMs }, signal) => sleepUntilAborted(pause, pollMs, signal, rung.signal),
  }
}

function withoutUndefined(options: IdentityServiceOptions): Partial<ServiceLimits> {
  const given = Object.keys(DEFAULTS).flatMap((name) => {
    const value = options[name as keyof ServiceLimits]
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(given)
}

function requireLimits(limits: ServiceLimits): ServiceLimits {
  for (const [name, value] of Object.entries(limits)) {
    const isFine = typeof value === 'number' ? Number.isInteger(value) && value > 0 && value < 2 ** 31 : true
    if (!isFine) {
      throw new ConfigurationError({
        problem: `${name} is not a whole number above 0.`,
        fix: 'Leave it out for the default.',
      })
    }
  }
  return limits
}
