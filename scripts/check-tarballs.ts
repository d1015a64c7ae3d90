import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import type { CheckContext, Finding, Manifest, PackedPackage } from './check-context.js'

/**
 * What an app pays for one entry point of core, dependencies included: kB (1,000 bytes) of minified and gzipped code.
 * The measured value + 10 %; but the signature's is a promise, and it, the events and the statuses do without the dependencies.
 */
const BUDGETS: Readonly<Record<string, { readonly kB: number; readonly dependencies: readonly string[] }>> = {
  '.': { kB: 87.8, dependencies: ['destr', 'ofetch', 'ufo', 'zod'] },
  './client': { kB: 37.5, dependencies: ['destr', 'ofetch', 'ufo', 'zod'] },
  './signature': { kB: 3.3, dependencies: [] },
  './events': { kB: 5.3, dependencies: [] },
  './jwt': { kB: 9.8, dependencies: ['jose'] },
  './kyc-api': { kB: 5.6, dependencies: [] },
  './status': { kB: 0.92, dependencies: [] },
}

const REQUIRED_FILES = ['package.json', 'README.md', 'LICENSE']
const BUILT_FILE = /^dist\/[\w-]+\.(js|cjs|js\.map|cjs\.map|d\.ts|d\.cts)$/

/** What a package.json must say, so that licences, bundlers and npm's website read what is true. */
const REQUIRED_MEMBERS: Readonly<Record<string, (manifest: Manifest) => boolean>> = {
  'a "description"': ({ description = '' }) => description.length > 10,
  '"license": "MIT"': ({ license }) => license === 'MIT',
  '"type": "module"': ({ type }) => type === 'module',
  '"sideEffects": false': ({ sideEffects }) => sideEffects === false,
  '"engines.node"': ({ engines }) => engines?.node !== undefined,
}

/** Checks that each tarball has what its package.json promises, source maps that need no sources, and nothing else. */
export async function checkTarballContents({ packages, log }: CheckContext): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const packed of packages) {
    const { manifest, files } = packed
    findings.push(...findMissing(packed), ...findSurplus(packed), ...findManifestFaults(manifest))
    findings.push(...(await findMapFaults(packed)))
    log(`${manifest.name}: ${files.length} files`)
  }
  return findings
}

function findMissing({ manifest, files }: PackedPackage): Finding[] {
  const promised = [...new Set([...REQUIRED_FILES, ...toPaths([manifest.exports, manifest.bin])])]
  return promised
    .filter((path) => !files.includes(path))
    .map((path) => ({
      problem: `${manifest.name} has no ${path} in its tarball.`,
      fix: path.startsWith('dist/')
        ? 'Run `npm run build`, or add its entry to tsup.config.ts.'
        : 'Write it; LICENSE is a copy of the root’s.',
    }))
}

function findSurplus({ manifest, files }: PackedPackage): Finding[] {
  const allowed = [...REQUIRED_FILES, ...toPaths(manifest.bin)]
  return files
    .filter((path) => !allowed.includes(path) && !BUILT_FILE.test(path))
    .map((path) => ({
      problem: `${manifest.name} would publish ${path}.`,
      fix: 'Take it out of "files" in package.json, or out of dist: users get the build, its commands, a README and the licence.',
    }))
}

/** The files that a part of a package.json names, wherever in it. */
function toPaths(value: unknown): string[] {
  if (typeof value === 'string') return [value.replace(/^\.\//, '')]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(toPaths) : []
}

function findManifestFaults(manifest: Manifest): Finding[] {
  return Object.entries(REQUIRED_MEMBERS)
    .filter(([, isGiven]) => !isGiven(manifest))
    .map(([member]) => ({
      problem: `${manifest.name} does not say ${member}.`,
      fix: 'Write it into its package.json.',
    }))
}

/** A tarball has no sources, so a map must bring their text along. */
async function findMapFaults({ folder, manifest, files }: PackedPackage): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const path of files.filter((file) => /^dist\/.*\.c?js$/.test(file))) {
    const map = files.includes(`${path}.map`) ? await readFile(join(folder, `${path}.map`), 'utf8') : '{}'
    const { sources, sourcesContent = [] } = JSON.parse(map) as { sources?: string[]; sourcesContent?: unknown[] }
    if (sources?.every((_, index) => typeof sourcesContent[index] === 'string')) continue
    findings.push({
      problem: `${manifest.name} has no source map of ${path} that brings its sources along.`,
      fix: 'Leave `sourcemap: true` in tsup.base.ts, and `sourcesContent` at its default.',
    })
  }
  return findings
}

