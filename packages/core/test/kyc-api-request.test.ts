import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createKycApi, type KycApi, type KycApiOptions } from '../src/kyc-api.js'
import { sleep } from '../src/retries.js'
import { toRejection } from './canaries.js'
import { hang } from './recorded-fetch.js'

const START = { user_id: 'user_1', document_type: 'passport' }
const CLAIM = { kyc_claim_id: '0xab', kyc_claim_tx_hash: '0xcd' }
const AT = '2026-01-02T03:04:05.678Z'
const KYC_CASE = {
  ...{ case_id: 'case-1', ...START, status: 'pending', revision: 0, verification_score: null },
  ...{ persona_inquiry_id: 'inq_1', persona_session_token: 'e.y.J', persona_status: 'created' },
  ...{
    kyc_claim_id: null,
    kyc_claim_tx_hash: null,
    created_at: AT,
    updated_at: AT,
    verified_at: null,
    erased_at: null,
  },
}
const PAGE = { cases: [], events: [], entries: [], next_after: 'next' }
/** It fits each route. */
const OK = Response.json({ ...KYC_CASE, ...PAGE, openapi: '3.1.0' })
const HEALTHY = Response.json({ status: 'ok' })

type Reply = Response | Error | ((signal: AbortSignal) => Promise<Response>)

const network = () =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) })
/** Never answers, and has the time run out at once. */
const timeout = (signal: AbortSignal) => {
  const answer = hang(signal)
  vi.advanceTimersByTime(10_000)
  return answer
}
const problem = (status: number, headers: Record<string, string> = {}, code = 'planted_code') =>
  Response.json({ type: 'about:blank', title: '', status, code, detail: '' }, { status, headers })

