import type { Benchmark } from './benchmark.js'
import { type LoadTarget, measureRate } from './http-load.js'
import { startServer } from './server-process.js'

const WARM_UP_MS = 3000
const MEASURE_MS = 4000

/** What the routes cost on top of their framework: a case that is read, without a database. */
export const adapterBenchmarks: readonly Benchmark[] = ['hono', 'express'].map((framework) => ({
  name: `GET a case, ${framework} adapter against a bare ${framework} app with a bearer token`,
  bound: 0.85,
  async start() {
    const ours = await startServer<LoadTarget>('http-server.ts', [framework, 'ours'])
    const bare = await startServer<LoadTarget>('http-server.ts', [framework, 'bare'])
    await measureRate(ours.told, WARM_UP_MS)
    await measureRate(bare.told, WARM_UP_MS)
    return {
      async measure(round) {
        // Who goes first, and finds the machine colder, changes with each round.
        const order = round % 2 === 0 ? ['ours', 'bare'] : ['bare', 'ours']
        const rates = new Map<string, number>()
        for (const side of order) rates.set(side, await measureRate((side === 'ours' ? ours : bare).told, MEASURE_MS))
        return { ours: rates.get('ours') ?? Number.NaN, theirs: rates.get('bare') ?? Number.NaN }
      },
      async stop() {
        for (const server of [ours, bare]) server.stop()
      },
    }
  },
}))
