import { ConfigurationError, type KycStorage, type RecordedEvent, type Transition } from '@persona-kyc/core'
import type { Knex } from 'knex'
import * as cursors from './cursors.js'
import { createKnexAudit } from './knex-audit.js'
import { createKnexClaims } from './knex-claims.js'
import { createKnexConsumers } from './knex-consumers.js'
import { matchEventSql, recordEventSql, toRecordEventBindings } from './record-event-sql.js'
import {
  type CaseRow,
  type EventRow,
  type FeedRow,
  fromCaseRow,
  fromEventRow,
  fromStoredEventRow,
  fromTransitionRow,
  type StoredEventRow,
} from './rows.js'
import { contention, createRunner } from './run-statement.js'
import { DEFAULT_SCHEMA, toTableNames } from './schema.js'
import * as statements from './statements.js'

/** What {@link createKnexStorage} accepts. */
export interface KnexStorageOptions {
  /** Your Knex instance, with the `pg` client. A transaction of yours works too: then everything is part of it. */
  readonly knex: Knex
  /** The schema of the tables. Default `persona_kyc`. */
  readonly schema?: string
}

const MAX_TURNS = 50

/**
 * Returns a storage on PostgreSQL 13 or newer. Run `migrate` before. The Knex instance stays yours: its pool is the
 * pool, and closing it is up to you.
 *
 * @throws ConfigurationError when the schema's name is no plain identifier, or Knex is not set up for PostgreSQL.
 */
export function createKnexStorage({ knex, schema = DEFAULT_SCHEMA }: KnexStorageOptions): KycStorage {
  requirePostgres(knex)
  const tables = toTableNames(schema)
  const recordSql = recordEventSql(tables)
  const matchSql = matchEventSql(tables)

  const runner = createRunner(knex)
  const { run, runCrossed } = runner
  const { announceGrowth, ...consumers } = createKnexConsumers(knex, tables, runner)
  const runOnCase = async (sql: string, bindings: Record<string, Knex.RawBinding>) => {
    const [row] = await run<CaseRow>(sql, bindings)
    return row === undefined ? null : fromCaseRow(row)
  }

  return {
    ...consumers,
    ...createKnexClaims(tables, runner),
    ...createKnexAudit(tables, runner),

    async createCase(newCase) {
      // A case that somebody else stores at this moment is not visible to this statement, only to the next one.
      for (let turn = 0; turn < MAX_TURNS; turn++) {
        const [row] = await run<CaseRow & { created: boolean }>(statements.createCase(tables), { ...newCase })
        if (row !== undefined) return { kycCase: fromCaseRow(row), created: row.created }
      }
      throw contention()
    },
    getCase: (caseId) => runOnCase(`select * from ${tables.cases} where id = :caseId`, { caseId }),
    async listCases(query) {
      const { status, after, limit } = query
      const [createdAt, id] = cursors.fromCaseCursor(after)
      const rows = await run<CaseRow>(statements.listCases(tables, query), { status, createdAt, id, limit: limit + 1 })
      return cursors.toPage(rows.map(fromCaseRow), limit, cursors.toCaseCursor)
    },
    async listUnsettledCases({ after, limit, ...query }) {
      const [createdAt, id] = cursors.fromCaseCursor(after)
      const bindings = { ...query, createdAt, id, limit: limit + 1 }
      const rows = await run<CaseRow>(statements.listUnsettledCases(tables), bindings)
      return cursors.toPage(rows.map(fromCaseRow), limit, cursors.toCaseCursor)
    },
    leaseInitiation: (caseId, options) => runOnCase(statements.leaseInitiation(tables), { caseId, ...options }),
    async releaseInitiation(caseId, until) {
      await run(statements.releaseInitiation(tables), { caseId, until })
    },
    advanceAttempt: (caseId, fromAttempt) => runOnCase(statements.advanceAttempt(tables), { caseId, fromAttempt }),
    async attachInquiry(caseId, inquiry) {
      const [row] = await runCrossed<CaseRow>(statements.attachInquiry(tables), { caseId, ...inquiry })
      return row === undefined ? null : fromCaseRow(row)
    },
    storeSessionToken: (caseId, session) => runOnCase(statements.storeSessionToken(tables), { caseId, ...session }),
    async recordEvent(event) {
      const bindings = toRecordEventBindings(event)
      const [first] = await runCrossed<RecordedRow>(recordSql, bindings)
      const [row] = first?.may_match ? await runCrossed<RecordedRow>(matchSql, bindings) : [first]
      if (row === undefined) throw contention()
      const recorded = toRecordedEvent(event, row)
      if (recorded.transition !== null) announceGrowth()
      return recorded
    },
    async setClaim(caseId, claim) {
      const [row] = await run<CaseRow & { result: 'stored' | 'unchanged' | 'conflict' | 'not_verified' }>(
        statements.setClaim(tables),
        { caseId, ...claim },
      )
      return row === undefined
        ? { result: 'not_found', kycCase: null }
        : { result: row.result, kycCase: fromCaseRow(row) }
    },
    async clearClaim(caseId, claim) {
      const [row] = await run<CaseRow & { result: 'cleared' | 'unchanged' | 'conflict' }>(
        statements.clearClaim(tables),
        { caseId, ...claim },
      )
      return row === undefined
        ? { result: 'not_found', kycCase: null }
        : { result: row.result, kycCase: fromCaseRow(row) }
    },
    eraseCase: (caseId, now) => runOnCase(statements.eraseCase(tables), { caseId, now }),
    async listCaseEvents(caseId, { after, limit }) {
      const [receivedAt, id] = cursors.fromEventCursor(after)
      const rows = await run<EventRow>(statements.listCaseEvents(tables), { caseId, receivedAt, id, limit: limit + 1 })
      return cursors.toPage(rows.map(fromEventRow), limit, cursors.toEventCursor)
    },
    async listUnmatchedEvents({ after, limit }) {
      const [receivedAt, id] = cursors.fromEventCursor(after)
      const bindings = { receivedAt, id, limit: limit + 1 }
      const rows = await run<StoredEventRow>(statements.listUnmatchedEvents(tables), bindings)
      return cursors.toPage(rows.map(fromStoredEventRow), limit, cursors.toEventCursor)
    },
    async readFeed({ after, limit }) {
      const place = cursors.fromFeedCursor(after)
      const rows = await run<FeedRow>(statements.readFeed(tables), { ...place, limit })
      const [{ feed_id: feedId, is_ahead: isAhead }] = cursors.requireFeed(rows)
      if (after !== null && (place.feedId !== feedId || isAhead)) throw cursors.foreignCursor()
      const found = rows.flatMap((row) => (row.case_id === null ? [] : [row]))
      const places = found.map((row) => cursors.toFeedCursor(feedId, row))
      return {
        items: found.map(fromTransitionRow),
        next: places.at(-1) ?? after ?? cursors.toFeedCursor(feedId, cursors.FEED_START),
        cursors: places,
      }
    },
    async ping() {
      await run('select 1')
    },
  }
}

function requirePostgres(knex: Knex): void {
  const { dialect } = (knex.client ?? {}) as { dialect?: unknown }
  if (dialect === 'postgresql' || dialect === 'cockroachdb') return
  throw new ConfigurationError({
    problem: 'The Knex instance is not set up for PostgreSQL.',
    fix: "Make it with { client: 'pg', connection: … }.",
  })
}

type RecordedRow = Partial<CaseRow> & {
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