/** A caller of a service that gives these answers in turn, the last one again and again, and waits for nothing. */
function createRecorded(replies: readonly Reply[], options: Partial<KycApiOptions> = {}) {
  const requests: RequestInit[] = []
  const waits: number[] = []
  const fetch: typeof globalThis.fetch = async (_, init = {}) => {
    const reply = replies[Math.min(requests.length, replies.length - 1)]
    requests.push(init)
    if (typeof reply === 'function') return reply(init.signal ?? new AbortController().signal)
    if (reply instanceof Response) return reply.clone()
    throw reply
  }
  const record = vi.fn(async (ms: number, _signal?: AbortSignal) => void waits.push(ms))
  const api = createKycApi({
    ...{ baseUrl: 'https://kyc.example', token: 'planted-token', fetch, sleep: record, random: () => 0.5 },
    ...{ now: () => Date.parse('2026-01-02T03:04:05Z'), ...options },
  })
  return { api, requests, waits, sleep: record }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const REPEATABLE: [string, (api: KycApi) => Promise<unknown>][] = [
  ['initiate', (api) => api.initiate(START)],
  ['get', (api) => api.get('case-1')],
  ['list', (api) => api.list()],
  ['setClaim', (api) => api.setClaim('case-1', CLAIM)],
  ['clearClaim', (api) => api.clearClaim('case-1', CLAIM)],
  ['listEvents', (api) => api.listEvents('case-1')],
  ['readFeed', (api) => api.readFeed()],
  ['listAudit', (api) => api.listAudit()],
  ['erase', (api) => api.erase('case-1')],
  ['openapi', (api) => api.openapi()],
]
const UNREPEATABLE: [string, (api: KycApi) => Promise<unknown>][] = [
  ['resume', (api) => api.resume('case-1')],
  ['approve', (api) => api.approve('case-1')],
  ['decline', (api) => api.decline('case-1')],
  ['markForReview', (api) => api.markForReview('case-1')],
]
const PASSING: [string, Reply][] = [
  ['a network failure', network()],
  ['a timeout', timeout],
  ['a 429', problem(429)],
  ['a 503', problem(503)],
]

describe('what is safe to repeat', () => {
  it.each(REPEATABLE)('is repeated, with the same request: %s', async (_, call) => {
    for (const [, failure] of PASSING) {
      const { api, requests } = createRecorded([failure, failure, OK])
      await call(api)
      expect(requests).toHaveLength(3)
      const [first, ...others] = requests.map(({ signal, ...init }) => init)
      for (const other of others) expect(other).toEqual(first)
    }
  })

  it.each(PASSING)('fails when the retries are used up, after %s', async (_, failure) => {
    for (const retries of [0, 1, 3]) {
      const { api, requests, waits } = createRecorded([failure], { retries })
      expect(await toRejection(api.list())).toMatchObject({ code: 'kyc_api_unreachable' })
      expect([requests.length, waits.length]).toEqual([retries + 1, retries])
    }
  })

  it.each([400, 401, 403, 404, 408, 409, 413, 415, 500, 502, 504])('is not repeated after a %i', async (status) => {
    const { api, requests } = createRecorded([problem(status)])
    expect(await toRejection(api.initiate(START))).toMatchObject({ status })
    expect(requests).toHaveLength(1)
  })

  it.each<[string, Response]>([
    ['no JSON', new Response('<h1>Welcome</h1>')],
    ['another form', Response.json({})],
    ['a redirect', new Response(null, { status: 302 })],
  ])('is not repeated after an answer that is %s', async (_, reply) => {
    const { api, requests } = createRecorded([reply])
    await toRejection(api.list())
    expect(requests).toHaveLength(1)
  })
})

describe('what is not safe to repeat', () => {
  it.each(UNREPEATABLE)('is sent once: %s', async (_, call) => {
    for (const [, failure] of PASSING) {
      const { api, requests, waits } = createRecorded([failure, OK])
      expect(await toRejection(call(api))).toMatchObject({ code: 'kyc_api_unreachable' })
      expect([requests.length, waits]).toEqual([1, []])
    }
    await call(createRecorded([OK]).api)
  })
})

describe('health', () => {
  it('takes a 503 for an answer where it is one, and repeats another', async () => {
    const unwell = Response.json({ status: 'unavailable', storage: 'unreachable', persona: 'ok' }, { status: 503 })
    const well = createRecorded([unwell])
    expect(await well.api.health()).toEqual({ status: 'unavailable', storage: 'unreachable', persona: 'ok' })
    expect(well.requests).toHaveLength(1)
    const other = createRecorded([problem(503), network(), HEALTHY])
    expect(await other.api.health()).toEqual({ status: 'ok' })
    expect(other.requests).toHaveLength(3)
  })
})

describe('the wait', () => {
  it('doubles from half a second to 8 s, half of it jitter', async () => {
    const { api, waits } = createRecorded([network()], { retries: 6 })
    await toRejection(api.list())
    expect(waits).toEqual([375, 750, 1500, 3000, 6000, 6000])
  })

  it.each<[string, number]>([
    ['0', 0],
    ['5', 5000],
    ['Fri, 02 Jan 2026 03:04:12 GMT', 7000],
    ['Fri, 02 Jan 2026 03:04:01 GMT', 0],
    ['soon', 375],
    ['', 375],
    ['-5', 375],
    ['Xxx, 99 Xxx 2026 99:99:99 GMT', 375],
    ['May 2027', 375],
    ['1e3', 375],
    ['5, 6', 375],
    ['99999999999999999999', 375],
  ])('after Retry-After: %s is %i ms', async (value, waitMs) => {
    for (const status of [429, 503]) {
      const { api, waits } = createRecorded([problem(status, { 'retry-after': value }), OK])
      await api.list()
      expect(waits).toEqual([waitMs])
    }
  })

  it('is never longer than maxRetryWaitMs: what would be, fails at once and says how long', async () => {
    const reply = problem(429, { 'retry-after': '11' })
    const { api, requests, waits } = createRecorded([reply, OK])
    const error = await toRejection(api.list())
    expect(error).toMatchObject({ code: 'kyc_api_unreachable', reason: 'failing', status: 429, retryAfterSeconds: 11 })
    expect([requests.length, waits]).toEqual([1, []])
    const patient = createRecorded([reply, OK], { maxRetryWaitMs: 11_000 })
    await patient.api.list()
    expect(patient.waits).toEqual([11_000])
  })
})

describe('a token', () => {
  const authorization = (init: RequestInit | undefined) => new Headers(init?.headers).get('authorization')

  it('is asked for before each attempt', async () => {
    let count = 0
    const token = async () => `token-${++count}`
    const { api, requests } = createRecorded([network(), OK], { token })
    await api.list()
    await api.list()
    expect(requests.map(authorization)).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3'])
  })

  it('may be given at once, or be none', async () => {
    const given = createRecorded([OK], { token: () => 'token-1' })
    await given.api.list()
    expect(authorization(given.requests[0])).toBe('Bearer token-1')
    const none = createRecorded([OK], { token: undefined })
    await none.api.list()
    expect(authorization(none.requests[0])).toBeNull()
  })

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['empty', async () => ''],
    ['two lines', async () => 'planted\r\nx: y'],
    ['two words', async () => 'planted token'],
    ['no ASCII', async () => 'plantéd'],
    ['a number', async () => 5],
    ['a rejection', () => Promise.reject(new RangeError('planted'))],
    [
      'an error',
      () => {
        throw new RangeError('planted')
      },
    ],
  ])('is not sent where it is %s', async (_, token) => {
    const { api, requests } = createRecorded([OK], { token: token as () => string })
    expect(await toRejection(api.list())).toMatchObject({ code: 'kyc_api_refused', reason: 'token', status: null })
    expect(requests).toEqual([])
  })

  it('that never comes is waited for no longer than an answer', async () => {
    const token = vi.fn(() => new Promise<string>(() => {}))
    const { api, requests } = createRecorded([OK], { token, retries: 1 })
    const call = toRejection(api.list())
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await call).toMatchObject({ reason: 'timeout' })
    expect(token).toHaveBeenCalledTimes(2)
    expect(requests).toEqual([])
  })
})

