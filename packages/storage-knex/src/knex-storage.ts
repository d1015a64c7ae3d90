import { type KycStorage, type RecordedEvent, StorageError, type Transition } from '@persona-kyc/core'
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
import { toDriverCode, toStorageError } from './storage-error.js'

/** What {@link createKnexStorage} accepts. */
export interface KnexStorageOptions {
  /** Your Knex instance, with the `pg` client. A transaction of yours works too: then everything is part of it. */
  readonly knex: Knex
  /** The schema of the tables. Default `persona_kyc`. */
  readonly schema?: string
}

const UNIQUE_VIOLATION = '23505'
const MAX_TURNS = 10

/**
 * Returns a storage on PostgreSQL 13 or newer. Run `migrate` before. The Knex instance stays yours: its pool is the
 * pool, and closing it is up to you.
 *
 * @throws ConfigurationError when the schema's name is no plain identifier.
 */
export function createKnexStorage({ knex, schema = DEFAULT_SCHEMA }: KnexStorageOptions): KycStorage {
  const tables = toTableNames(schema)
  const recordSql = recordEventSql(tables)

  const run = async <Row>(
    sql: string,
    bindings: Knex.RawBinding[] | Record<string, Knex.RawBinding> = [],
  ): Promise<Row[]> => {
    try {
      const { rows } = await knex.raw<{ rows: Row[] }>(sql, bindings as Knex.ValueDict)
      return rows
    } catch (error) {
      throw toStorageError(error)
    }
  }
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
    claimInitiation: (caseId, options) => runOnCase(statements.claimInitiation(tables), { caseId, ...options }),
    async releaseInitiation(caseId, until) {
      await run(statements.releaseInitiation(tables), { caseId, until })
    },
    advanceAttempt: (caseId, fromAttempt) => runOnCase(statements.advanceAttempt(tables), { caseId, fromAttempt }),
    async attachInquiry(caseId, inquiry) {
      const rows = await retryingConflicts(knex, (transaction) =>
        transaction.raw<{ rows: CaseRow[] }>(statements.attachInquiry(tables), { caseId, ...inquiry }),
      )
      const [row] = rows ?? []
      return row === undefined ? null : fromCaseRow(row)
    },
    storeSessionToken: (caseId, session) => runOnCase(statements.storeSessionToken(tables), { caseId, ...session }),
    async recordEvent(event) {
      const rows = await retryingConflicts(knex, (transaction) =>
        transaction.raw<{ rows: RecordedRow[] }>(recordSql, toRecordEventBindings(event)),
      )
      const [row] = rows ?? []
      if (row === undefined) throw contention()
      return toRecordedEvent(event, row)
    },
    async setClaim(caseId, claim) {
      const stored = await runOnCase(statements.setClaim(tables), { caseId, ...claim })
      if (stored !== null) return { result: 'stored', kycCase: stored }
      // A claim once stored is never changed, so what is read now says why nothing was stored then.
      const kycCase = await this.getCase(caseId)
      if (kycCase === null) return { result: 'not_found', kycCase }
      if (kycCase.status !== 'verified' || kycCase.kycClaimId === null) return { result: 'not_verified', kycCase }
      const isSame = kycCase.kycClaimId === claim.kycClaimId && kycCase.kycClaimTxHash === claim.kycClaimTxHash
      return { result: isSame ? 'unchanged' : 'conflict', kycCase }
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

type RecordedRow = Partial<CaseRow> & {
  readonly outcome: RecordedEvent['outcome']
  readonly previous_status: Transition['from'] | null
}

/**
 * Runs a statement that another process may cross by a unique key between its snapshot and its write; then it runs
 * again and sees what was written. Null when it never gets through. In a transaction of the app, each try is a
 * savepoint, so that a crossed one does not end the whole.
 */
async function retryingConflicts<Row>(
  knex: Knex,
  statement: (knex: Knex) => PromiseLike<{ rows: Row[] }>,
): Promise<Row[] | null> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    try {
      const { rows } =
        knex.isTransaction === true
          ? await knex.transaction(async (savepoint) => statement(savepoint))
          : await statement(knex)
      return rows
    } catch (error) {
      if (toDriverCode(error) !== UNIQUE_VIOLATION) throw toStorageError(error)
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
