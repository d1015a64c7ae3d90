import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigurationError } from '@persona-kyc/core'

/** A file that others only ever see whole, as it was before or after. */
export interface FileStore {
  readonly path: string
  /** Resolves with the text, or null where there is no file. */
  read(): Promise<string | null>
  /** Resolves with false, with nothing changed, when the file is there already. */
  create(text: string): Promise<boolean>
  replace(text: string): Promise<void>
}

/** Returns the store of one file, readable by all. Its methods reject with a ConfigurationError. */
export function createFileStore(path: string): FileStore {
  const target = resolve(path)
  return {
    path,
    read: () => readText(target),
    create: (text) => write(target, text, createFrom),
    async replace(text) {
      await write(target, text, rename)
    },
  }
}

async function readText(target: string): Promise<string | null> {
  try {
    return await readFile(target, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw failure(`${target} cannot be read`, error)
  }
}

async function write<Result>(
  target: string,
  text: string,
  publish: (draft: string, target: string) => Promise<Result>,
): Promise<Result> {
  const draft = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeDraft(draft, text)
    return await publish(draft, target)
  } catch (error) {
    throw failure(`${target} cannot be written`, error)
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

/** A link appears with its whole content, and only where nothing has the name. */
async function createFrom(draft: string, target: string): Promise<boolean> {
  try {
    await link(draft, target)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function writeDraft(draft: string, text: string): Promise<void> {
  const file = await open(draft, 'wx', 0o644)
  try {
    // Whatever the umask: there is nothing secret in it.
    await file.chmod(0o644)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function failure(problem: string, error: unknown): ConfigurationError {
  return new ConfigurationError({
    problem: `${problem} (${codeOf(error)}).`,
    fix: 'Choose a file in a directory that exists and that this account may write to.',
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed'
}
