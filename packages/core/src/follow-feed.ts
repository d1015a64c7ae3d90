import { raiseAlarm } from './alarms.js'
import { type HeldLease, sleepUntilAborted, withLease } from './consumer-lease.js'
import type { DeadLetter } from './consumer-storage.js'
import type { EngineContext } from './engine-context.js'
import { isKycError, KycError } from './errors.js'
import { type Bell, createBell } from './feed-bell.js'
import { requireWholeNumber } from './input.js'
import { toLogFields } from './logger.js'
import type { Transition } from './storage.js'

/** What a handler of the feed knows besides the transition. */
export interface FeedDelivery {
  /** Aborted when the work should end: the follower is stopped, or has lost its lease. */
  readonly signal: AbortSignal
  /**
   * Higher for each new holder of the consumer's lease. Give it to the system that you write to, and let that refuse a
   * lower one than it has seen: then not even a process that was paused in the middle of the handler does harm.
   */
  readonly fencingToken: number
  /** 1 for the first attempt. */
  readonly attempt: number
}

/** Handles one transition. When it resolves, the transition is done; when it rejects, it comes again. */
export type FeedHandler = (transition: Transition, delivery: FeedDelivery) => unknown

/** What {@link KycEngine.follow} accepts. */
export interface FollowOptions {
  /** Ends the follower, after the transition under way. */
  readonly signal?: AbortSignal | undefined
  /** After how many failed attempts a transition is put aside as a dead letter. Default 10. */
  readonly maxAttempts?: number | undefined
  /** The wait before the second attempt, in milliseconds; it doubles from there. Default 500. */
  readonly retryMs?: number | undefined
  /** The longest such wait, in milliseconds. Default 60,000. */
  readonly maxRetryMs?: number | undefined
  /** How long a dead process keeps the others waiting, in milliseconds. Default 30,000. */
  readonly leaseMs?: number | undefined
  /** How often to look without being woken, in milliseconds. Default 1,000. */
  readonly pollMs?: number | undefined
}

interface Follower {
  readonly name: string
  readonly handler: FeedHandler
  readonly signal: AbortSignal
  readonly maxAttempts: number
  readonly retryMs: number
  readonly maxRetryMs: number
  readonly leaseMs: number
  readonly pollMs: number
}

/** What became of one transition; `lost` ends the work under this lease. */
type Handled = 'done' | 'failed' | 'lost'

const CONSUMER_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const PAGE_SIZE = 100

/** See {@link KycEngine.follow}. */
export async function followFeed(
  context: EngineContext,
  name: string,
  handler: FeedHandler,
  options: FollowOptions,
): Promise<void> {
  const follower = toFollower(name, handler, options)
  const bell = createBell(context, follower.pollMs)
  try {
    while (!follower.signal.aborted) {
      await followOnce(context, follower, bell)
      // Somebody else is at work, or the storage is away.
      await sleepUntilAborted(context.sleep, follower.pollMs, follower.signal)
    }
  } finally {
    bell.stop()
  }
}

function toFollower(name: string, handler: FeedHandler, options: FollowOptions): Follower {
  if (!CONSUMER_NAME.test(name)) {
    throw new KycError('argument_invalid', {
      problem: 'The consumer’s name is not usable.',
      fix: 'Use 1 to 63 lower-case letters, digits, dots, hyphens and underscores, for example claims.',
    })
  }
  return {
    name,
    handler,
    signal: options.signal ?? new AbortController().signal,
    maxAttempts: requireWholeNumber('maxAttempts', options.maxAttempts ?? 10, 1),
    retryMs: requireWholeNumber('retryMs', options.retryMs ?? 500, 0),
    maxRetryMs: requireWholeNumber('maxRetryMs', options.maxRetryMs ?? 60_000, 0),
    leaseMs: requireWholeNumber('leaseMs', options.leaseMs ?? 30_000, 100),
    pollMs: requireWholeNumber('pollMs', options.pollMs ?? 1000, 1),
  }
}

/** Follows under one lease until it is lost, the follower is stopped, or the storage fails in a way that passes. */
async function followOnce(context: EngineContext, follower: Follower, bell: Bell): Promise<void> {
  const { name, leaseMs, signal } = follower
  try {
    await withLease(context, name, { leaseMs, signal }, async (lease) => {
      context.logger.info({ consumer: name, fence: lease.fence }, 'following the feed')
      await followUnder(context, follower, bell, lease)
    })
  } catch (error) {
    if (isKycError(error) && error.code === 'argument_invalid') throw error
    context.logger.error({ consumer: name, ...toLogFields(error) }, 'follower interrupted: it goes on by itself')
  }
}

