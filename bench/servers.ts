import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from './benchmark.js'
import { addCases, type BenchDatabase, openDatabase } from './database.js'
import { createWebhooks, sendWebhooks } from './webhooks.js'

/* Whole servers that take signed webhooks of 4 KB over HTTP, each a process of its own. */

const CASES = 100_000
const CONNECTIONS = 64
/** So long should a measurement take, in seconds. */
const SECONDS = 4
const TSCONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url))

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
      const [our, their] = [await startServer(ours, database?.url), await startServer(theirs, database?.url)]
      for (const server of [our, their]) await warmUp(server)
      const measure = async (server: WebhookServer) => {
        const { perSecond, perCpuSecond } = await measureServer(server)
        return isOfCpu ? perCpuSecond : perSecond
      }
      return {
        async measure(round) {
          if (round % 2 === 0) return { ours: await measure(our), theirs: await measure(their) }
          const first = await measure(their)
          return { ours: await measure(our), theirs: first }
        },
        async stop() {
          for (const { process } of [our, their]) process.kill('SIGTERM')
          await database?.drop()
        },
      }
    },
  }
}

async function prepareDatabase(log: (line: string) => void): Promise<BenchDatabase> {
  const database = await openDatabase()
  log(`adding ${CASES} cases`)
  await addCases(database.knex, CASES)
  return database
}

/** A server of webhook-server.ts. */
interface WebhookServer {
  readonly process: ChildProcess
  readonly port: number
  /** How many webhooks a second it takes, about. */
  rate: number
}

/** Starts the server of that name. */
async function startServer(name: string, databaseUrl = ''): Promise<WebhookServer> {
  const file = fileURLToPath(new URL('webhook-server.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, name, databaseUrl], {
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const { port } = JSON.parse(String(line)) as { port: number }
  return { process: child, port, rate: 500 }
}

async function warmUp(server: WebhookServer): Promise<void> {
  for (let turn = 0; turn < 3; turn++) server.rate = (await measureServer(server)).perSecond
}

async function measureServer({ process: { pid = 0 }, port, rate }: WebhookServer) {
  const webhooks = createWebhooks(Math.ceil(rate * SECONDS), CASES)
  const cpuBefore = await readCpuSeconds(pid)
  const startedAt = performance.now()
  await sendWebhooks(port, webhooks, CONNECTIONS)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = (await readCpuSeconds(pid)) - cpuBefore
  return { perSecond: webhooks.length / seconds, perCpuSecond: webhooks.length / cpuSeconds }
}

/** What a process has used of the CPU so far, in user and kernel: Linux counts hundredths of a second. */
async function readCpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