/** Runs publint, its suggestions included, and attw for what Node resolves: `moduleResolution` node16 and bundler. */
export async function checkTarballTypes(context: CheckContext): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const packed of context.packages) {
    findings.push(...(await findPublintMessages(packed)), ...(await findWrongTypes(context, packed)))
    context.log(packed.manifest.name)
  }
  return findings
}

async function findPublintMessages({ manifest, tarball }: PackedPackage): Promise<Finding[]> {
  const { buffer, byteOffset, byteLength } = await readFile(tarball)
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
  const { messages, pkg } = await publint({ pack: { tarball: bytes }, level: 'suggestion', strict: true })
  return messages.map((message) => ({
    problem: `publint about ${manifest.name}: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
    fix: `See https://publint.dev/rules#${message.code.toLowerCase()}`,
  }))
}

async function findWrongTypes({ run, root }: CheckContext, { manifest, tarball }: PackedPackage): Promise<Finding[]> {
  const attw = fileURLToPath(new URL('dist/index.js', import.meta.resolve('@arethetypeswrong/cli/package.json')))
  const args = [attw, tarball, '--profile', 'node16', '--no-definitely-typed', '--format', 'ascii', '--no-emoji']
  const { isOk, output } = await run(process.execPath, { args, cwd: root })
  if (isOk) return []
  const fix = 'Compare "exports" in its package.json with dist: types first, .d.ts for import and .d.cts for require.'
  return [{ problem: `attw about ${manifest.name}:\n${output}`, fix }]
}

/** Bundles and minifies each entry point of core as an app for any runtime would, and compares what comes out with its budget. */
export async function checkSizes({ packages, log }: CheckContext): Promise<readonly Finding[]> {
  const core = packages.find(({ manifest }) => manifest.name === '@persona-kyc/core')
  const entries = Object.entries(core?.manifest.exports ?? {}).filter(([entry]) => entry !== './package.json')
  log(`${'entry point'.padEnd(14)}${'kB gz'.padStart(8)}${'budget'.padStart(8)}  dependencies`)
  const findings: Finding[] = []
  for (const [entry, conditions] of entries) {
    const [path = ''] = toPaths(conditions).filter((file) => file.endsWith('.js'))
    const { kB, dependencies } = await measure(join(core?.folder ?? '', path))
    const budget = BUDGETS[entry]
    const columns = [entry.padEnd(14), kB.toFixed(2).padStart(8), (budget?.kB.toFixed(2) ?? 'none').padStart(8)]
    log(`${columns.join('')}  ${dependencies.join(', ') || 'none'}`)
    findings.push(...findExcess(entry, { kB, dependencies, budget }))
  }
  return findings
}

async function measure(entry: string): Promise<{ kB: number; dependencies: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const bytes = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
  const inputs = Object.keys(metafile.inputs).flatMap(
    (path) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  )
  return { kB: bytes / 1000, dependencies: [...new Set(inputs)].sort() }
}

function findExcess(
  entry: string,
  measured: { kB: number; dependencies: readonly string[]; budget: (typeof BUDGETS)[string] | undefined },
): Finding[] {
  const { kB, dependencies, budget } = measured
  const fix =
    'Find what came in (npx esbuild --bundle --analyze), or raise BUDGETS in scripts/check-tarballs.ts on purpose.'
  if (budget === undefined) return [{ problem: `${entry} of core has no size budget.`, fix }]
  return [
    ...(kB > budget.kB ? [{ problem: `${entry} of core is ${kB.toFixed(2)} kB, over its ${budget.kB} kB.`, fix }] : []),
    ...dependencies
      .filter((name) => !budget.dependencies.includes(name))
      .map((name) => ({ problem: `${entry} of core pulls in ${name}.`, fix })),
  ]
}
