import type { Benchmark } from './benchmark.js'
import { readResidentBytes, type ServerProcess, startServer } from './server-process.js'
import { CASES, prepareDatabase } from './servers.js'
import { createWebhooks, sendWebhooks } from './webhooks.js'

/* What a whole server must keep to, whatever else is fast: its ratio is the limit to what was measured, and at least 1. */

const CONNECTIONS = 64
/** As many as Persona would hardly open at once. */
const CONNECTIONS_OF_BURST = 1000
const BURST = 100_000
/** Webhooks that are sent at once are made at once, and 4 KB each. */
const PIECE = 25_000
const MEASURED_SECONDS = 10

/** The limits, in the order in which they take longer. */
export const limitBenchmarks: readonly Benchmark[] = [
  toBenchmark('p99 at 60 % of the highest rate, 50 ms', { unit: 'ms, of what is allowed', rounds: 5 }, measureAtRate),
  toBenchmark('burst of 100,000 webhooks, p99.9 of 5 s', { unit: 's, of what is allowed', rounds: 1 }, measureBurst),
  toBenchmark(
    'resident memory after 500,000 webhooks, 105 % of that after 50,000',
    { unit: 'MB, of what is allowed', rounds: 1 },
    measureMemory,
  ),
]

function toBenchmark(
  name: string,
  { unit, rounds }: { readonly unit: string; readonly rounds: number },
  measure: (server: ServerProcess) => Promise<{ readonly limit: number; readonly measured: number }>,
): Benchmark {
  return {
    name,
    bound: 1,
    unit,
    rounds,
    async start(log) {
      const database = await prepareDatabase(log)
      const server = await startServer('webhook-server.ts', ['hono', database.url])
      await sendMany(server, PIECE)
      return {
        async measure() {
          const { limit, measured } = await measure(server)
          return { ours: limit, theirs: measured }
        },
        async stop() {
          server.stop()
          await database.drop()
        },
      }
    },
  }
}

async function measureAtRate(server: ServerProcess) {
  const startedAt = performance.now()
  await sendMany(server, PIECE)
  const highest = PIECE / ((performance.now() - startedAt) / 1000)
  const perSecond = 0.6 * highest
  const webhooks = createWebhooks(Math.ceil(perSecond * MEASURED_SECONDS), CASES)
  const seconds = await sendWebhooks(server.port, webhooks, { connections: CONNECTIONS, perSecond })
  return { limit: 50, measured: toQuantile(seconds, 0.99) * 1000 }
}

async function measureBurst(server: ServerProcess) {
  const webhooks = createWebhooks(BURST, CASES)
  const seconds = await sendWebhooks(server.port, webhooks, { connections: CONNECTIONS_OF_BURST })
  return { limit: 5, measured: toQuantile(seconds, 0.999) }
}

async function measureMemory(server: ServerProcess) {
  // The first ones came before.
  await sendMany(server, 50_000 - PIECE)
  const before = await readResidentBytes(server.pid)
  await sendMany(server, 450_000)
  const after = await readResidentBytes(server.pid)
  return { limit: (before * 1.05) / 1e6, measured: after / 1e6 }
}

async function sendMany({ port }: ServerProcess, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += PIECE) {
    await sendWebhooks(port, createWebhooks(Math.min(PIECE, count - sent), CASES), { connections: CONNECTIONS })
  }
}

function toQuantile(values: Float64Array, quantile: number): number {
  const sorted = values.toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN
}
