import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from './benchmark.js'
import { type LoadTarget, measureRate } from './http-load.js'

const SERVER = fileURLToPath(new URL('http-server.ts', import.meta.url))
const TSCONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url))
const WARM_UP_MS = 3000
const MEASURE_MS = 4000

/** What the routes cost on top of their framework: a case that is read, without a database. */
export const adapterBenchmarks: readonly Benchmark[] = ['hono', 'express'].map((framework) => ({
  name: `GET a case, ${framework} adapter against a bare ${framework} app with a bearer token`,
  bound: 0.85,
  async start() {
    const ours = await startServer(framework, 'ours')
    const bare = await startServer(framework, 'bare')
    await measureRate(ours.target, WARM_UP_MS)
    await measureRate(bare.target, WARM_UP_MS)
    return {
      async measure(round) {
        // Who goes first, and finds the machine colder, changes with each round.
        const order = round % 2 === 0 ? ['ours', 'bare'] : ['bare', 'ours']
        const rates = new Map<string, number>()
        for (const side of order) rates.set(side, await measureRate((side === 'ours' ? ours : bare).target, MEASURE_MS))
        return { ours: rates.get('ours') ?? Number.NaN, theirs: rates.get('bare') ?? Number.NaN }
      },
      async stop() {
        for (const { process } of [ours, bare]) process.kill('SIGTERM')
      },
    }
  },
}))

async function startServer(framework: string, side: string): Promise<{ target: LoadTarget; process: ChildProcess }> {
  const args = ['--import', 'tsx', SERVER, framework, side]
  const server = spawn(process.execPath, args, {
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await Promise.race([once(server.stdout, 'data'), failAtExit(server)])
  return { target: JSON.parse(String(line)) as LoadTarget, process: server }
}

async function failAtExit(server: ChildProcess): Promise<never> {
  const [code] = await once(server, 'exit')
  throw new Error(`The server of the benchmark ended with ${code}.`)
}
