import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '@persona-kyc/core'
import { commandOf, commandSeparator, isInUse, startTimeOf } from './process-identity.js'
import { hasCode } from './system-error.js'

const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 15

/**
 * Stops the postmaster an earlier process left running on this data directory, if there is one. Signals only a process that
 * was started as Postgres on exactly this directory. Rejects with a StorageError when that does not end within 40 seconds.
 */
export async function stopPostmaster(dataDirectory: string): Promise<void> {
  const lines = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  )
  const pid = Number(lines[0])
  if (!(pid > 1) || lines[1] !== dataDirectory || !isInUse(pid)) return
  const startedAt = startTimeOf(pid)
  if (startedAt === undefined || !isPostmaster(pid, dataDirectory)) {
    const isForeign = startedAt === undefined || commandOf(pid)?.includes('postgres') === false
    if (isForeign) await disownPidFile(dataDirectory, lines)
    return
  }
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (await endedAfter(signal, pid, startedAt)) return
  }
  throw new StorageError('storage_unavailable', {
    problem: `The Postgres (process ${pid}) that an interrupted run left in ${dataDirectory} does not stop.`,
    fix: `Stop it by hand (kill -QUIT ${pid}), or choose another directory.`,
  })
}

/**
 * Postgres refuses to start while the pid of its pid file is in use, be it by a bystander or by a zombie nobody collects, but
 * takes its own parent's pid, ours, for a leftover. The other lines stay: by them it still finds surviving backends.
 */
async function disownPidFile(dataDirectory: string, lines: readonly string[]): Promise<void> {
  // Renamed, not written: as root, a link that the unprivileged owner of this directory puts there must not be followed.
  const draft = join(dirname(dirname(dataDirectory)), `postmaster-${randomBytes(6).toString('hex')}.draft`)
  await writeFile(draft, [process.pid, ...lines.slice(1)].join('\n'))
  await chmod(draft, 0o644)
  await rename(draft, join(dataDirectory, 'postmaster.pid'))
}

async function endedAfter(signal: NodeJS.Signals, pid: number, startedAt: string): Promise<boolean> {
  const deadline = Date.now() + STOP_TIMEOUT_MS
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
  while (startTimeOf(pid) === startedAt) {
    if (Date.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}

function isPostmaster(pid: number, dataDirectory: string): boolean {
  const separator = commandSeparator()
  const start = ['/bin/postgres', '-D', dataDirectory, '-c', ''].join(separator)
  const command = commandOf(pid) ?? ''
  const at = command.indexOf(start)
  return at >= 0 && !command.slice(0, at).includes(separator)
}