async function followUnder(context: EngineContext, follower: Follower, bell: Bell, lease: HeldLease): Promise<void> {
  let { cursor, attempts } = lease
  while (!lease.signal.aborted) {
    bell.reset()
    if (!(await replayDue(context, follower, lease))) return
    const page = await context.storage.readFeed({ after: cursor, limit: PAGE_SIZE })
    for (const [index, transition] of page.items.entries()) {
      const next = page.cursors[index] ?? page.next
      const place = { before: cursor, after: next, attempts }
      if ((await handleNext(context, follower, lease, { transition, ...place })) === 'lost') return
      cursor = next
      attempts = 0
    }
    if (page.items.length === 0) await bell.wait(lease.signal)
  }
}

interface Step {
  readonly transition: Transition
  readonly before: string | null
  readonly after: string
  readonly attempts: number
}

/** Handles the next transition until it is done or put aside, and moves the cursor past it. */
async function handleNext(
  context: EngineContext,
  follower: Follower,
  lease: HeldLease,
  { transition, before, after, attempts }: Step,
): Promise<Handled> {
  const { name, maxAttempts } = follower
  const past = { cursor: after, attempts: 0 }
  if (await context.storage.hasDeadLetter(name, transition.caseId)) {
    return park(context, follower, lease, { transition, past, reason: 'blocked', attempts: 0, error: null })
  }
  let error: string | null = null
  for (let attempt = attempts + 1; attempt <= maxAttempts; attempt++) {
    if (attempt > 1) await sleepUntilAborted(context.sleep, toWaitMs(follower, attempt), lease.signal)
    const handled = await handle(context, follower, lease, transition, attempt)
    if (handled === 'lost') return 'lost'
    if (handled === 'done') return (await lease.save(past)) ? 'done' : 'lost'
    error = handled.error
    if (!(await lease.save({ cursor: before, attempts: attempt }))) return 'lost'
  }
  return park(context, follower, lease, { transition, past, reason: 'failed', attempts: maxAttempts, error })
}

/** Calls the handler, unless the lease is over: a process that wakes up late must not begin anything. */
async function handle(
  { logger }: EngineContext,
  { name, handler }: Follower,
  { signal, isHeld, fence }: HeldLease,
  transition: Transition,
  attempt: number,
): Promise<'done' | 'lost' | { error: string }> {
  if (signal.aborted || !isHeld()) return 'lost'
  try {
    await handler(transition, { signal, fencingToken: fence, attempt })
    return 'done'
  } catch (error) {
    const { caseId, revision } = transition
    logger.warn({ consumer: name, caseId, revision, attempt, ...toLogFields(error) }, 'handler of the feed failed')
    // What failed because it was told to end has not failed.
    return signal.aborted ? 'lost' : { error: toErrorName(error) }
  }
}

async function park(
  context: EngineContext,
  { name }: Follower,
  lease: HeldLease,
  {
    transition: { caseId, revision },
    past,
    ...letter
  }: Pick<DeadLetter, 'transition' | 'reason' | 'attempts' | 'error'> & {
    past: { cursor: string; attempts: number }
  },
): Promise<Handled> {
  const parkedAt = new Date(context.now())
  if (!(await lease.save(past, { ...letter, caseId, revision, parkedAt }))) return 'lost'
  raiseAlarm(context, { kind: 'dead_letter', consumer: name, caseId, revision, reason: letter.reason })
  return 'failed'
}

/** Handles the dead letters whose replay was asked for, each case's in their order. False when the lease is lost. */
async function replayDue(context: EngineContext, follower: Follower, lease: HeldLease): Promise<boolean> {
  const { name } = follower
  const { storage } = context
  while (!lease.signal.aborted) {
    const due = await storage.listDeadLetters({ consumer: name, isDue: true, after: null, limit: 1 })
    const [letter] = due.items
    if (letter === undefined) return true
    const handled = await handle(context, follower, lease, letter.transition, letter.attempts + 1)
    if (handled === 'lost') return false
    const { caseId, revision } = letter.transition
    const isDone = handled === 'done'
    const result = isDone ? 'done' : 'failed'
    const error = isDone ? null : handled.error
    if (!(await storage.settleDeadLetter(name, { fence: lease.fence, caseId, revision, result, error }))) return false
    context.logger.info({ consumer: name, caseId, revision, result }, 'dead letter replayed')
  }
  return false
}

function toWaitMs({ retryMs, maxRetryMs }: Follower, attempt: number): number {
  return Math.min(maxRetryMs, retryMs * 2 ** Math.min(attempt - 2, 30))
}

/** Messages of an app's errors may hold anything: only the name is kept, or the code of one of ours. */
function toErrorName(error: unknown): string {
  if (isKycError(error)) return error.code
  return error instanceof Error ? error.name.slice(0, 100) : typeof error
}
