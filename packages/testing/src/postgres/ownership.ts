import { randomBytes } from 'node:crypto'
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ConfigurationError } from '@persona-kyc/core'
import { startTimeOf } from './process-identity.js'
import { hasCode } from './system-error.js'

interface Owner {
  readonly pid: number
  readonly startedAt: string
  readonly program: string
}

/**
 * Owners are numbered and the highest number counts; that file is never removed, only outdone by the next. So of many that
 * follow a dead owner exactly one gets the next number, and no live owner's file is ever touched by another process.
 * Resolves with the release.
 */
export async function claim(path: string, wanted: string): Promise<() => Promise<void>> {
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
