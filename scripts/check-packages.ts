import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { checkCoreOutput, checkSources } from './check-code.js'
import { checkConsumers } from './check-consumers.js'
import type { CheckContext, Finding, Manifest, PackedPackage, RunProgram } from './check-context.js'
import { checkSizes, checkTarballContents, checkTarballTypes } from './check-tarballs.js'

/*
 * What of the packages is wrong for who installs them: `npm run check:packages`, after a build. Ends with 1 at the first
 * check that finds something. Arguments choose checks by their names: `npx tsx scripts/check-packages.ts sources sizes`.
 */

type Check = (context: CheckContext) => Promise<readonly Finding[]>

const CHECKS: Readonly<Record<string, { readonly title: string; readonly check: Check }>> = {
  sources: { title: 'exported symbols have a doc comment, and nothing is any', check: checkSources },
  contents: { title: 'the tarballs hold what they should', check: checkTarballContents },
  types: { title: 'publint and attw accept the tarballs', check: checkTarballTypes },
  core: { title: 'core runs anywhere: no Node, only ofetch and zod', check: checkCoreOutput },
  sizes: { title: 'core’s entry points stay within their budgets', check: checkSizes },
  consumers: { title: 'ESM, CommonJS and TypeScript apps can use the packages', check: checkConsumers },
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.find((name) => CHECKS[name] === undefined)
  if (unknown !== undefined) {
    console.error(`There is no check ${unknown}. Choose of: ${Object.keys(CHECKS).join(', ')}.`)
    return 2
  }
  const context = await createContext()
  const chosen = Object.entries(CHECKS).filter(([name]) => names.length === 0 || names.includes(name))
  for (const [index, [name, { title, check }]] of chosen.entries()) {
    console.log(`${index + 1}/${chosen.length} ${name}: ${title}`)
    const startedAt = performance.now()
    const findings = await check(context)
    if (findings.length > 0) {
      console.error(`    FAILED\n${findings.map(toText).join('\n')}`)
      return 1
    }
    console.log(`    ok, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }
  return 0
}

function toText({ problem, fix }: Finding): string {
  return `  - ${problem.trim()}\n    How to fix it: ${fix}`
}

async function createContext(): Promise<CheckContext> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const scratch = await createScratch()
  const rootManifest = await readManifest(join(root, 'package.json'))
  const log = (line: string) => console.log(`    ${line}`)
  return { root, rootManifest, scratch, packages: await packAll(root, scratch), log, run }
}

/** Removed whenever and however this process ends, short of SIGKILL. */
async function createScratch(): Promise<string> {
  const scratch = await realpath(await mkdtemp(join(tmpdir(), 'persona-kyc-packages-')))
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
  return scratch
}

async function packAll(root: string, scratch: string): Promise<PackedPackage[]> {
  const folders = (await readdir(join(root, 'packages'))).map((name) => join(root, 'packages', name))
  const packed: PackedPackage[] = []
  for (const folder of folders) {
    const manifest = await readManifest(join(folder, 'package.json'))
    if (manifest.private !== true) packed.push({ folder, manifest, ...(await pack(folder, scratch)) })
  }
  return packed
}

async function pack(folder: string, scratch: string): Promise<{ tarball: string; files: string[] }> {
  const args = ['pack', '--json', '--loglevel=error', `--pack-destination=${scratch}`]
  const { isOk, stdout, output } = await run('npm', { args, cwd: folder })
  if (!isOk) throw new Error(`npm pack failed in ${folder}:\n${output}`)
  const [result] = JSON.parse(stdout) as readonly { filename: string; files: readonly { path: string }[] }[]
  if (result === undefined) throw new Error(`npm pack made nothing in ${folder}`)
  return { tarball: join(scratch, result.filename), files: result.files.map(({ path }) => path) }
}

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(path, 'utf8')) as Manifest
}

const run: RunProgram = (command, { args, cwd }) =>
  new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' }
    execFile(command, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ isOk: error === null, stdout, output: `${stdout}${stderr}` })
    })
  })

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  },
)
