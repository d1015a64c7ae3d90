import { createHash, randomBytes } from 'node:crypto'
import { access, chmod, constants, lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ConfigurationError } from '@persona-kyc/core'
import { claim } from './ownership.js'
import { stopPostmaster } from './postmaster.js'
import { startTimeOf } from './process-identity.js'
import { hasCode } from './system-error.js'

/** A directory that is ours until `release`, with a cluster in it at {@link dataDirectoryIn}. */
export interface ClaimedDirectory {
  readonly path: string
  release(): Promise<void>
}

/** Where in a claimed directory the PGDATA of its cluster is. */
export function dataDirectoryIn(directory: string): string {
  return join(directory, 'cluster', 'data')
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
  const place = uid === undefined || (await isTraversable(wanted, uid)) ? wanted : standIn
  await createTraversable(place)
  const path = await realpath(place)
  const release = await claim(path, wanted)
  await sweepScratch(path)
  return { path, release }
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
