import { randomBytes } from 'node:crypto'
import { withClient } from './client.js'

/** Options of {@link createDatabase}. */
export interface CreateDatabaseOptions {
  /** The database to copy; nobody may be connected to it. Default: the server's `template1`. */
  readonly template?: string
}

/** A database made for one test file. */
export interface TestDatabase {
  readonly url: string
  /** Resolves when the database is gone; whoever is still connected is disconnected. */
  drop(): Promise<void>
}

/** How the name of every database made by {@link createDatabase} begins; the time in seconds since 1970 follows. */
export const TEST_DATABASE_PREFIX = 'persona_kyc_test_'

/**
 * Creates an empty database, or a copy of `template`, with a unique random name on the server of `adminUrl`. From Postgres 15 on
 * a copy goes through the write-ahead log (strategy wal_log, the default there): tens of milliseconds, no checkpoint.
 * Where `adminUrl` names such a database itself, the new name continues that name.
 */
export async function createDatabase(adminUrl: string, options: CreateDatabaseOptions = {}): Promise<TestDatabase> {
  const url = new URL(adminUrl)
  const admin = decodeURIComponent(url.pathname.slice(1))
  const family = admin.startsWith(TEST_DATABASE_PREFIX)
    ? admin
    : `${TEST_DATABASE_PREFIX}${Math.floor(Date.now() / 1000)}`
  const name = `${family}_${randomBytes(6).toString('hex')}`
  const template = options.template === undefined ? '' : ` template ${quoted(options.template)}`
  await withClient(adminUrl, (client) => client.query(`create database ${quoted(name)}${template}`))
  url.pathname = `/${name}`
  return { url: url.href, drop: () => dropDatabase(adminUrl, name) }
}

/** Creates the database `name` on the server of `adminUrl` unless it is there. */
export async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [name])
    if (rows.length === 0) await client.query(`create database ${quoted(name)}`)
  })
}

async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`drop database if exists ${quoted(name)} with (force)`))
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
