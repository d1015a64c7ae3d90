import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { runMain } from './run-main.js'
import { readResidentBytes, type ServerProcess, startServer } from './server-process.js'
import { CASES, prepareDatabase } from './servers.js'
import { createWebhooks, sendWebhooks } from './webhooks.js'

/*
 * Has a server take webhooks for half an hour at half of its highest rate, and looks for what it does not give back: `npm run
 * soak`, with `-- --minutes N` for another time. Tells each minute what it holds; ends with 1 where memory, connections or
 * timers have grown.
 */

const CONNECTIONS = 64
const PIECE = 20_000
/** The pool of the server, which may be open for as long as it likes. */
const POOL_SIZE = 10
/** What a process may hold more at the end than after a fifth of the time. */
const GROWTH = 1.1

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } })
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error('--minutes must be a number above 0.')
  const database = await prepareDatabase(console.log)
  const server = await startServer('webhook-server.ts', ['hono', database.url])
  try {
    const perSecond = (await measureHighest(server.port)) / 2
    // By now its pool is there, which looks after idle connections by a timer.
    const idleBefore = await listIdle(server)
    console.log(`${perSecond.toFixed(0)} webhooks a second for ${minutes} minutes`)
    const held = await soak(server, { perSecond, minutes })
    const idleAfter = await listIdle(server)
    const connections = await countConnections(database.knex)
    console.log(`resources before: ${idleBefore.join(' ')}; after: ${idleAfter.join(' ')}; ${connections} connections`)
    const early = held[Math.floor(held.length / 5)] ?? 0
    const isFlat = (held.at(-1) ?? 0) <= early * GROWTH
    const isIdle = countTimers(idleAfter) <= countTimers(idleBefore)
    const isConnected = connections <= POOL_SIZE && countSockets(idleAfter) <= countSockets(idleBefore) + POOL_SIZE
    if (!isFlat) console.log(`MISSED: memory has grown from ${toMegabytes(early)} to ${toMegabytes(held.at(-1) ?? 0)}`)
    if (!isIdle) console.log('MISSED: timers are left')
    if (!isConnected) console.log('MISSED: connections are left')
    return isFlat && isIdle && isConnected ? 0 : 1
  } finally {
    server.stop()
    await database.drop()
  }
}

/** What keeps the process alive, once it has noticed what was closed at the other end. */
async function listIdle(server: ServerProcess): Promise<readonly string[]> {
  await setTimeout(1000)
  return server.listResources()
}

async function measureHighest(port: number): Promise<number> {
  let rate = 0
  for (let turn = 0; turn < 2; turn++) {
    const startedAt = performance.now()
    await sendWebhooks(port, createWebhooks(PIECE, CASES), { connections: CONNECTIONS })
    rate = PIECE / ((performance.now() - startedAt) / 1000)
  }
  return rate
}

/** Resolves with what the process held of the memory after each piece, in bytes. */
async function soak(
  { port, pid }: { readonly port: number; readonly pid: number },
  { perSecond, minutes }: { readonly perSecond: number; readonly minutes: number },
): Promise<readonly number[]> {
  const held: number[] = []
  const end = Date.now() + minutes * 60_000
  let toldAt = Date.now()
  while (Date.now() < end) {
    const seconds = await sendWebhooks(port, createWebhooks(PIECE, CASES), { connections: CONNECTIONS, perSecond })
    held.push(await readResidentBytes(pid))
    if (Date.now() - toldAt < 60_000) continue
    toldAt = Date.now()
    const slowest = seconds.reduce((most, one) => Math.max(most, one), 0)
    const left = Math.ceil((end - toldAt) / 60_000)
    console.log(`${toMegabytes(held.at(-1) ?? 0)}, slowest ${(slowest * 1000).toFixed(0)} ms, ${left} minutes left`)
  }
  return held
}

async function countConnections(knex: Awaited<ReturnType<typeof prepareDatabase>>['knex']): Promise<number> {
  const { rows } = await knex.raw(
    'select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  return Number(rows[0].count)
}

function countTimers(resources: readonly string[]): number {
  return resources.filter((name) => name === 'Timeout').length
}

function countSockets(resources: readonly string[]): number {
  return resources.filter((name) => name === 'TCPSocketWrap').length
}

function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

runMain(main)
