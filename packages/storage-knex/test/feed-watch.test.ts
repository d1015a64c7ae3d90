import type { KycStorage } from '@persona-kyc/core'
import createKnex, { type Knex } from 'knex'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { useDatabase } from './test-database.js'

const database = useDatabase()
const now = new Date('2026-01-02T03:04:05.678Z')
let cases = 0

describe('watchFeed', () => {
  it('hears of what another process has written', async () => {
    const calls = watch(await createStorage())
    const other = await createStorage()
    await vi.waitFor(() => expect(calls()).toBe(1), { timeout: 5000 })
    await grow(other)
    await vi.waitFor(() => expect(calls()).toBe(2), { timeout: 5000 })
  })

  it('tells of many transitions with few notifications', async () => {
    const calls = watch(await createStorage())
    const other = await createStorage()
    await vi.waitFor(() => expect(calls()).toBe(1), { timeout: 5000 })
    await Promise.all(Array.from({ length: 40 }, () => grow(other)))
    await vi.waitFor(() => expect(calls()).toBeGreaterThan(1), { timeout: 5000 })
    expect(calls()).toBeLessThan(30)
  })

  it('listens again when its connection is lost, and calls for what it may have missed', async () => {
    const calls = watch(await createStorage())
    await vi.waitFor(() => expect(calls()).toBe(1), { timeout: 5000 })
    const listeners = await listListeners()
    expect(listeners).toHaveLength(1)
    await database.owner.raw('select pg_terminate_backend(?)', [listeners[0] ?? 0])
    await vi.waitFor(() => expect(calls()).toBe(2), { timeout: 5000 })
    await grow(await createStorage())
    await vi.waitFor(() => expect(calls()).toBe(3), { timeout: 5000 })
  })

  it('shares one connection among its listeners, and closes it after the last', async () => {
    const storage = await createStorage()
    const stops = [1, 2, 3].map(() => storage.watchFeed(() => {}))
    await vi.waitFor(async () => expect(await listListeners()).toHaveLength(1), { timeout: 5000 })
    stops[0]?.()
    stops[1]?.()
    expect(await listListeners()).toHaveLength(1)
    stops[2]?.()
    await vi.waitFor(async () => expect(await listListeners()).toEqual([]), { timeout: 5000 })
  })

  it('announces nothing any more once the pool is to end, so that Knex has nothing to warn of', async () => {
    const warn = vi.fn()
    await migrateForApp(database.owner)
    const knex = createKnex({ client: 'pg', connection: database.appUrl, log: { warn } })
    const pool = knex.client as {
      acquireConnection(): Promise<object>
      releaseConnection(client: object): Promise<void>
    }
    const connection = await pool.acquireConnection()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await grow(createKnexStorage({ knex }))
    expect(vi.getTimerCount()).toBe(1)
    const ended = knex.destroy()
    vi.runAllTimers()
    await pool.releaseConnection(connection)
    await ended
    expect(warn).not.toHaveBeenCalled()
  })

  it('never throws where the database cannot be reached', async () => {
    const knex = createKnex({ client: 'pg', connection: 'postgres://x@127.0.0.1:1/x', log: { warn() {}, error() {} } })
    const stop = createKnexStorage({ knex }).watchFeed(() => expect.fail('nobody is there'))
    await vi.waitFor(() => expect(stop).toBeTypeOf('function'))
    stop()
    await knex.destroy()
  })
})

/** A storage on a pool of its own, as another process would have. */
async function createStorage(): Promise<KycStorage> {
  const knex: Knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 5 } })
  onTestFinished(() => knex.destroy())
  await migrateForApp(database.owner)
  return createKnexStorage({ knex })
}

/** Counts the calls, until the test is over. */
function watch(storage: KycStorage): () => number {
  let calls = 0
  const stop = storage.watchFeed(() => {
    calls += 1
  })
  onTestFinished(stop)
  return () => calls
}

async function grow(storage: KycStorage): Promise<void> {
  const id = `case-${++cases}`
  await storage.createCase({
    id,
    userId: id,
    documentType: 'passport',
    sealedPersonalData: null,
    idempotencyKey: null,
    createdAt: now,
    initiatingUntil: now,
  })
  const { transition } = await storage.recordEvent({
    id: `evt-${id}`,
    name: 'inquiry.approved',
    inquiryId: `inq-${id}`,
    referenceId: id,
    effect: { personaStatus: 'approved', status: 'verified', score: 1, occurredAt: now, rank: 6 },
    createdAt: now,
    receivedAt: now,
    delivery: null,
  })
  expect(transition).not.toBeNull()
}

async function listListeners(): Promise<number[]> {
  const { rows } = await database.owner.raw<{ rows: { pid: number }[] }>(
    `select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`,
  )
  return rows.map(({ pid }) => pid)
}
