import { StorageError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { addEventMonths } from './event-months.js'
import { createGrants } from './grants.js'
import type { Migration } from './migration.js'
import { MIGRATIONS } from './migrations.js'
import { DEFAULT_SCHEMA, type TableNames, toTableNames } from './schema.js'
import { runPatiently } from './silent-connections.js'
import { toStorageError } from './storage-error.js'

/** Where to migrate. */
export interface MigrateOptions {
  readonly knex: Knex
  /** Default `persona_kyc`. */
  readonly schema?: string
}

/** One migration, and when it was applied; null while it is not. */
export interface MigrationState {
  readonly name: string
  readonly appliedAt: Date | null
}

/** The names of all migrations that this version knows, oldest first. */
export const MIGRATION_NAMES: readonly string[] = MIGRATIONS.map(({ name }) => name)

/** "pkyc" in hex: the advisory lock that makes migrators take turns. */
const LOCK_KEY = 0x706b7963

/** Twenty processes may start at once, and want to start. */
const MONTHS_PATIENCE_SECONDS = 3

/**
 * Brings the schema up to date and resolves with the names of the migrations that it applied. Any number of processes
 * may call it at once: they take turns, and the later ones find nothing to do. Rejects with StorageError; where a migration
 * failed, nothing was changed.
 *
 * `grantTo` names the role of the app where that is not the one that migrates: it is granted what {@link createGrants}
 * tells, in the same transaction, so that it never finds a table that it may not use. Afterwards it makes the partitions of
 * the months to come, where the role owns the tables.
 *
 * @throws ConfigurationError when the name of the schema or of the role cannot be used.
 */
export function migrate(options: MigrateOptions & { readonly grantTo?: string | undefined }): Promise<string[]> {
  const { knex, schema = DEFAULT_SCHEMA, grantTo } = options
  const tables = toTableNames(schema)
  const grants = grantTo === undefined ? null : createGrants({ role: grantTo, schema })
  const applied = inTurn(knex, tables, async (transaction, applied) => {
    requireKnown(applied)
    const missing = MIGRATIONS.filter(({ name }) => !applied.has(name))
    for (const migration of missing) await apply(transaction, tables, migration)
    if (grants !== null) await runWhole(transaction, grants)
    return missing.map(({ name }) => name)
  })
  return withMonths(knex, tables, applied)
}

/** What the migrations did, once there are partitions for the months to come. */
async function withMonths(knex: Knex, tables: TableNames, applied: Promise<string[]>): Promise<string[]> {
  const names = await applied
  try {
    await addEventMonths(knex, tables, MONTHS_PATIENCE_SECONDS)
  } catch (error) {
    throw toStorageError(error)
  }
  return names
}

/** Takes back the newest migration, with the data that it holds; resolves with its name, or null if there was none. */
export function rollback({ knex, schema = DEFAULT_SCHEMA }: MigrateOptions): Promise<string | null> {
  const tables = toTableNames(schema)
  return inTurn(knex, tables, async (transaction, applied) => {
    requireKnown(applied)
    const last = MIGRATIONS.findLast(({ name }) => applied.has(name))
    if (last === undefined) return null
    for (const statement of last.down(tables)) await transaction.raw(statement)
    await transaction.raw(`delete from ${tables.migrations} where name = ?`, [last.name])
    return last.name
  })
}

/** Resolves with all migrations that this version knows, and when each was applied. Changes nothing. */
export async function listMigrations({ knex, schema = DEFAULT_SCHEMA }: MigrateOptions): Promise<MigrationState[]> {
  const tables = toTableNames(schema)
  try {
    const exists = await knex.raw('select to_regclass(?) is not null as found', [tables.migrations])
    const applied = exists.rows[0]?.found === true ? await readApplied(knex, tables) : new Map<string, Date>()
    return MIGRATIONS.map(({ name }) => ({ name, appliedAt: applied.get(name) ?? null }))
  } catch (error) {
    throw toStorageError(error)
  }
}

async function inTurn<Result>(
  knex: Knex,
  tables: TableNames,
  work: (transaction: Knex.Transaction, applied: Map<string, Date>) => Promise<Result>,
): Promise<Result> {
  try {
    return await runPatiently(knex, async (transaction) => {
      // Ends with the transaction, so it also works through a pooler and is never left behind.
      await transaction.raw('select pg_advisory_xact_lock(?, hashtext(?))', [LOCK_KEY, tables.schema])
      await createMissing(transaction, tables)
      return work(transaction, await readApplied(transaction, tables))
    })
  } catch (error) {
    throw toStorageError(error)
  }
}

/** PostgreSQL asks for the right to create also where there is nothing to create, so look first. */
async function createMissing(transaction: Knex.Transaction, { schema, migrations }: TableNames): Promise<void> {
  const { rows } = await transaction.raw<{ rows: { schema: boolean; found: boolean }[] }>(
    'select to_regnamespace(?) is not null as schema, to_regclass(?) is not null as found',
    [schema, migrations],
  )
  if (rows[0]?.schema !== true) await transaction.raw(`create schema ${schema}`)
  if (rows[0]?.found === true) return
  await transaction.raw(`
    create table ${migrations} (
      name text primary key,
      applied_at timestamptz(3) not null default clock_timestamp()
    )`)
}

/** The row comes first: should the lock ever not hold, the second migrator stops here and not halfway. */
async function apply(transaction: Knex.Transaction, tables: TableNames, { name, up }: Migration): Promise<void> {
  await transaction.raw(`insert into ${tables.migrations} (name) values (?)`, [name])
  for (const statement of up(tables)) await transaction.raw(statement)
}

/** Runs SQL of which Knex is to read nothing: it would take a question mark in a role's name for a binding. */
async function runWhole(transaction: Knex.Transaction, sql: string): Promise<void> {
  await transaction.raw(`select set_config('persona_kyc.sql', ?, true)`, [sql])
  await transaction.raw(`do $$ begin execute current_setting('persona_kyc.sql'); end $$`)
}

async function readApplied(knex: Knex, { migrations }: TableNames): Promise<Map<string, Date>> {
  const { rows } = await knex.raw<{ rows: { name: string; at: Date }[] }>(
    `select name, applied_at as at from ${migrations}`,
  )
  return new Map(rows.map((row) => [row.name, row.at]))
}

function requireKnown(applied: ReadonlyMap<string, Date>): void {
  const known = new Set(MIGRATIONS.map(({ name }) => name))
  if ([...applied.keys()].every((name) => known.has(name))) return
  throw new StorageError('storage_failed', {
    problem: 'The database was migrated by a newer version of @persona-kyc/storage-knex.',
    fix: 'Install that version, or restore the database from before.',
  })
}
