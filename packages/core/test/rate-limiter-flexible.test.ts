import { randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createDatabase } from '@persona-kyc/testing/postgres'
import { Redis } from 'ioredis'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible'
import { afterAll, describe, expect, expectTypeOf, inject, it, vi } from 'vitest'
import type { RateLimiter } from '../src/rate-limiter.js'
import { createRequestLimits } from '../src/request-limits.js'
import { createPlainHandler } from './plain-handler.js'
import { createRecordingLogger } from './test-engine.js'

/** `pg` comes without types. */
const { Pool } = createRequire(import.meta.url)('pg') as {
  Pool: new (options: {
    readonly connectionString: string
  }) => EventEmitter<{ connect: [client: EventEmitter] }> & { end(): Promise<void> }
}

const REDIS_URL = 'redis://127.0.0.1:6379'
const PEER = { address: '203.0.113.7', isEncrypted: true }

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** Two handlers, as two processes have them, on these limiters of initiations. */
async function initiateWith(limiters: readonly RateLimiter[], count: number) {
  const handlers = limiters.map((initiatePerPrincipal) => createPlainHandler({ rateLimits: { initiatePerPrincipal } }))
  const asked = Array.from({ length: count }, (_, index) =>
    handlers[index % handlers.length]?.initiate(`user_${index}`),
  )
  const answers = await Promise.all(asked)
  return {
    admitted: answers.filter((answer) => answer?.status === 201),
    refused: answers.filter((answer) => answer?.status === 429),
    logs: handlers.flatMap(({ handlerLogger }) => handlerLogger.entries.filter(({ level }) => level === 'error')),
  }
}

async function expectSharedLimit(limiters: readonly RateLimiter[]) {
  // However busy the machine is: a limiter is not to be taken for one that hangs.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { admitted, refused, logs } = await initiateWith(limiters, 50).finally(() => vi.useRealTimers())
  expect([admitted.length, refused.length]).toEqual([10, 40])
  for (const answer of refused) {
    expect(answer?.json.code).toBe('rate_limited')
    const seconds = Number(answer?.headers.get('retry-after'))
    expect(seconds >= 1 && seconds <= 60).toBe(true)
  }
  expect(logs).toEqual([])
}

it('has the types of the limiters of rate-limiter-flexible', () => {
  expectTypeOf<RateLimiterMemory>().toExtend<RateLimiter>()
  expectTypeOf<RateLimiterRedis>().toExtend<RateLimiter>()
  expectTypeOf<RateLimiterPostgres>().toExtend<RateLimiter>()
  // @ts-expect-error: a limiter takes points, and nothing else will do
  expectTypeOf<{ take(key: string): Promise<void> }>().toExtend<RateLimiter>()
})

it('lets RateLimiterMemory limit initiations', async () => {
  await expectSharedLimit([new RateLimiterMemory({ points: 10, duration: 60 })])
})

it('lets handlers share one limit in PostgreSQL', async () => {
  const database = await createDatabase(inject('databaseUrl'))
  const pool = new Pool({ connectionString: database.url })
  // Its `end` does not wait for the connections, which the end of the database then cuts.
  pool.on('connect', (client) => client.on('error', () => {}))
  cleanups.push(database.drop, () => pool.end())
  const create = () =>
    new Promise<RateLimiterPostgres>((resolve, reject) => {
      const limiter = new RateLimiterPostgres(
        { storeClient: pool, points: 10, duration: 60, tableName: 'limits', clearExpiredByTimeout: false },
        (error?: Error) => (error === undefined ? resolve(limiter) : reject(error)),
      )
    })
  await expectSharedLimit([await create(), await create()])
})

describe('with Redis', () => {
  const connect = (options: { readonly port?: number; readonly enableOfflineQueue?: boolean } = {}) => {
    const { port = Number(new URL(REDIS_URL).port), enableOfflineQueue = true } = options
    const redis = new Redis({
      host: '127.0.0.1',
      port,
      lazyConnect: true,
      enableOfflineQueue,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    })
    redis.on('error', () => {})
    cleanups.push(() => redis.disconnect())
    return redis
  }
  const toLimiter = (storeClient: Redis, keyPrefix: string) =>
    new RateLimiterRedis({ storeClient, keyPrefix, points: 10, duration: 60 })

  it('handlers of several processes share one limit', async ({ skip }) => {
    const connections = [connect(), connect()]
    const isThere = await connections[0]?.ping().then(
      () => true,
      () => false,
    )
    if (isThere !== true) skip(`nothing answers at ${REDIS_URL}`)
    const keyPrefix = `persona-kyc-test-${randomUUID()}`
    try {
      await expectSharedLimit(connections.map((redis) => toLimiter(redis, keyPrefix)))
    } finally {
      const keys = (await connections[0]?.keys(`${keyPrefix}:*`)) ?? []
      expect(keys).toEqual([`${keyPrefix}:initiate-principal:test`])
      await connections[0]?.del(...keys)
    }
  })

  it('that is away, requests go through, and each failure is in the log', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const redis = connect({ port, enableOfflineQueue: false })
    const { admitted, logs } = await initiateWith([toLimiter(redis, 'unused')], 3)
    expect(admitted).toHaveLength(3)
    expect(logs).toEqual(
      Array(3).fill({ level: 'error', fields: { error: expect.any(String) }, message: 'rate limiter failed' }),
    )
  })

  it('that never answers, requests go through after a second', async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(
      () => server.close(),
      () => sockets.map((socket) => socket.destroy()),
    )
    const redis = connect({ port: (server.address() as AddressInfo).port })
    const logger = createRecordingLogger()
    const limits = createRequestLimits({ refusedWebhooksPerAddress: toLimiter(redis, 'unused') }, logger)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const counted = limits.countRefusal(PEER)
      await vi.advanceTimersByTimeAsync(1000)
      await counted
    } finally {
      vi.useRealTimers()
    }
    expect(logger.entries).toEqual([
      { level: 'error', fields: { error: 'TimeoutError' }, message: 'rate limiter failed' },
    ])
  })
})
