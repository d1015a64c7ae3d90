import { isInquiryEvent, type PersonaEvent } from './events.js'
import type { Run } from './reconcile.js'
import type { RecordedEvent } from './storage.js'

/** Persona's list may lag a little behind its events, and its clock behind ours. */
const OVERLAP_MS = 2 * 60_000
const PAGE_SIZE = 100

/**
 * Reads Persona's events, newest first, back to where the last run began, and records those that no webhook brought.
 * The place is kept only when the whole way back was walked: what is missed by an early end, the next run reads again.
 */
export async function reconcileEvents(run: Run): Promise<void> {
  const { context, lease } = run
  const since = toStart(run)
  let newest: number | null = null
  let after: string | undefined
  do {
    const { items, unreadable, next } = await run.ask((signal) =>
      context.persona.events.listPage({ pageSize: PAGE_SIZE, after, signal }),
    )
    newest ??= items[0]?.createdAt?.getTime() ?? null
    run.report.eventsUnreadable += unreadable
    for (const recorded of await Promise.all(items.map((event) => record(run, event, since)))) {
      if (recorded !== null) run.note(recorded)
    }
    run.progress({ phase: 'events', done: run.report.eventsRead, total: null })
    after = items.some(({ createdAt }) => createdAt !== null && createdAt.getTime() < since)
      ? undefined
      : (next ?? undefined)
  } while (after !== undefined)
  if (newest !== null) await lease.save({ cursor: new Date(newest).toISOString(), attempts: 0 })
}

/** Where the last run began, or further back where that is asked for: never later, for nobody would read what lies between. */
function toStart({ context, lease, lookbackMs, since }: Run): number {
  const start = context.now() - lookbackMs
  const usual = lease.cursor === null ? start : (toTime(lease.cursor) ?? start) - OVERLAP_MS
  return since === null ? usual : Math.min(since, usual)
}

/** The events of a page are recorded together, so that they share commits. */
async function record({ recordPast, report }: Run, event: PersonaEvent, since: number): Promise<RecordedEvent | null> {
  const { createdAt } = event
  if (createdAt === null || createdAt.getTime() < since) return null
  report.eventsRead += 1
  if (event.inquiry === null || !isInquiryEvent(event.name)) return null
  const recorded = await recordPast({ ...event, occurredAt: createdAt })
  if (recorded.outcome !== 'duplicate') report.eventsRecorded += 1
  return recorded
}

function toTime(cursor: string): number | null {
  const time = Date.parse(cursor)
  return Number.isNaN(time) ? null : time
}
