import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory, findPort, startProgram, Unavailable, untilAnswers } from './programs.js'

/** A pooler in front of a PostgreSQL. */
export interface Pooler {
  /** The URL of that database through the pooler. */
  urlOf(database: string): string
  stop(): Promise<void>
}

const PROGRAM = '/usr/sbin/pgbouncer'

/** Starts pgbouncer in transaction mode: a connection of ours has another one behind it in each transaction. */
export async function startPooler(serverUrl: string, { poolSize = 8 } = {}): Promise<Pooler> {
  if (!existsSync(PROGRAM)) throw new Unavailable('there is no pgbouncer (apt-get install pgbouncer)')
  const { hostname, port: serverPort, username, password } = new URL(serverUrl)
  const [directory, port] = await Promise.all([createDirectory(), findPort()])
  const settings = `
[databases]
* = host=${hostname} port=${serverPort || 5432} user=${username}${password && ` password=${decodeURIComponent(password)}`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits
logfile = /dev/null
`
  const file = join(directory, 'pgbouncer.ini')
  await writeFile(file, settings, { mode: 0o644 })
  const child = await startProgram(PROGRAM, ['-q', file])
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      // From pgbouncer 1.23 on, SIGTERM waits for its clients to leave. It keeps nothing that SIGKILL could lose.
      child.kill('SIGKILL')
      await ended
    }
    await rm(directory, { recursive: true, force: true })
  }
  const urlOf = (database: string) => `postgres://${username || 'postgres'}@127.0.0.1:${port}/${database}`
  try {
    await untilAnswers(urlOf('postgres'))
  } catch (error) {
    await stop()
    throw error
  }
  return { urlOf, stop }
}
