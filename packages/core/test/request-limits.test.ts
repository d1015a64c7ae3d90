import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Authorization } from '../src/authorize.js'
import type { KycHandlerOptions } from '../src/handler-options.js'
import type { Peer } from '../src/peer.js'
import { HttpError } from '../src/problem.js'
import { createMemoryRateLimiter, type RateLimiter } from '../src/rate-limiter.js'
import { createRequestLimits, type RequestLimitOptions } from '../src/request-limits.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { createPlainHandler } from './plain-handler.js'
import { after, createRecordingLogger, toDelivery } from './test-engine.js'

const CANARY = 'canary-9f31c7'
const ADDRESS = '203.0.113.7'
const APP = { principal: 'app', userId: null }

const from = (address: string | null): Peer => ({ address, isEncrypted: true })
const perMinute = (points: number) => createMemoryRateLimiter({ points, durationMs: 60_000 })

/** A limiter that notes the keys, and has as many points in all. */
function createStub(points = Number.POSITIVE_INFINITY, answer: unknown = { msBeforeNext: 1500 }) {
  const keys: string[] = []
  const consume = async (key: string) => {
    keys.push(key)
    if (keys.length > points) throw answer
  }
  return { keys, consume }
}

function start(options: RequestLimitOptions) {
  const logger = createRecordingLogger()
  const limits = createRequestLimits(options, logger)
  return { logger, count: limits.countInitiation, countRefusal: limits.countRefusal }
}

describe('an initiation', () => {
  it('is counted by who calls, then by its address', async () => {
    const limiter = createStub()
    const all = { initiatePerPrincipal: limiter, initiatePerUser: limiter, initiatePerAddress: limiter }
    await start(all).count(APP, from(ADDRESS))
    expect(limiter.keys).toEqual(['initiate-principal:app', 'initiate-address:4:cb007107'])
  })

  it('of a user with a token of their own is counted by the user, and not by the principal', async () => {
    const limiter = createStub()
    const all = { initiatePerPrincipal: limiter, initiatePerUser: limiter, initiatePerAddress: limiter }
    await start(all).count({ principal: 'app', userId: 'user_1' }, from(ADDRESS))
    expect(limiter.keys).toEqual(['initiate-user:user_1', 'initiate-address:4:cb007107'])
  })

  it('is not counted by what nobody knows', async () => {
    const limiter = createStub()
    const all = { initiatePerPrincipal: limiter, initiatePerUser: limiter, initiatePerAddress: limiter }
    const { count } = start(all)
    for (const address of [null, 'unknown', '']) await count({ principal: null, userId: null }, from(address))
    expect(limiter.keys).toEqual([])
  })

  it('that is refused by one limit does not use up the points of others at that address', async () => {
    for (const [name, caller] of [
      ['initiatePerPrincipal', APP],
      ['initiatePerUser', { principal: 'app', userId: 'user_1' }],
    ] as const) {
      const initiatePerAddress = createStub()
      const { count } = start({ initiatePerAddress, [name]: createStub(2) })
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => count(caller, from(ADDRESS))))
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(8)
      expect(initiatePerAddress.keys).toHaveLength(2)
    }
  })
})

describe('a webhook that is refused', () => {
  it('is counted by its address alone', async () => {
    const limiter = createStub()
    const { countRefusal } = start({ refusedWebhooksPerAddress: limiter })
    for (const address of [ADDRESS, null, 'unknown']) await countRefusal(from(address))
    expect(limiter.keys).toEqual(['refused-webhook:4:cb007107'])
  })
})

