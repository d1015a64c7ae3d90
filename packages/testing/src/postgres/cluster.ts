import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ServerAccount, serverEnvironment } from './account.js'
import { createScratch } from './directory.js'
import type { PostgresBinaries } from './package.js'
import { startFailure } from './start-failure.js'

/** A cluster in its directory `home`, and who runs it with which programs. */
export interface Cluster {
  readonly home: string
  readonly binaries: PostgresBinaries
  readonly account: ServerAccount | undefined
  readonly durable: boolean
}

/** Makes the cluster under another name first: `cluster` is there only when it is complete. */
export async function initialise({ home, binaries, account, durable }: Cluster): Promise<void> {
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
