import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { type PostgresClient, withClient } from '../packages/testing/src/postgres/client.js'
import { startPostgres, TEST_DATABASE_PREFIX } from '../packages/testing/src/postgres.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The admin URL of the run's Postgres, for `createDatabase` of @persona-kyc/testing/postgres. */
    databaseUrl: string
  }
}

const STALE_AFTER_SECONDS = 6 * 60 * 60

/**
 * Vitest's global setup: one Postgres for the whole run, that of TEST_DATABASE_URL or else a throw-away one. DATABASE_URL is
 * never touched. Resolves with the teardown, after which nothing of the run is left.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ownServer = process.env.TEST_DATABASE_URL
  const { url, stop } = ownServer === undefined ? await startPostgres() : await openRun(ownServer)
  project.provide('databaseUrl', url)
  return stop
}

/** Makes the run's own admin database: `createDatabase` continues its name, so the teardown knows what belongs to this run. */
async function openRun(serverUrl: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const now = Math.floor(Date.now() / 1000)
  const run = `${TEST_DATABASE_PREFIX}${now}_${randomBytes(6).toString('hex')}`
  await withClient(serverUrl, async (client) => {
    await dropDatabases(client, (name) => secondsOf(name) < now - STALE_AFTER_SECONDS)
    await client.query(`create database ${run}`)
  })
  const url = new URL(serverUrl)
  url.pathname = `/${run}`
  const stop = () => withClient(serverUrl, (client) => dropDatabases(client, (name) => name.startsWith(run)))
  return { url: url.href, stop }
}

async function dropDatabases(client: PostgresClient, isDoomed: (name: string) => boolean): Promise<void> {
  const { rows } = await client.query('select datname from pg_database')
  for (const name of rows.map((row) => String(row.datname)).filter(isDoomed)) {
    await client.query(`drop database if exists "${name}" with (force)`)
  }
}

/** When a test database was made; NaN, which is older than nothing, for every other database. */
function secondsOf(name: string): number {
  return Number(new RegExp(`^${TEST_DATABASE_PREFIX}(\\d+)_[0-9a-f_]+$`).exec(name)?.[1])
}