describe('a request', () => {
  it('follows no redirect, and has credentials only where they are given', async () => {
    const plain = createRecorded([OK])
    await plain.api.list()
    expect(plain.requests[0]).toMatchObject({ redirect: 'manual' })
    expect(plain.requests[0]).not.toHaveProperty('credentials')
    const cookies = createRecorded([OK], { token: undefined, credentials: 'include' })
    await cookies.api.list()
    expect(cookies.requests[0]).toMatchObject({ redirect: 'manual', credentials: 'include' })
  })

  it('goes out through the global fetch where none is given, whichever that is then', async () => {
    const api = createKycApi({ baseUrl: 'https://kyc.example' })
    const fetch = vi.spyOn(globalThis, 'fetch').mockResolvedValueOnce(HEALTHY.clone())
    expect(await api.health()).toEqual({ status: 'ok' })
    expect(fetch).toHaveBeenCalledOnce()
    fetch.mockRestore()
  })

  it('ends in time also where a fetch does not heed its signal', async () => {
    const { api } = createRecorded([() => new Promise(() => {})], { timeoutMs: 5, retries: 0 })
    const call = toRejection(api.list())
    await vi.advanceTimersByTimeAsync(5)
    expect(await call).toMatchObject({ reason: 'timeout' })
  })

  it('ends in time also where a body does not, and lets go of it', async () => {
    const cancel = vi.fn()
    const body = new ReadableStream({ cancel })
    const headers = { 'content-type': 'application/json' }
    const { api } = createRecorded([async () => new Response(body, { headers })], { timeoutMs: 5, retries: 0 })
    const call = toRejection(api.list())
    await vi.advanceTimersByTimeAsync(5)
    expect(await call).toMatchObject({ reason: 'timeout' })
    expect(cancel).toHaveBeenCalledOnce()
  })

  it('leaves neither timer nor listener', async () => {
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    for (const reply of [OK, problem(404), network()]) {
      await createRecorded([reply], { retries: 0 })
        .api.list({}, { signal })
        .catch(() => {})
    }
    expect(vi.getTimerCount()).toBe(0)
    expect(add).toHaveBeenCalledTimes(3)
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener))
  })
})

describe('an abort', () => {
  const expectAborted = (error: unknown) =>
    expect(error).toMatchObject({ name: 'KycApiError', code: 'kyc_api_unreachable', reason: 'aborted', status: null })

  it('before the call sends nothing', async () => {
    const token = vi.fn(() => 'token')
    const { api, requests, waits } = createRecorded([OK], { token })
    expectAborted(await toRejection(api.list({}, { signal: AbortSignal.abort(new Error('planted')) })))
    expect([requests, waits]).toEqual([[], []])
    expect(token).not.toHaveBeenCalled()
  })

  it.each<[string, Partial<KycApiOptions>, Reply]>([
    ['the token', { token: () => new Promise(() => {}) }, OK],
    ['the request', {}, hang],
    ['a request that does not heed it', {}, () => new Promise(() => {})],
    [
      'the body',
      {},
      async () => new Response(new ReadableStream(), { headers: { 'content-type': 'application/json' } }),
    ],
    ['the wait', { sleep: (_, signal) => sleep(100_000, signal) }, network()],
  ])('during %s ends the call', async (_, options, reply) => {
    const controller = new AbortController()
    const { api, requests } = createRecorded([reply], options)
    const call = toRejection(api.list({}, { signal: controller.signal }))
    await new Promise(setImmediate)
    controller.abort(new Error('planted'))
    expectAborted(await call)
    expect(requests.length).toBeLessThanOrEqual(1)
  })

  it('hands the signal to each wait', async () => {
    const { signal } = new AbortController()
    const { api, sleep } = createRecorded([network(), OK])
    await api.list({}, { signal })
    expect(sleep).toHaveBeenCalledWith(375, signal)
  })
})
