import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A folder with the examples as a reader would have them: the packages of this repository are in its node_modules. */
export interface Project {
  readonly directory: string
  remove(): Promise<void>
}

/** The root of this repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The packages that the examples use, and their entry points. */
const PACKAGES = {
  core: ['index', 'client', 'events', 'signature', 'status'],
  'express-adapter': ['index'],
  'hono-adapter': ['index'],
}

/**
 * Makes a project below the root, where the frameworks are found too, in a folder that git ignores. `express` names the
 * package that is installed as Express. The packages are built from their sources.
 */
export async function createProject(options: { readonly express: 'express' | 'express4' }): Promise<Project> {
  await mkdir(join(ROOT, '.persona-kyc'), { recursive: true })
  const directory = await mkdtemp(join(ROOT, '.persona-kyc', 'frameworks-'))
  for (const [name, entries] of Object.entries(PACKAGES)) await installPackage(directory, name, entries)
  await symlink(join(ROOT, 'node_modules', options.express), join(directory, 'node_modules', 'express'), 'junction')
  for (const folder of ['src', 'next']) {
    await cp(join(ROOT, 'examples', 'frameworks', folder), join(directory, folder), { recursive: true })
  }
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  // Without it the runtimes would go by the one of this repository, and its paths.
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: { module: 'ESNext' } }))
  return { directory, remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }) }
}

async function installPackage(directory: string, name: string, entries: readonly string[]): Promise<void> {
  const source = join(ROOT, 'packages', name)
  const target = join(directory, 'node_modules', '@persona-kyc', name)
  await build({
    entryPoints: entries.map((entry) => join(source, 'src', `${entry}.ts`)),
    outdir: join(target, 'dist'),
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'warning',
  })
  await cp(join(source, 'package.json'), join(target, 'package.json'))
}