describe('a limit', () => {
  it.each<[number, string]>([
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
    [59_999, '60'],
    [60_000, '60'],
    [0, '1'],
    [-1, '1'],
    [Number.NaN, '1'],
    [Number.POSITIVE_INFINITY, '1'],
  ])('that is reached for %d ms is a 429 with %s seconds to wait', async (msBeforeNext, seconds) => {
    const limiter = createStub(0, { msBeforeNext, key: CANARY })
    const { count, countRefusal, logger } = start({ initiatePerAddress: limiter, refusedWebhooksPerAddress: limiter })
    for (const ask of [() => count(APP, from(ADDRESS)), () => countRefusal(from(ADDRESS))]) {
      const error = await toRejection(ask())
      expect(error).toBeInstanceOf(HttpError)
      expect(error).toMatchObject({
        problem: { status: 429, code: 'rate_limited', title: 'Too Many Requests' },
        headers: { 'retry-after': seconds },
      })
      expectNoCanary([error, logger.entries], CANARY)
    }
    expect(logger.entries).toEqual([])
  })

  it('counts the addresses of one IPv6 network together, and other networks by themselves', async () => {
    const { count, countRefusal } = start({
      initiatePerAddress: perMinute(1),
      refusedWebhooksPerAddress: perMinute(1),
    })
    for (const ask of [(peer: Peer) => count(APP, peer), countRefusal]) {
      await ask(from('2001:db8::1'))
      await expect(ask(from('2001:db8::ffff:ffff:ffff:ffff'))).rejects.toThrow(HttpError)
      await ask(from('2001:db8:0:1::1'))
      await ask(from('192.0.2.1'))
      await expect(ask(from('::ffff:192.0.2.1'))).rejects.toThrow(HttpError)
      await ask(from('192.0.2.2'))
    }
  })

  it('that is null counts nothing, and one that is left out is the default', async () => {
    const off = start({
      initiatePerPrincipal: null,
      initiatePerUser: null,
      initiatePerAddress: null,
      refusedWebhooksPerAddress: null,
    })
    for (let asked = 0; asked < 1000; asked += 1) {
      await off.count(APP, from(ADDRESS))
      await off.count({ principal: 'app', userId: 'user_1' }, from(ADDRESS))
      await off.countRefusal(from(ADDRESS))
    }
    expect(off.logger.entries).toEqual([])
    const on = start({ initiatePerUser: undefined })
    const user = { principal: 'app', userId: 'user_1' }
    for (let asked = 0; asked < 10; asked += 1) await on.count(user, from(ADDRESS))
    await expect(on.count(user, from(ADDRESS))).rejects.toThrow(HttpError)
  })

  it('is one of each handler by default', async () => {
    const user = { principal: 'app', userId: 'user_1' }
    const [one, other] = [start({}), start({})]
    for (let asked = 0; asked < 10; asked += 1) await one.count(user, from(ADDRESS))
    await other.count(user, from(ADDRESS))
  })
})

