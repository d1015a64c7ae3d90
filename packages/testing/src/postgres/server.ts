import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { serverEnvironment } from './account.js'
import type { Cluster } from './cluster.js'
import { dataDirectoryIn } from './directory.js'
import { stopPostmaster } from './postmaster.js'
import { startFailure } from './start-failure.js'

const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 15
const START_ATTEMPTS = 5
const SPOILED_BY_OTHERS =
  /could not create any TCP\/IP sockets|lock file .* already exists|pre-existing shared memory block/

const running = new Set<ChildProcess>()

/** Retries what another process can spoil: the port taken in between, an orphaned server or its backends that show late. */
export async function launch(cluster: Cluster): Promise<{ child: ChildProcess; port: number }> {
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

/** Resolves when the server has ended: asked to, then told to, then killed. */
export async function stopServer(child: ChildProcess): Promise<void> {
  child.ref()
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded(child)) break
    const exit = once(child, 'exit')
    child.kill(signal)
    await Promise.race([exit, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
  }
  running.delete(child)
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
