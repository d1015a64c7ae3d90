import { isKycError, type KycStorage, type NewEvent, type RecordedEvent, type Transition } from '@persona-kyc/core'
import { createEventBatches } from './event-batches.js'
import {
  matchEventInTimeSql,
  matchEventSql,
  recordEventSql,
  recordEventsSql,
  toEventsValues,
  toEventValues,
  toMatchValues,
} from './record-events-sql.js'
import { type CaseRow, fromCaseRow } from './rows.js'
import { contention, type Runner } from './run-statement.js'
import type { TableNames } from './schema.js'
import { prepare } from './statement-runner.js'
import { CROSSED_TRANSACTIONS, LOCK_NOT_AVAILABLE, QUERY_CANCELED } from './storage-error.js'

/** What the ingest works with. */
export interface EventOptions {
  readonly runner: Runner
  /** Wakes those who wait for a transition. */
  readonly announceGrowth: () => void
  /** Whether events that come at the same time share a commit: not in a transaction of the app, where all are part of it. */
  readonly batches: boolean
}

/** Returns the function of a storage that records events. */
export function createRecordEvent(
  tables: TableNames,
  { runner, announceGrowth, batches }: EventOptions,
): KycStorage['recordEvent'] {
  const alone = prepare(recordEventSql(tables))
  const together = prepare(recordEventsSql(tables))
  const again = prepare(batches ? matchEventInTimeSql(tables) : matchEventSql(tables))

  const settle = async (event: NewEvent, row: RecordedRow): Promise<RecordedEvent> => {
    const [matched] = row.may_match ? await runner.runPrepared<RecordedRow>(again, toMatchValues(event)) : [row]
    if (matched === undefined) throw contention()
    const recorded = toRecordedEvent(event, matched)
    if (recorded.transition !== null) announceGrowth()
    return recorded
  }
  const recordOne = async (event: NewEvent) => {
    const [row] = await runner.runPrepared<RecordedRow>(alone, toEventValues(event))
    if (row === undefined) throw contention()
    return settle(event, row)
  }
  const recordAll = async (events: readonly NewEvent[], copyWaitMs: number) => {
    // What many have in common is done again one by one, and one alone as often as it takes.
    const run = events.length === 1 ? runner.runPrepared<RecordedRow> : runner.runPreparedOnce<RecordedRow>
    const rows = await run(together, toEventsValues(events, copyWaitMs))
    const byPlace = new Map(rows.map((row) => [row.place, row]))
    return events.map((event, place) => {
      const row = byPlace.get(place)
      return row === undefined ? null : settle(event, row)
    })
  }
  return batches ? createEventBatches({ recordAll, isOutage }) : recordOne
}

/** What is between two transactions is none: all events but one may get through one by one. */
function isOutage(error: unknown): boolean {
  if (!isKycError(error) || error.code !== 'storage_unavailable') return false
  return !(error.cause instanceof Error && BETWEEN_TRANSACTIONS.includes(error.cause.message))
}

/** A `statement_timeout` below our own `lock_timeout` ends a wait for a lock too. */
const BETWEEN_TRANSACTIONS = [...CROSSED_TRANSACTIONS, LOCK_NOT_AVAILABLE, QUERY_CANCELED]

type RecordedRow = Partial<CaseRow> & {
  readonly place: number
  readonly outcome: RecordedEvent['outcome']
  readonly previous_status: Transition['from'] | null
  /** True for an event that is there and may still belong to no case, while one for it has come. */
  readonly may_match: boolean
}

function toRecordedEvent(event: Parameters<KycStorage['recordEvent']>[0], row: RecordedRow): RecordedEvent {
  const { outcome, previous_status: from } = row
  if (outcome === 'duplicate' || row.id === undefined || row.id === null)
    return { outcome, kycCase: null, transition: null }
  const kycCase = fromCaseRow(row as CaseRow)
  const { effect } = event
  if (outcome !== 'applied' || effect === null || from === null || from === kycCase.status) {
    return { outcome, kycCase, transition: null }
  }
  const transition: Transition = {
    caseId: kycCase.id,
    revision: (row as CaseRow).revision,
    from,
    to: kycCase.status,
    score: kycCase.verificationScore,
    personaStatus: effect.personaStatus,
    eventId: event.id,
    eventName: event.name,
    occurredAt: effect.occurredAt,
    recordedAt: event.receivedAt,
  }
  return { outcome, kycCase, transition }
}
