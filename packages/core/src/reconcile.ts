import { type HeldLease, sleepUntilAborted, withLease } from './consumer-lease.js'
import type { EngineContext } from './engine-context.js'
import { requireTime, requireWholeNumber } from './input.js'
import { toLogFields } from './logger.js'
import { createPacer } from './pacer.js'
import { isPersonaError } from './persona-error.js'
import { reconcileCases } from './reconcile-cases.js'
import { reconcileEvents } from './reconcile-events.js'
import { createPastRecorder, type TimedEvent } from './record-persona-event.js'
import type { RecordedEvent, Transition } from './storage.js'

/** How far a run is. */
export interface ReconcileProgress {
  readonly phase: 'cases' | 'events'
  readonly done: number
  /** Null where nobody knows. */
  readonly total: number | null
}

/** What {@link KycEngine.reconcile} accepts. */
export interface ReconcileOptions {
  /** `cases` asks about each unsettled case, `events` reads Persona's events since the last run. Default: both. */
  readonly sources?: readonly ('cases' | 'events')[] | undefined
  /** Asks about cases that nothing has happened to for so long, in milliseconds. Default 10 minutes. */
  readonly quietMs?: number | undefined
  /** Asks about cases that are at most so old, in milliseconds. Default 30 days. */
  readonly maxAgeMs?: number | undefined
  /** How far back the first run reads the events, in milliseconds. Default 3 days: longer than Persona retries. */
  readonly lookbackMs?: number | undefined
  /** Reads the events back to this time, or to where the last run ended if that is earlier. Persona keeps them for 30 days. */
  readonly since?: Date | undefined
  /** The part of the rate limit that is left to others, 0 to 1. Default 0.1. */
  readonly reserve?: number | undefined
  readonly onProgress?: ((progress: ReconcileProgress) => unknown) | undefined
  /** Ends the run between two calls. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What a run did. `busy`: another process is at it, and this run did nothing. `rate_limited`: Persona's limit would have
 * made it wait too long; the next run goes on. `aborted`: the signal ended it.
 */
export interface ReconcileReport {
  readonly status: 'done' | 'busy' | 'rate_limited' | 'aborted'
  readonly casesChecked: number
  /** Cases whose inquiry Persona does not know. */
  readonly inquiriesMissing: number
  /** Inquiries of interrupted initiations that were given to their cases. */
  readonly inquiriesAdopted: number
  readonly eventsRead: number
  /** Events of Persona's that are none: the API version may be wrong. */
  readonly eventsUnreadable: number
  /** Events that no webhook had brought. */
  readonly eventsRecorded: number
  /** What it changed. */
  readonly transitions: readonly Transition[]
  /** Pages that Persona was asked for. */
  readonly listCalls: number
  /** Time that was spent waiting for room in the rate limit, in milliseconds. */
  readonly waitedMs: number
}

/** What the parts of a run share. */
export interface Run {
  readonly context: EngineContext
  readonly lease: HeldLease
  readonly quietMs: number
  readonly maxAgeMs: number
  readonly lookbackMs: number
  /** In milliseconds since the epoch; null where the last run says how far back. */
  readonly since: number | null
  readonly report: { -readonly [Name in keyof ReconcileReport]: ReconcileReport[Name] } & { transitions: Transition[] }
  /** Asks Persona for a page, when there is room for it. Rejects when the run is over. */
  ask<Answer>(call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer>
  /** Records an event that Persona lists. Rejects when the run is over. */
  recordPast(event: TimedEvent): Promise<RecordedEvent>
  note(recorded: RecordedEvent): void
  progress(progress: ReconcileProgress): void
  /** True when somebody watches: then it is worth counting. */
  readonly isWatched: boolean
}

/** Ends a run early: `reconcile` turns it into the report's status. */
class RunEnded extends Error {
  constructor(readonly status: 'rate_limited' | 'aborted') {
    super(status)
  }
}

/** The name of the lease under which one process at a time reconciles; no consumer of the feed can have it. */
const RECONCILER = '$reconciler'
const LEASE_MS = 60_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** See {@link KycEngine.reconcile}. */
export async function reconcile(context: EngineContext, options: ReconcileOptions): Promise<ReconcileReport> {
  const signal = options.signal ?? new AbortController().signal
  const report: Run['report'] = { ...EMPTY_REPORT, transitions: [] }
  const start = toStart(context, options, report)
  const isMine = await withLease(context, RECONCILER, { leaseMs: LEASE_MS, signal }, async (lease) => {
    report.status = await toStatus(start(lease))
  })
  if (!isMine) report.status = 'busy'
  const { transitions, ...fields } = report
  context.logger.info({ ...fields, transitions: transitions.length }, 'reconciled')
  return report
}

/** What {@link KycEngine.reconcileEvery} accepts. */
export interface ReconcileEveryOptions extends Omit<ReconcileOptions, 'onProgress'> {
  /** The wait between the end of a run and the next one, in milliseconds. Default 5 minutes. */
  readonly everyMs?: number | undefined
}

/** See {@link KycEngine.reconcileEvery}. */
export async function reconcileEvery(context: EngineContext, options: ReconcileEveryOptions): Promise<void> {
  const { signal = new AbortController().signal } = options
  const everyMs = requireWholeNumber('everyMs', options.everyMs ?? 5 * MINUTE_MS, 1)
  while (!signal.aborted) {
    await reconcile(context, { ...options, signal }).catch((error: unknown) => {
      context.logger.error(toLogFields(error), 'not reconciled: it is tried again')
    })
    await sleepUntilAborted(context.sleep, everyMs, signal)
  }
}

function toStart(context: EngineContext, options: ReconcileOptions, report: Run['report']) {
  const { sources = ['cases', 'events'], onProgress } = options
  const { now, sleep, persona } = context
  const limits = {
    quietMs: requireWholeNumber('quietMs', options.quietMs ?? 10 * MINUTE_MS, 0),
    maxAgeMs: toDuration('maxAgeMs', options.maxAgeMs ?? 30 * DAY_MS),
    lookbackMs: toDuration('lookbackMs', options.lookbackMs ?? 3 * DAY_MS),
    since: options.since === undefined ? null : requireTime('since', options.since),
  }
  const pacer = createPacer(persona, { now, sleep, reserve: options.reserve })
  return async (lease: HeldLease) => {
    const toEnd = (error: unknown): never => {
      throw lease.signal.aborted ? new RunEnded('aborted') : error
    }
    const recordPast = createPastRecorder(context, lease.signal)
    const run: Run = {
      ...limits,
      context,
      lease,
      report,
      async ask(call) {
        if (lease.signal.aborted) throw new RunEnded('aborted')
        const room = await pacer.waitForRoom(lease.signal).catch(() => 'aborted' as const)
        report.waitedMs = pacer.waitedMs
        if (lease.signal.aborted || !lease.isHeld() || room === 'aborted') throw new RunEnded('aborted')
        if (room === 'exhausted') throw new RunEnded('rate_limited')
        report.listCalls += 1
        return call(lease.signal).catch(toEnd)
      },
      recordPast: (event) => recordPast(event).catch(toEnd),
      note({ transition }) {
        if (transition !== null) report.transitions.push(transition)
      },
      progress: (progress) => onProgress?.(progress),
      isWatched: onProgress !== undefined,
    }
    if (sources.includes('cases')) await reconcileCases(run)
    if (sources.includes('events')) await reconcileEvents(run)
  }
}

async function toStatus(run: Promise<void>): Promise<ReconcileReport['status']> {
  try {
    await run
    return 'done'
  } catch (error) {
    if (error instanceof RunEnded) return error.status
    if (isPersonaError(error, 'persona_rate_limited')) return 'rate_limited'
    throw error
  }
}

function toDuration(name: string, ms: number): number {
  // Longer than a timer may run, and still a time that PostgreSQL knows.
  return requireWholeNumber(name, Math.ceil(ms / 1000), 0) * 1000
}

const EMPTY_REPORT = {
  status: 'done',
  casesChecked: 0,
  inquiriesMissing: 0,
  inquiriesAdopted: 0,
  eventsRead: 0,
  eventsUnreadable: 0,
  eventsRecorded: 0,
  listCalls: 0,
  waitedMs: 0,
} as const
