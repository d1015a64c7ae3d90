import { type Benchmark, measureBoth } from './benchmark.js'
import { addCases, type BenchDatabase, openDatabase } from './database.js'
import { readCpuSeconds, type ServerProcess, startServer } from './server-process.js'
import { createWebhooks, sendWebhooks } from './webhooks.js'

/* Whole servers that take signed webhooks of 4 KB over HTTP, each a process of its own. */

/** How many cases there are. */
export const CASES = 100_000
const CONNECTIONS = 64
/** So long should a measurement take, in seconds. */
const SECONDS = 4

/** What servers are held against. */
export const serverBenchmarks: readonly Benchmark[] = [
  toBenchmark('whole server, Hono, against the usual integration', { ours: 'hono', theirs: 'usual', bound: 5 }),
  toBenchmark('whole server, Express, against the usual integration', { ours: 'express', theirs: 'usual', bound: 4 }),
  toBenchmark('events per second of CPU, Hono, against the usual integration', {
    ours: 'hono',
    theirs: 'usual',
    bound: 5,
    isOfCpu: true,
  }),
  toBenchmark('whole server, Hono, without the database, against a bare Hono app', {
    ours: 'hono without a database',
    theirs: 'bare hono',
    bound: 0.85,
    isWithoutDatabase: true,
  }),
]

interface ServerOptions {
  readonly ours: string
  readonly theirs: string
  readonly bound: number
  /** Whether the CPU of the server's process is what counts, rather than time. */
  readonly isOfCpu?: boolean
  readonly isWithoutDatabase?: boolean
}

function toBenchmark(
  name: string,
  { ours, theirs, bound, isOfCpu = false, isWithoutDatabase = false }: ServerOptions,
): Benchmark {
  return {
    name,
    bound,
    async start(log) {
      const database = isWithoutDatabase ? null : await prepareDatabase(log)
      const url = database?.url ?? ''
      const [our, their] = [
        await startServer('webhook-server.ts', [ours, url]),
        await startServer('webhook-server.ts', [theirs, url]),
      ]
      for (const server of [our, their]) await warmUp(server)
      const measure = async (server: ServerProcess) => {
        const { perSecond, perCpuSecond } = await measureServer(server)
        return isOfCpu ? perCpuSecond : perSecond
      }
      return {
        measure: (round) => measureBoth(round, { ours: () => measure(our), theirs: () => measure(their) }),
        async stop() {
          for (const server of [our, their]) server.stop()
          await database?.drop()
        },
      }
    },
  }
}

/** A database with so many cases. */
export async function prepareDatabase(log: (line: string) => void): Promise<BenchDatabase> {
  const database = await openDatabase()
  log(`adding ${CASES} cases`)
  await addCases(database.knex, CASES)
  return database
}

/** How many webhooks a second a server takes, about: by that it is known how many to send it. */
const rates = new WeakMap<ServerProcess, number>()

async function warmUp(server: ServerProcess): Promise<void> {
  for (let turn = 0; turn < 3; turn++) rates.set(server, (await measureServer(server)).perSecond)
}

async function measureServer(server: ServerProcess) {
  const { pid, port } = server
  const webhooks = createWebhooks(Math.ceil((rates.get(server) ?? 500) * SECONDS), CASES)
  const cpuBefore = await readCpuSeconds(pid)
  const startedAt = performance.now()
  await sendWebhooks(port, webhooks, { connections: CONNECTIONS })
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = (await readCpuSeconds(pid)) - cpuBefore
  return { perSecond: webhooks.length / seconds, perCpuSecond: webhooks.length / cpuSeconds }
}
