import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import {
  access,
  chmod,
  constants,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigurationError, StorageError } from '@persona-kyc/core'

const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 15

/** A directory that is ours until `release`, with a cluster in it at {@link dataDirectoryIn}. */
export interface ClaimedDirectory {
  readonly path: string
  release(): Promise<void>
}

interface Owner {
  readonly pid: number
  readonly startedAt: string
  readonly program: string
}

/** Where in a claimed directory the PGDATA of its cluster is. */
export function dataDirectoryIn(directory: string): string {
  return join(directory, 'cluster', 'data')
}

/** True when `error` is a system error with this `code`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Resolves with whether something, whatever it is, has this path. */
export function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/**
 * Resolves with /var/tmp/persona-kyc-<uid>, which this account owns and nobody else can write to.
 * Rejects with a ConfigurationError when that name belongs to somebody else: nothing in it could be trusted.
 */
export async function prepareWorkspace(): Promise<string> {
  const uid = process.getuid?.()
  const parent = await access('/var/tmp', constants.W_OK).then(() => '/var/tmp', tmpdir)
  const path = join(parent, `persona-kyc-${uid ?? 'user'}`)
  await mkdir(path, { mode: 0o755 }).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  const found = await lstat(path)
  if (uid !== undefined && (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0)) {
    throw new ConfigurationError({
      problem: `${path} is not a directory that only this account can write to.`,
      fix: 'Look at who made it and remove it; it is made anew at the next start.',
    })
  }
  await chmod(path, 0o755)
  return realpath(path)
}

/** Resolves with a new directory in `parent` whose name says which process made it, for {@link sweepScratch}. */
export async function createScratch(parent: string): Promise<string> {
  const path = join(parent, `run-${process.pid}-${startTimeOf(process.pid)}-${randomBytes(6).toString('hex')}`)
  await createTraversable(path)
  return path
}

/** Stops and removes what processes that are gone have left in `parent`. Leaves what it cannot remove. */
export async function sweepScratch(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, pid, startedAt] = /^run-(\d+)-(\d+)-[0-9a-f]+$/.exec(name) ?? []
    if (pid === undefined || startTimeOf(Number(pid)) === startedAt) continue
    const path = join(parent, name)
    await stopPostmaster(dataDirectoryIn(path))
      .then(() => removeDirectory(path))
      .catch(() => {})
  }
}

/** Resolves with a claimed directory that `release` removes. */
export async function claimThrowAway(workspace: string): Promise<ClaimedDirectory> {
  const path = await createScratch(workspace)
  return { path, release: () => removeDirectory(path) }
}

/**
 * Resolves with `directory`, or with its stand-in below `workspace` where the account `uid` cannot get to it.
 * Rejects with a ConfigurationError that names the owner while another live process has it.
 */
export async function claimPersistent(
  directory: string,
  { workspace, uid }: { readonly workspace: string; readonly uid: number | undefined },
): Promise<ClaimedDirectory> {
  const wanted = resolve(directory)
  const standIn = join(workspace, createHash('sha256').update(wanted).digest('hex').slice(0, 16))
  const place = uid === undefined || (await isTraversable(dirname(wanted), uid)) ? wanted : standIn
  await createTraversable(place)
  const path = await realpath(place)
  const release = await claim(path, wanted)
  await sweepScratch(path)
  return { path, release }
}

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

function commandSeparator(): string {
  return existsSync('/proc/self/cmdline') ? '\0' : ' '
}

function commandOf(pid: number): string | undefined {
  try {
    if (existsSync('/proc/self/cmdline')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return undefined
  }
}

/** When the process began, in its platform's own digits; undefined when it is gone. With the pid it names one process for good. */
function startTimeOf(pid: number): string | undefined {
  if (!isInUse(pid)) return undefined
  return existsSync('/proc/self/stat') ? startTimeFromProc(pid) : startTimeFromPs(pid)
}

/** Zombies included. */
function isInUse(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
  return true
}

function startTimeFromProc(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; in a container without an init nobody may ever collect it.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim()
    return text === '' || text.startsWith('Z') ? undefined : String(Date.parse(text.replace(/^\S+\s+/, '')) / 1000)
  } catch (error) {
    return hasCode(error, 'ENOENT') ? '0' : undefined
  }
}

/**
 * Owners are numbered and the highest number counts; that file is never removed, only outdone by the next. So of many that
 * follow a dead owner exactly one gets the next number, and no live owner's file is ever touched by another process.
 * Resolves with the release.
 */
async function claim(path: string, wanted: string): Promise<() => Promise<void>> {
  const startedAt = startTimeOf(process.pid) ?? '0'
  const draft = await writeOwner(path, { pid: process.pid, startedAt, program: basename(process.argv[1] ?? 'node') })
  try {
    for (;;) {
      const last = await lastOwner(path)
      const owner = await readOwner(ownerFile(path, last))
      if (owner !== undefined && startTimeOf(owner.pid) === owner.startedAt) throw inUse(owner, wanted)
      const own = ownerFile(path, last + 1)
      // A link appears with its whole content, and only one can get the name.
      if (!(await linked(draft, own))) continue
      // Whoever saw an old state gets an old number, long outdone.
      if ((await lastOwner(path)) === last + 1) {
        await rm(ownerFile(path, last), { force: true })
        return async () => rename(await writeOwner(path, { pid: 0, startedAt: 'released', program: '' }), own)
      }
      await rm(own, { force: true })
    }
  } finally {
    await rm(draft, { force: true })
  }
}

function ownerFile(path: string, number: number): string {
  return join(path, `owner-${number}.json`)
}

async function lastOwner(path: string): Promise<number> {
  const numbers = (await readdir(path)).map((name) => Number(/^owner-(\d+)\.json$/.exec(name)?.[1] ?? 0))
  return Math.max(0, ...numbers)
}

async function writeOwner(path: string, owner: Owner): Promise<string> {
  const draft = join(path, `owner-${randomBytes(6).toString('hex')}.draft`)
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 })
  return draft
}

function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    },
  )
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

function inUse(owner: Owner, wanted: string): ConfigurationError {
  const user = owner.pid === process.pid ? 'this very process' : `process ${owner.pid} (${owner.program})`
  return new ConfigurationError({
    problem: `The Postgres directory ${wanted} is in use by ${user}.`,
    fix: 'Stop that one first, choose another directory, or set DATABASE_URL to a Postgres of your own.',
  })
}

/** Like mkdir -p, but other accounts may pass through what it makes, whatever the umask. */
async function createTraversable(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 })
  for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made)) {
    await chmod(made, 0o755)
  }
}

async function isTraversable(directory: string, uid: number): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined)
  const passable = found === undefined || (found.mode & (found.uid === uid ? 0o100 : 0o001)) !== 0
  const parent = dirname(directory)
  return passable && (parent === directory || isTraversable(parent, uid))
}

function removeDirectory(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}
