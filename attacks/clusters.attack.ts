import createKnex from 'knex'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startCluster, startReplicatedCluster } from './clusters.js'
import { requireAvailable } from './rounds.js'

// The attacks on a database are worth what these say about the databases that they attack.

it('a cluster keeps what was committed before it was stopped immediately', async (context) => {
  const cluster = await requireAvailable(context, startCluster)
  onTestFinished(() => cluster.remove())
  await query(cluster.url, 'create table kept (name text)')
  await query(cluster.url, "insert into kept values ('before')")
  await cluster.stopImmediately()
  await expect(query(cluster.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await cluster.start()
  expect(await query(cluster.url, 'select name from kept')).toEqual([{ name: 'before' }])
  const settings = "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit') order by name"
  expect(await query(cluster.url, settings)).toMatchObject([{ setting: 'on' }, { setting: 'on' }])
})

it('a commit waits for the standby, which has it once it is promoted and then goes on alone', async (context) => {
  const { primary, standby } = await requireAvailable(context, startReplicatedCluster)
  onTestFinished(async () => void (await Promise.all([primary.remove(), standby.remove()])))
  await query(primary.url, 'create table kept (name text)')

  await standby.stopImmediately()
  const waiting = query(primary.url, "insert into kept values ('waited for')")
  const waits = "select from pg_stat_activity where wait_event = 'SyncRep'"
  await vi.waitUntil(async () => (await query(primary.url, waits)).length === 1, { timeout: 10_000 })
  await standby.start()
  await waiting

  await expect(query(standby.url, "insert into kept values ('too early')")).rejects.toMatchObject({ code: '25006' })
  await primary.stopImmediately()
  await standby.promote()
  await query(standby.url, "insert into kept values ('alone')")
  expect(await query(standby.url, 'select name from kept')).toEqual([{ name: 'waited for' }, { name: 'alone' }])
})

/** Runs a statement on a connection of its own. */
async function query(url: string, sql: string): Promise<unknown[]> {
  const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: { warn() {}, error() {} } })
  try {
    const { rows } = await knex.raw<{ rows: unknown[] }>(sql)
    return rows
  } finally {
    await knex.destroy()
  }
}
