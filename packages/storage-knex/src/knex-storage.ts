import { ConfigurationError, type KycStorage } from '@persona-kyc/core'
import type { Knex } from 'knex'
import * as cursors from './cursors.js'
import { createKnexAudit } from './knex-audit.js'
import { createKnexClaims } from './knex-claims.js'
import { createKnexConsumers } from './knex-consumers.js'
import { createRecordEvent } from './knex-events.js'
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
import { prepare } from './statement-runner.js'
import * as statements from './statements.js'

/** What {@link createKnexStorage} accepts. */
export interface KnexStorageOptions {
  /** Your Knex instance, with the `pg` client. A transaction of yours works too: then everything is part of it. */
  readonly knex: Knex
  /** The schema of the tables. Default `persona_kyc`. */
  readonly schema?: string
  /**
   * Whether events that come at the same time share a commit: a lone one waits for nothing, and each is answered after its
   * own. Default true; never in a transaction of yours.
   */
  readonly batches?: boolean
}

const MAX_TURNS = 50

/**
 * Returns a storage on PostgreSQL 13 or newer. Run `migrate` before. The Knex instance stays yours: its pool is the
 * pool, and closing it is up to you.
 *
 * @throws ConfigurationError when the schema's name is no plain identifier, or Knex is not set up for PostgreSQL.
 */
export function createKnexStorage({ knex, schema = DEFAULT_SCHEMA, batches = true }: KnexStorageOptions): KycStorage {
  requirePostgres(knex)
  const tables = toTableNames(schema)
  const runner = createRunner(knex)
  const { run, runCrossed } = runner
  const caseEvents = prepare(statements.listCaseEvents(tables))
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
    recordEvent: createRecordEvent(tables, { runner, announceGrowth, batches: batches && knex.isTransaction !== true }),
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
      const rows = await runner.runPrepared<EventRow>(caseEvents, [caseId, receivedAt, id, limit + 1])
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