describe('a limiter that cannot tell', () => {
  const FAILURES: [string, RateLimiter['consume']][] = [
    ['an Error', () => Promise.reject(new Error(CANARY))],
    ['an Error that has the member', () => Promise.reject(Object.assign(new Error(CANARY), { msBeforeNext: 1 }))],
    [
      'an Error at once',
      () => {
        throw new TypeError(CANARY)
      },
    ],
    ['nothing', () => Promise.reject()],
    ['null', () => Promise.reject(null)],
    ['a text', () => Promise.reject(CANARY)],
    ['an object without a time', () => Promise.reject({ [CANARY]: 1 })],
    ['a time that is none', () => Promise.reject({ msBeforeNext: CANARY })],
  ]

  it.each(FAILURES)('and rejects with %s lets the request through, and is in the log', async (_name, consume) => {
    const { count, countRefusal, logger } = start({
      initiatePerPrincipal: { consume },
      initiatePerAddress: { consume },
      refusedWebhooksPerAddress: { consume },
    })
    await count(APP, from(ADDRESS))
    await countRefusal(from(ADDRESS))
    expect(logger.entries).toEqual(
      Array(3).fill({ level: 'error', fields: expect.any(Object), message: 'rate limiter failed' }),
    )
    expectNoCanary(logger.entries, CANARY)
  })

  it('because it hangs lets the request through after a second', async () => {
    vi.useFakeTimers()
    try {
      const hanging = { consume: () => new Promise(() => {}) }
      const { countRefusal, logger } = start({ refusedWebhooksPerAddress: hanging })
      const done = vi.fn()
      const counted = countRefusal(from(ADDRESS)).then(done)
      await vi.advanceTimersByTimeAsync(999)
      expect(done).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(1)
      expect(done).toHaveBeenCalledOnce()
      await counted
      expect(logger.entries).toEqual([
        { level: 'error', fields: { error: 'TimeoutError' }, message: 'rate limiter failed' },
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  it('and rejects after that is heard no more, and one that answers leaves no timer', async () => {
    vi.useFakeTimers()
    try {
      const late = { consume: () => new Promise((_, reject) => setTimeout(() => reject(new Error(CANARY)), 5000)) }
      const { countRefusal, logger } = start({ refusedWebhooksPerAddress: late })
      const counted = countRefusal(from(ADDRESS))
      await vi.advanceTimersByTimeAsync(6000)
      await counted
      expect(logger.entries).toHaveLength(1)
      await start({ refusedWebhooksPerAddress: createStub() }).countRefusal(from(ADDRESS))
      await toRejection(start({ refusedWebhooksPerAddress: createStub(0) }).countRefusal(from(ADDRESS)))
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('over HTTP', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 2) })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const hints = { address: ADDRESS }
  const LIMITED: [string, Authorization, number][] = [
    ['300 a minute of one principal', { principal: 'app' }, 300],
    ['10 a minute of one user', { principal: 'page', cases: 'own', userId: 'user_1' }, 10],
  ]

  it.each(LIMITED)(
    'initiations are limited to %s, and what is refused reaches nobody',
    async (_name, answer, points) => {
      const { authorize, initiate, persona, storage } = createPlainHandler()
      authorize.mockReturnValue(answer)
      for (let asked = 0; asked < points; asked += 1) expect([200, 201]).toContain((await initiate()).status)
      const createCase = vi.spyOn(storage, 'createCase')
      for (const calls of Object.values(persona.calls)) calls.mockClear()
      vi.setSystemTime(Date.now() + 17_500)
      const { status, json, headers } = await initiate()
      expect([status, json.code, headers.get('retry-after')]).toEqual([429, 'rate_limited', '43'])
      expect(createCase).not.toHaveBeenCalled()
      for (const calls of Object.values(persona.calls)) expect(calls).not.toHaveBeenCalled()
      vi.setSystemTime(Date.now() + 42_500)
      expect((await initiate()).status).toBe(200)
    },
  )

  it('initiations are limited to 300 a minute from one address, whoever calls', async () => {
    const { authorize, initiate } = createPlainHandler()
    const call = async (principal: string, address: string) => {
      authorize.mockReturnValue({ principal })
      return (await initiate('user_1', { hints: { address } })).status
    }
    for (let asked = 0; asked < 300; asked += 1) expect(await call(`app-${asked % 2}`, ADDRESS)).not.toBe(429)
    expect(await call('app-2', ADDRESS)).toBe(429)
    expect(await call('app-2', '203.0.113.8')).toBe(200)
  })

  it('only initiations are limited', async () => {
    const none = createStub(0)
    const { call, initiate } = createPlainHandler({
      rateLimits: { initiatePerPrincipal: none, initiatePerUser: none, initiatePerAddress: none },
    })
    expect((await initiate('user_1', { hints })).status).toBe(429)
    const paths = ['/compliance/kyc', '/compliance/events', '/compliance/audit', '/webhooks/persona/health']
    for (const path of paths) expect((await call('GET', path, { hints })).status).toBe(200)
    expect((await call('POST', '/compliance/kyc/nobody/resume', { hints })).status).toBe(404)
    expect(none.keys).toHaveLength(1)
  })

  it.each<[string, Authorization | Error, number]>([
    ['is not known', 'unauthenticated', 401],
    ['may not', { principal: 'app', cases: 'none' }, 403],
    ['may see their own cases, and names somebody else', { principal: 'page', cases: 'own', userId: 'user_2' }, 403],
    ['cannot be told by authorize', new Error('down'), 500],
  ])('a caller who %s uses up nobody’s points', async (_name, answer, expected) => {
    const limiter = createStub()
    const rateLimits = { initiatePerPrincipal: limiter, initiatePerUser: limiter, initiatePerAddress: limiter }
    const { authorize, initiate } = createPlainHandler({ rateLimits })
    if (answer instanceof Error) authorize.mockRejectedValue(answer)
    else authorize.mockReturnValue(answer)
    expect((await initiate('user_1', { hints })).status).toBe(expected)
    expect(limiter.keys).toEqual([])
  })

  it('one principal or user at their limit lets the others go on', async () => {
    const rateLimits = {
      initiatePerPrincipal: perMinute(1),
      initiatePerUser: perMinute(1),
      initiatePerAddress: perMinute(4),
    }
    const { authorize, initiate } = createPlainHandler({ rateLimits })
    const call = async (answer: Authorization, userId: string) => {
      authorize.mockReturnValue(answer)
      return (await initiate(userId, { hints })).status
    }
    const own = (userId: string) => call({ principal: 'page', cases: 'own', userId }, userId)
    const statuses = [await own('user_1'), await own('user_1'), await own('user_1'), await own('user_1')]
    expect(statuses).toEqual([201, 429, 429, 429])
    expect(await own('user_2')).toBe(201)
    expect(await call({ principal: 'app' }, 'user_3')).toBe(201)
    expect(await call({ principal: 'app' }, 'user_4')).toBe(429)
    expect(await call({ principal: 'page' }, 'user_4')).toBe(201)
  })

  it('refused webhooks are 401, and 429 beyond 60 a minute from one address', async () => {
    const { deliverWebhook } = createPlainHandler()
    const refuse = async (address: string) => deliverWebhook({}, { signature: 't=1,v1=00', hints: { address } })
    for (let sent = 0; sent < 60; sent += 1) expect((await refuse(ADDRESS)).status).toBe(401)
    const { status, json, headers } = await refuse(ADDRESS)
    expect([status, json.code, headers.get('retry-after')]).toEqual([429, 'rate_limited', '60'])
    expect((await refuse('203.0.113.8')).status).toBe(401)
    vi.setSystemTime(Date.now() + 60_000)
    expect((await refuse(ADDRESS)).status).toBe(401)
  })

  const LIMITERS: [string, RateLimiter][] = [
    ['has no points', { consume: () => Promise.reject({ msBeforeNext: 1000 }) }],
    ['fails', { consume: () => Promise.reject(new Error('down')) }],
    ['hangs', { consume: () => new Promise(() => {}) }],
  ]

  it.each(LIMITERS)(
    'a webhook that is signed is never counted nor dropped, while the limiter %s',
    async (_name, limiter) => {
      const consume = vi.fn(limiter.consume)
      const rateLimits: KycHandlerOptions['rateLimits'] = {
        initiatePerPrincipal: null,
        initiatePerAddress: null,
        refusedWebhooksPerAddress: { consume },
      }
      const { initiate, deliverWebhook, engine } = createPlainHandler({ rateLimits })
      const { json } = await initiate()
      const answer = await deliverWebhook({ status: 'approved', createdAt: after(1) }, { hints })
      expect([answer.status, answer.json.outcome]).toEqual([200, 'applied'])
      expect((await engine.getCase(String(json.case_id))).status).toBe('verified')
      expect(consume).not.toHaveBeenCalled()
    },
  )

  it('a webhook that is signed arrives from an address whose refused ones are over the limit', async () => {
    const { initiate, deliverWebhook } = createPlainHandler()
    await initiate()
    for (let sent = 0; sent < 100; sent += 1) await deliverWebhook({}, { signature: 't=1,v1=00', hints })
    for (let sent = 0; sent < 100; sent += 1) {
      const { status } = await deliverWebhook({ id: `evt_${sent}`, createdAt: after(sent) }, { hints })
      expect(status).toBe(200)
    }
  })

  it('a webhook that is signed and cannot be read, or stored, is not counted', async () => {
    const limiter = createStub(0)
    const { call, deliverWebhook, storage, clock } = createPlainHandler({
      rateLimits: { refusedWebhooksPerAddress: limiter },
    })
    vi.spyOn(storage, 'recordEvent').mockRejectedValueOnce(new Error('down'))
    expect((await deliverWebhook({}, { hints })).status).toBe(500)
    const { body, signature } = await toDelivery({ data: 1 }, clock.ms)
    const headers = { 'persona-signature': String(signature) }
    expect((await call('POST', '/webhooks/persona/inquiry', { body, headers, hints })).status).toBe(400)
    expect(limiter.keys).toEqual([])
  })

  it('a limiter that fails is in the log, and the request goes on', async () => {
    const failing = { consume: () => Promise.reject(new Error(CANARY)) }
    const rateLimits = { initiatePerPrincipal: failing, refusedWebhooksPerAddress: failing }
    const { initiate, deliverWebhook, handlerLogger } = createPlainHandler({ rateLimits })
    expect((await initiate()).status).toBe(201)
    expect((await deliverWebhook({}, { signature: 't=1,v1=00', hints })).status).toBe(401)
    const errors = handlerLogger.entries.filter(({ level }) => level === 'error')
    expect(errors).toEqual(
      Array(2).fill({ level: 'error', fields: { error: 'Error' }, message: 'rate limiter failed' }),
    )
    expectNoCanary(handlerLogger.entries, CANARY)
  })
})
