import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Benchmark } from './benchmark.js'

/*
 * What an entry weighs in a bundle: all of its exports and all that they depend on, minified, for Node. Held against all of
 * Stripe's package; the ratio is that of the sizes. Frameworks and drivers, which apps bring along, are not counted.
 */

const DIRECTORY = fileURLToPath(new URL('.', import.meta.url))
const MANIFEST = new URL('../packages/core/package.json', import.meta.url)
const OF_THE_APP = ['express', 'hono', 'knex', 'pg']

/** The entries of the core are to be smaller; those of the packages around it, with what of the core is in them, are told. */
export const sizeBenchmarks: readonly Benchmark[] = [
  ...(await listEntries()).map((entry) => toBenchmark(entry, 1)),
  ...['hono-adapter', 'express-adapter', 'storage-knex'].map((name) => toBenchmark(`@persona-kyc/${name}`, null)),
]

function toBenchmark(entry: string, bound: number | null): Benchmark {
  return {
    name: `size of ${entry}, against stripe`,
    bound,
    unit: 'kB, of Stripe to ours',
    rounds: 1,
    async start() {
      const [ours, theirs] = await Promise.all([measureSize(entry), measureSize('stripe')])
      return {
        measure: async () => ({ ours: theirs / 1000, theirs: ours / 1000 }),
        async stop() {},
      }
    },
  }
}

/** The entries that the core exports. */
async function listEntries(): Promise<string[]> {
  const { name, exports } = JSON.parse(await readFile(MANIFEST, 'utf8')) as { name: string; exports: object }
  return Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => name + path.slice(1))
}

async function measureSize(entry: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export * as all from '${entry}'`, resolveDir: DIRECTORY },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    external: OF_THE_APP,
    write: false,
  })
  return outputFiles[0]?.contents.length ?? Number.NaN
}
