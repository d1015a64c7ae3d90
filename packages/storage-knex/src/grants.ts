import { ConfigurationError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { DEFAULT_SCHEMA, type TableNames, toTableNames } from './schema.js'
import { toStorageError } from './storage-error.js'

/** Whom to grant what an app needs, and where. */
export interface GrantOptions {
  /** The role that the app connects as, spelled as PostgreSQL keeps it: `App` and `app` are two. */
  readonly role: string
  /** Default `persona_kyc`. */
  readonly schema?: string
}

/** What only the owner touches by its name is left out. */
type AppTable = Exclude<keyof TableNames, 'schema' | 'untoldEvents' | 'otherEvents' | 'isUnmatched' | 'migrations'>

/**
 * What the statements of the storage do. Columns are named where the others must stay as they were first written: whose
 * case it is, what an event said and when it came, what a claim says, what a transaction does.
 */
const PRIVILEGES: Readonly<Record<AppTable, readonly string[]>> = {
  cases: [
    'select',
    'insert',
    toUpdate(
      'status verification_score persona_inquiry_id persona_session_token persona_status kyc_claim_id kyc_claim_tx_hash',
      'personal_data updated_at verified_at erased_at is_open inquiry_attempt initiating_until revision feed_xid',
      'last_event_at last_event_rank last_event_id',
    ),
  ],
  events: ['select', 'insert', toUpdate('name case_id outcome persona_status occurred_at')],
  transitions: ['select', 'insert'],
  feed: ['select'],
  consumers: ['select', 'insert', 'update'],
  deadLetters: ['select', 'insert', 'update', 'delete'],
  claimRequests: ['select', 'insert', 'update'],
  claims: ['select', 'insert', toUpdate('state tx_hash superseded_by updated_at')],
  chainSenders: ['select', 'insert', 'update'],
  chainTransactions: [
    'select',
    'insert',
    toUpdate('state raw max_fee_per_gas max_priority_fee_per_gas hashes signed_at'),
  ],
  audit: ['select', 'insert'],
}

/** PostgreSQL cuts longer names off, and would then grant to another role. */
const MAX_ROLE_BYTES = 63

/** They are keywords of GRANT, also in quotes: the first is everybody. */
const NO_ROLES = ['public', 'none']

/**
 * Returns the SQL, a statement on each line, that grants a role what the storage needs, and nothing else: no right to
 * create, alter, truncate or drop, and to delete only dead letters. The owner of the tables runs it, again after each
 * migration. What the role was granted before stays.
 *
 * @throws ConfigurationError when the role's name is empty, has more than 63 bytes or a NUL, or means everybody; or
 * when the schema's name is not a plain identifier.
 */
export function createGrants({ role, schema = DEFAULT_SCHEMA }: GrantOptions): string {
  const tables = toTableNames(schema)
  const to = `to ${toQuotedRole(role)};`
  const grants = Object.entries(PRIVILEGES).map(
    ([table, privileges]) => `grant ${privileges.join(', ')} on ${tables[table as AppTable]} ${to}`,
  )
  const execute = `grant execute on function ${tables.isUnmatched}(timestamptz, text) ${to}`
  return `${[`grant usage on schema ${tables.schema} ${to}`, execute, ...grants].join('\n')}\n`
}

/**
 * Resolves with the role that a Knex instance acts as, for `grantTo` of the owner's `migrate`: a pooler in between may know
 * it by another name. Rejects with StorageError.
 */
export async function readRole(knex: Knex): Promise<string> {
  try {
    const { rows } = await knex.raw<{ rows: { role: string }[] }>('select cast(current_user as text) as role')
    return rows[0]?.role ?? ''
  } catch (error) {
    throw toStorageError(error)
  }
}

function toQuotedRole(role: string): string {
  const bytes = new TextEncoder().encode(role).length
  if (bytes === 0 || bytes > MAX_ROLE_BYTES || role.includes('\0') || NO_ROLES.includes(role)) {
    throw new ConfigurationError({
      problem: 'This is no name of a role.',
      fix: 'Name the role that the app connects as, in 1 to 63 bytes. public and none are none.',
    })
  }
  return `"${role.replaceAll('"', '""')}"`
}

function toUpdate(...columns: readonly string[]): string {
  return `update (${columns.join(' ').replaceAll(' ', ', ')})`
}
