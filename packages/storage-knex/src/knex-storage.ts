import {
  ConfigurationError,
  type KycStorage,
  type RecordedEvent,
  StorageError,
  type Transition,
} from '@persona-kyc/core'
import type { Knex } from 'knex'
import * as cursors from './cursors.js'
import { recordEventSql, toRecordEventBindings } from './record-event-sql.js'
import {
  type CaseRow,
  type EventRow,
  fromCaseRow,
  fromEventRow,
  fromTransitionRow,
  type TransitionRow,
} from './rows.js'
import { DEFAULT_SCHEMA, toTableNames } from './schema.js'
import * as statements from './statements.js'
import { CROSSED_TRANSACTIONS, toDriverCode, toStorageError } from './storage-error.js'

/** What {@link createKnexStorage} accepts. */
export interface KnexStorageOptions {
  /** Your Knex instance, with the `pg` client. A transaction of yours works too: then everything is part of it. */
  readonly knex: Knex
  /** The schema of the tables. Default `persona_kyc`. */
  readonly schema?: string
}

const UNIQUE_VIOLATION = '23505'
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

  const run = async <Row>(sql: string, bindings: Knex.ValueDict = {}): Promise<Row[]> => {
    const rows = await runRepeatedly<Row>(knex, { sql, bindings, repeatOn: CROSSED_TRANSACTIONS })
    if (rows === null) throw contention()
    return rows
  }
  /** For statements that another process may cross by a unique key between their snapshot and their write. */
  const runCrossed = <Row>(sql: string, bindings: Knex.ValueDict) =>
    runRepeatedly<Row>(knex, { sql, bindings, repeatOn: [UNIQUE_VIOLATION, ...CROSSED_TRANSACTIONS] })
  const runOnCase = async (sql: string, bindings: Record<string, Knex.RawBinding>) => {
    const [row] = await run<CaseRow>(sql, bindings)
    return row === undefined ? null : fromCaseRow(row)
  }

  return {
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
    leaseInitiation: (caseId, options) => runOnCase(statements.leaseInitiation(tables), { caseId, ...options }),
    async releaseInitiation(caseId, until) {
      await run(statements.releaseInitiation(tables), { caseId, until })
    },
    advanceAttempt: (caseId, fromAttempt) => runOnCase(statements.advanceAttempt(tables), { caseId, fromAttempt }),
    async attachInquiry(caseId, inquiry) {
      const rows = await runCrossed<CaseRow>(statements.attachInquiry(tables), { caseId, ...inquiry })
      const [row] = rows ?? []
      return row === undefined ? null : fromCaseRow(row)
    },
    storeSessionToken: (caseId, session) => runOnCase(statements.storeSessionToken(tables), { caseId, ...session }),
    async recordEvent(event) {
      const rows = await runCrossed<RecordedRow>(recordSql, toRecordEventBindings(event))
      const [row] = rows ?? []
      if (row === undefined) throw contention()
      return toRecordedEvent(event, row)
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
    eraseCase: (caseId, now) => runOnCase(statements.eraseCase(tables), { caseId, now }),
    async listCaseEvents(caseId, { after, limit }) {
      const [receivedAt, id] = cursors.fromEventCursor(after)
      const rows = await run<EventRow>(statements.listCaseEvents(tables), { caseId, receivedAt, id, limit: limit + 1 })
      return cursors.toPage(rows.map(fromEventRow), limit, cursors.toEventCursor)
    },
    async readFeed({ after, limit }) {
      const [feedXid, caseId, revision] = cursors.fromFeedCursor(after)
      const rows = await run<TransitionRow>(statements.readFeed(tables), { feedXid, caseId, revision, limit })
      const last = rows.at(-1)
      const next = last === undefined ? (after ?? cursors.FEED_START) : cursors.toFeedCursor(last)
      return { items: rows.map(fromTransitionRow), next }
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
}

interface Statement {
  readonly sql: string
  readonly bindings: Knex.ValueDict
  /** The errors after which the same statement may succeed. */
  readonly repeatOn: readonly string[]
}

/**
 * Runs a statement, again where another process has crossed it: then it sees what that one wrote. Null when it never
 * gets through. In a transaction of the app each run is a savepoint, so that a crossed one does not end the whole; what
 * ends it all the same, such as a deadlock, is for the app to repeat.
 */
async function runRepeatedly<Row>(knex: Knex, { sql, bindings, repeatOn }: Statement): Promise<Row[] | null> {
  const isBound = knex.isTransaction === true
  const repeats = isBound ? repeatOn.filter((code) => !CROSSED_TRANSACTIONS.includes(code)) : repeatOn
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    try {
      const needsSavepoint = isBound && repeats.length > 0
      const { rows } = needsSavepoint
        ? await knex.transaction(async (savepoint) => savepoint.raw<{ rows: Row[] }>(sql, bindings))
        : await knex.raw<{ rows: Row[] }>(sql, bindings)
      return rows
    } catch (error) {
      if (!repeats.includes(toDriverCode(error))) throw toStorageError(error)
    }
  }
  return null
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

function contention(): StorageError {
  return new StorageError('storage_unavailable', {
    problem: 'Other processes crossed this statement too often.',
    fix: 'Repeat the call.',
  })
}
