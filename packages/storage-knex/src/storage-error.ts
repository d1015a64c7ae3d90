import { KycError, StorageError } from '@persona-kyc/core'

/**
 * Turns what Knex or the driver threw into a StorageError. Nothing of it is kept but its code: messages and details of
 * the driver quote statements and values.
 */
export function toStorageError(error: unknown): KycError {
  if (error instanceof KycError) return error
  const code = toDriverCode(error)
  const cause = new Error(code)
  if (isUnavailable(code)) {
    return new StorageError('storage_unavailable', {
      problem: `PostgreSQL cannot be reached (${code}).`,
      fix: 'Check that it runs, accepts connections and is not at its limit. What was under way may have been done; the call can be repeated.',
      cause,
    })
  }
  if (code === READ_ONLY) {
    return new StorageError('storage_unavailable', {
      problem: `PostgreSQL takes no changes (${code}).`,
      fix: 'Connect to the primary (DATABASE_URL, target_session_attrs), or wait until the provider lets it write. Nothing was changed; the call can be repeated.',
      cause,
    })
  }
  if (CROSSED_TRANSACTIONS.includes(code)) {
    return new StorageError('storage_unavailable', {
      problem: `PostgreSQL rolled this transaction back for the sake of another one (${code}).`,
      fix: 'Repeat the whole transaction.',
      cause,
    })
  }
  if (code === LOCK_NOT_AVAILABLE) {
    return new StorageError('storage_unavailable', {
      problem: 'Another transaction held a lock for longer than `lock_timeout` lets wait.',
      fix: 'Look for long transactions (pg_stat_activity). Nothing was changed; the call can be repeated.',
      cause,
    })
  }
  return new StorageError('storage_failed', {
    problem: `PostgreSQL refused a statement (${code}).`,
    fix: FIXES[code] ?? OTHER_FIX,
    cause,
  })
}

/** The SQLSTATE or system error code, such as `23505` or `ECONNREFUSED`. */
export function toDriverCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code)) return code
  // pg gives no code to a connection that is not made in time or ends while it is used, and a pool that ends none to those
  // who wait for one.
  return /connection (terminated|ended|error)|not queryable|read timeout|timeout expired|^aborted$/i.test(error.message)
    ? 'CONNECTION_LOST'
    : error.name
}

const FIXES: Readonly<Record<string, string>> = {
  '42P01': 'Run the migrations: npx persona-kyc migrate.',
  '3F000': 'Run the migrations: npx persona-kyc migrate.',
  '42703': 'Run the migrations of this version: npx persona-kyc migrate.',
  '3D000': 'Create the database that the connection names, or name another one (DATABASE_URL).',
  '28000': 'Check the user that the connection names (DATABASE_URL), and pg_hba.conf.',
  '28P01': 'Check the user and the password of the connection (DATABASE_URL).',
  '42501':
    'Migrate as the owner of the tables, who grants the app’s role what it needs: npx persona-kyc migrate --grants ROLE | psql. What only the owner may, such as migrate and retain, needs the owner in DATABASE_URL.',
}
const OTHER_FIX =
  'Look the code up at https://www.postgresql.org/docs/current/errcodes-appendix.html, and into the log of PostgreSQL.'

/** Classes of SQLSTATE that pass by themselves: connection, resources, operator, system. */
const PASSING = /^(08|53|57|58)/

/** Two transactions were in each other's way: a serialization failure, or a deadlock. */
export const CROSSED_TRANSACTIONS: readonly string[] = ['40001', '40P01']

/** A standby, as the primary may be one after a failover; or `default_transaction_read_only`. */
const READ_ONLY = '25006'

/** A lock was not to be had in the time of `lock_timeout`. */
export const LOCK_NOT_AVAILABLE = '55P03'

/** `statement_timeout` was over, or an operator ended the statement. */
export const QUERY_CANCELED = '57014'

function isUnavailable(code: string): boolean {
  if (PASSING.test(code) && code.length === 5) return true
  return /^E[A-Z_]+$/.test(code) || ['KnexTimeoutError', 'CONNECTION_LOST'].includes(code)
}
