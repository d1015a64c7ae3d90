import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import createKnex from 'knex'
import { createDirectory, findPort, runProgram, untilAnswers } from './programs.js'

/** A cluster of PostgreSQL in a directory of its own, with fsync on. */
export interface Cluster {
  /** Of the database `postgres`; the user is `postgres`, without a password. */
  readonly url: string
  start(): Promise<void>
  /** Kills it as a crash does, without a checkpoint: the next start recovers from the log. What the kernel has is kept. */
  stopImmediately(): Promise<void>
  /** Stops it and removes its directory. */
  remove(): Promise<void>
}

/** A cluster, and one that has everything that the first has acknowledged. */
export interface ReplicatedCluster {
  readonly primary: Cluster
  readonly standby: Cluster & {
    /** Makes it a primary that needs no standby. */
    promote(): Promise<void>
  }
}

const SETTINGS = `
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = '64MB'
wal_level = replica
hot_standby = on
log_min_messages = fatal
`

/** Starts an empty cluster. Rejects with Unavailable where there is no PostgreSQL. */
export function startCluster(): Promise<Cluster> {
  return startWith(async (data) => {
    await runProgram('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'])
    await appendFile(join(data, 'postgresql.conf'), SETTINGS)
  })
}

/** Starts a cluster and a standby that each commit waits for. */
export async function startReplicatedCluster(): Promise<ReplicatedCluster> {
  const started: Cluster[] = []
  try {
    const primary = await startCluster()
    started.push(primary)
    const standby = await startCopy(primary)
    started.push(standby)
    await query(primary.url, "alter system set synchronous_standby_names = 'standby'", 'select pg_reload_conf()')
    await untilSynchronous(primary.url)
    return { primary, standby: { ...standby, promote: () => promote(standby) } }
  } catch (error) {
    await Promise.all(started.map((cluster) => cluster.remove()))
    throw error
  }
}

function startCopy(primary: Cluster): Promise<Cluster> {
  const { port } = new URL(primary.url)
  const source = `host=127.0.0.1 port=${port} user=postgres application_name=standby`
  return startWith((data) =>
    runProgram('pg_basebackup', ['-D', data, '-d', source, '-R', '-X', 'stream', '--no-sync', '-c', 'fast']),
  )
}

async function promote({ url }: Cluster): Promise<void> {
  const [row] = await query<{ is_promoted: boolean }>(url, 'select pg_promote() as is_promoted')
  if (row?.is_promoted !== true) throw new Error('The standby was not promoted in time.')
  await query(url, "alter system set synchronous_standby_names = ''", 'select pg_reload_conf()')
}

/** Starts a cluster in a directory that `prepare` fills. Where that fails, nothing of it is left. */
async function startWith(prepare: (data: string) => Promise<void>): Promise<Cluster> {
  const data = await createDirectory()
  const cluster = toCluster(data, await findPort())
  try {
    await prepare(data)
    await appendFile(join(data, 'postgresql.conf'), `unix_socket_directories = '${data}'\n`)
    await cluster.start()
    return cluster
  } catch (error) {
    await cluster.remove()
    throw error
  }
}

function toCluster(data: string, port: number): Cluster {
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const control = (...args: string[]) => runProgram('pg_ctl', ['-D', data, '-w', '-t', '60', ...args])
  const stopImmediately = () => control('stop', '-m', 'immediate')
  return {
    url,
    async start() {
      await control('start', '-o', `-p ${port}`, '-l', join(data, 'server.log'))
      await untilAnswers(url)
    },
    stopImmediately,
    async remove() {
      await stopImmediately().catch(() => {})
      await rm(data, { recursive: true, force: true })
    },
  }
}

async function untilSynchronous(url: string): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const [row] = await query<{ sync_state: string }>(url, 'select sync_state from pg_stat_replication')
    if (row?.sync_state === 'sync') return
  }
  throw new Error('The standby did not become synchronous in time.')
}

/** Runs statements on a connection of its own; resolves with the rows of the last. */
async function query<Row>(url: string, ...statements: string[]): Promise<Row[]> {
  const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
  try {
    let rows: Row[] = []
    for (const statement of statements) rows = (await knex.raw<{ rows: Row[] }>(statement)).rows
    return rows
  } finally {
    await knex.destroy()
  }
}
