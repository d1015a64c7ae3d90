import { createHash } from 'node:crypto'
import { StorageError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { toDriverCode } from './storage-error.js'

/** A statement with the placeholders of the driver, `$1` and so on. */
export interface Statement {
  /** What it is prepared by, once on each connection; null for one that is not. */
  readonly name: string | null
  readonly text: string
}

/** What is used of a `pg` client. */
interface PgClient {
  readonly __knexUid?: string
  query(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }>
  query(config: { name: string; text: string; values: readonly unknown[] }): Promise<{ rows: unknown[] }>
}

/** What is used of Knex's client: its pool, or the one connection of a transaction. */
interface Pool {
  acquireConnection(): Promise<PgClient>
  releaseConnection(connection: PgClient): Promise<void>
  emit(event: 'query', query: object): boolean
  readonly pool?: { readonly destroyed?: boolean }
}

/** A pooler gave the session to somebody else: the statement is not there, or there already; or it tells other columns now. */
const NOT_PREPARED = ['26000', '42P05', '0A000']

/** Returns the statement under a name that no other text has: a pooler may have other versions of us on one connection. */
export function prepare(text: string): Statement {
  return { name: `persona_kyc_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`, text }
}

/**
 * Returns what runs statements on connections of a Knex instance and resolves with their rows, without what Knex does to put
 * a query together; in a transaction none is prepared. Where a pooler does not let them be kept, the first that fails
 * for it is run again, and none is prepared any more. Rejects as the driver does.
 */
export function createStatementRunner() {
  let keeps = true
  return async <Row>(knex: Knex, { name, text }: Statement, values: readonly unknown[]): Promise<Row[]> => {
    const pool = knex.client as Pool
    const connection = await pool.acquireConnection()
    const run = async () => (await connection.query(text, values)).rows as Row[]
    try {
      // As Knex does it, for those who listen there.
      pool.emit('query', { __knexUid: connection.__knexUid, method: 'raw', sql: text, bindings: values })
      if (name === null || !keeps || knex.isTransaction === true) return await run()
      try {
        return (await connection.query({ name, text, values })).rows as Row[]
      } catch (error) {
        if (!NOT_PREPARED.includes(toDriverCode(error))) throw error
        keeps = false
        return await run()
      }
    } finally {
      await pool.releaseConnection(connection)
    }
  }
}

/**
 * Throws StorageError for a transaction that has ended: its connection is somebody else's. And for a pool that is being
 * destroyed, which lets everybody wait until the end of their patience, or is gone.
 */
export function requireRunning(knex: Knex): void {
  if (knex.isTransaction === true) {
    if (!(knex as Knex.Transaction).isCompleted()) return
    throw new StorageError('storage_failed', {
      problem: 'The transaction of this storage has ended.',
      fix: 'Await all that uses it before it is committed or rolled back.',
    })
  }
  if (!isDestroyed(knex)) return
  throw new StorageError('storage_unavailable', {
    problem: 'The pool of this storage is destroyed.',
    fix: 'Stop the server before knex.destroy(). Nothing was changed; the call can be repeated.',
  })
}

/** True once the pool gives no connection any more. */
export function isDestroyed(knex: Knex): boolean {
  const { pool } = knex.client as Pool
  return pool === undefined || pool.destroyed === true
}
