import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ConfigurationError } from '@persona-kyc/core'
import { OWN_SERVER } from './start-failure.js'

const run = promisify(execFile)

/** The unprivileged account Postgres runs as when Node runs as root. */
export interface ServerAccount {
  readonly uid: number
  readonly gid: number
}

/** The environment of Postgres' programs: nothing of ours, so no secret of the app is in it, and the same text everywhere. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH, SystemRoot } = process.env
  return { PATH, LD_LIBRARY_PATH, SystemRoot, LC_ALL: 'C', TZ: 'UTC' }
}

/**
 * Resolves with the account Postgres must run as: undefined (our own) unless Node runs as root, which Postgres refuses.
 * Rejects with a ConfigurationError when root has no unprivileged account to use.
 */
export async function findServerAccount(): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined)
    if (ids !== undefined) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) }
  }
  throw new ConfigurationError({
    problem: 'Postgres does not run as root, and this machine has neither a user postgres nor a user nobody.',
    fix: `Create one (useradd --system postgres), run as another user, or ${OWN_SERVER}.`,
  })
}
