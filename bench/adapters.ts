import { type Benchmark, measureBoth } from './benchmark.js'
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
      measure: (round) =>
        measureBoth(round, {
          ours: () => measureRate(ours.told, MEASURE_MS),
          theirs: () => measureRate(bare.told, MEASURE_MS),
        }),
      async stop() {
        for (const server of [ours, bare]) server.stop()
      },
    }
  },
}))
