import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { type PostgresClient, withClient } from '../packages/testing/src/postgres/client.js'
import { startPostgres, TEST_DATABASE_PREFIX } from '../packages/testing/src/postgres.js'
import { type AppRole, createRole, dropRoles } from './app-role.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The admin URL of the run's Postgres, for `createDatabase` of @persona-kyc/testing/postgres. */
    databaseUrl: string
    /** Whom storages run as, for `createAppDatabase`; null where that is the admin too. */
    appRole: AppRole | null
  }
}

const STALE_AFTER_SECONDS = 6 * 60 * 60

/**
 * Vitest's global setup: one Postgres for the whole run, that of TEST_DATABASE_URL or else a throw-away one. DATABASE_URL is
 * never touched. With TEST_LEAST_PRIVILEGE=1 there is a role for the storages, which may do no more than an app's must.
 * Resolves with the teardown, after which nothing of the run is left.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ownServer = process.env.TEST_DATABASE_URL
  const run = `${TEST_DATABASE_PREFIX}${toSeconds(Date.now())}_${randomBytes(6).toString('hex')}`
  const { url, stop } = ownServer === undefined ? await startPostgres() : await openRun(ownServer, run)
  project.provide('databaseUrl', url)
  // The name is of this run alone: roles are of the whole server, where others may test too.
  project.provide('appRole', process.env.TEST_LEAST_PRIVILEGE === '1' ? await createRole(url, `${run}_app`) : null)
  return stop
}

/** Makes the run's own admin database: `createDatabase` continues its name, so the teardown knows what belongs to this run. */
async function openRun(serverUrl: string, run: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const staleBefore = toSeconds(Date.now()) - STALE_AFTER_SECONDS
  await withClient(serverUrl, async (client) => {
    await dropAll(client, (name) => secondsOf(name) < staleBefore)
    await client.query(`create database ${run}`)
  })
  const url = new URL(serverUrl)
  url.pathname = `/${run}`
  return {
    url: url.href,
    stop: () => withClient(serverUrl, (client) => dropAll(client, (name) => name.startsWith(run))),
  }
}

/** The roles last: what they were granted goes with the databases. */
async function dropAll(client: PostgresClient, isDoomed: (name: string) => boolean): Promise<void> {
  await dropDatabases(client, isDoomed)
  await dropRoles(client, isDoomed)
}

async function dropDatabases(client: PostgresClient, isDoomed: (name: string) => boolean): Promise<void> {
  const { rows } = await client.query('select datname from pg_database')
  for (const name of rows.map((row) => String(row.datname)).filter(isDoomed)) {
    await client.query(`drop database if exists "${name}" with (force)`)
  }
}

/** When a test database or role was made; NaN, which is older than nothing, for every other one. */
function secondsOf(name: string): number {
  return Number(new RegExp(`^${TEST_DATABASE_PREFIX}(\\d+)_`).exec(name)?.[1])
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}
