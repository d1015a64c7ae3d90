import { describe, expect, it } from 'vitest'
import { PersonaApiError } from '../src/persona-error.js'
import { sleep } from '../src/retries.js'
import { toRejection } from './canaries.js'
import { createErrorAnswer, createInquiryAnswer, createRecordedClient, hang, type Reply } from './recorded-fetch.js'

const OK = Response.json(createInquiryAnswer())
const CREATE = { inquiryTemplateId: 'itmpl_main' }
const network = () =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) })

describe('what got no answer', () => {
  it('is sent again, a POST as well as a GET', async () => {
    for (const method of ['create', 'retrieve'] as const) {
      const { client, requests } = createRecordedClient([network(), network(), OK])
      await (method === 'create' ? client.inquiries.create(CREATE) : client.inquiries.retrieve('inq_1'))
      expect(requests).toHaveLength(3)
    }
  })

  it('fails as persona_unreachable when the retries are used up', async () => {
    const { client, requests } = createRecordedClient([network()])
    const error = await toRejection(client.inquiries.create(CREATE))
    expect(error).toBeInstanceOf(PersonaApiError)
    expect(error).toMatchObject({ code: 'persona_unreachable', status: null, cause: { message: 'ECONNRESET' } })
    expect(requests).toHaveLength(3)
  })

  it('is sent again after a timeout, each attempt with its own', async () => {
    const { client, requests } = createRecordedClient([hang, hang, OK], { timeoutMs: 5 })
    await client.inquiries.create(CREATE)
    expect(requests).toHaveLength(3)
  })

  it('fails as persona_timeout when every attempt runs out of time', async () => {
    const { client, requests } = createRecordedClient([hang], { timeoutMs: 5, retries: 1 })
    expect(await toRejection(client.inquiries.retrieve('inq_1'))).toMatchObject({ code: 'persona_timeout' })
    expect(requests).toHaveLength(2)
  })

  it('runs out of time also while the body is on its way', async () => {
    const slowBody = async (signal: AbortSignal) => {
      const start = (controller: ReadableStreamDefaultController) => {
        controller.enqueue(new TextEncoder().encode('{"data":'))
        signal.addEventListener('abort', () => controller.error(signal.reason), { once: true })
      }
      return new Response(new ReadableStream({ start }))
    }
    const { client } = createRecordedClient([slowBody], { timeoutMs: 5, retries: 0 })
    expect(await toRejection(client.inquiries.retrieve('inq_1'))).toMatchObject({ code: 'persona_timeout' })
  })
})

describe('the number of retries', () => {
  it.each([0, 1, 5])('is what retries says: %i', async (retries) => {
    const { client, requests, waits } = createRecordedClient([network()], { retries })
    await toRejection(client.inquiries.retrieve('inq_1'))
    expect(requests).toHaveLength(retries + 1)
    expect(waits).toHaveLength(retries)
  })
})

describe('the wait before a retry', () => {
  it('doubles from half a second to 8 s, half of it jitter', async () => {
    const waitsAt = async (random: number) => {
      const { client, waits } = createRecordedClient([network()], { retries: 6, random: () => random })
      await toRejection(client.inquiries.retrieve('inq_1'))
      return waits
    }
    expect(await waitsAt(0)).toEqual([250, 500, 1000, 2000, 4000, 4000])
    expect(await waitsAt(0.5)).toEqual([375, 750, 1500, 3000, 6000, 6000])
    expect(await waitsAt(0.999999)).toEqual([500, 1000, 2000, 4000, 8000, 8000])
  })

  it('after a 429 is exactly what RateLimit-Reset says', async () => {
    const { client, waits, requests } = createRecordedClient([createErrorAnswer(429, { 'ratelimit-reset': '37' }), OK])
    await client.inquiries.create(CREATE)
    expect(waits).toEqual([37_000])
    expect(requests).toHaveLength(2)
  })

  it('after a 429 is nothing where RateLimit-Reset says 0', async () => {
    const { client, waits } = createRecordedClient([createErrorAnswer(429, { 'ratelimit-reset': '0' }), OK])
    await client.inquiries.create(CREATE)
    expect(waits).toEqual([0])
  })

  it.each<[string, Record<string, string>]>([
    ['without the header', {}],
    ['with an empty header', { 'ratelimit-reset': '' }],
    ['with a header that is no number', { 'ratelimit-reset': 'soon' }],
    ['with two headers', { 'ratelimit-reset': '3, 4' }],
    ['with a time that has passed', { 'ratelimit-reset': '-1' }],
  ])('after a 429 %s is the jittered backoff', async (_name, headers) => {
    const { client, waits } = createRecordedClient([createErrorAnswer(429, headers), OK])
    await client.inquiries.create(CREATE)
    expect(waits).toEqual([375])
  })

  it('is never longer than maxRetryWaitMs: what would be, fails at once and says how long', async () => {
    const answer = createErrorAnswer(429, { 'ratelimit-reset': '61' })
    const { client, requests, waits } = createRecordedClient([answer, OK])
    const error = await toRejection(client.inquiries.create(CREATE))
    expect(error).toMatchObject({ code: 'persona_rate_limited', retryAfterSeconds: 61, status: 429 })
    expect(requests).toHaveLength(1)
    expect(waits).toEqual([])
    const patient = createRecordedClient([answer, OK], { maxRetryWaitMs: 61_000 })
    await patient.client.inquiries.create(CREATE)
    expect(patient.waits).toEqual([61_000])
  })
})

describe('an answer', () => {
  it.each<[string, 'create' | 'retrieve' | 'redact' | 'update', number, number]>([
    ['a 500 to a POST is stored under its key', 'create', 500, 1],
    ['a 502 to a POST', 'create', 502, 1],
    ['a 503 to a POST', 'create', 503, 1],
    ['a 500 to a GET', 'retrieve', 500, 3],
    ['a 503 to a GET', 'retrieve', 503, 3],
    ['a 500 to a DELETE', 'redact', 500, 3],
    ['a 500 to a PATCH', 'update', 500, 3],
    ['a 400', 'retrieve', 400, 1],
    ['a 401', 'retrieve', 401, 1],
    ['a 403', 'retrieve', 403, 1],
    ['a 404', 'retrieve', 404, 1],
    ['a 409, which ofetch would repeat', 'retrieve', 409, 1],
    ['a 409 to a POST', 'create', 409, 1],
    ['a 422', 'create', 422, 1],
    ['a 429', 'create', 429, 3],
  ])('%s: %s %i is sent %i times', async (_name, method, status, times) => {
    const { client, requests } = createRecordedClient([createErrorAnswer(status)])
    const { inquiries } = client
    const calls = {
      create: () => inquiries.create(CREATE),
      retrieve: () => inquiries.retrieve('inq_1'),
      redact: () => inquiries.redact('inq_1'),
      update: () => inquiries.update('inq_1', { note: 'x' }),
    }
    expect(await toRejection(calls[method]())).toMatchObject({ status, requestId: 'req_1' })
    expect(requests).toHaveLength(times)
  })

  it('after a retry is what counts', async () => {
    const { client } = createRecordedClient([createErrorAnswer(503), createErrorAnswer(404)])
    expect(await toRejection(client.inquiries.retrieve('inq_1'))).toMatchObject({ code: 'persona_not_found' })
  })
})

describe('a caller’s abort', () => {
  const reason = new Error('the caller left')

  it.each<[string, Reply, number]>([
    ['during the request', hang, 1],
    ['during the wait', network(), 1],
  ])('%s ends the call with the caller’s reason', async (_name, reply, sent) => {
    const controller = new AbortController()
    const abort = () => queueMicrotask(() => controller.abort(reason))
    const { client, requests } = createRecordedClient([reply], {
      sleep: (ms, signal) => {
        abort()
        return sleep(ms, signal)
      },
    })
    const call = client.inquiries.retrieve('inq_1', { signal: controller.signal })
    if (reply === hang) abort()
    expect(await toRejection(call)).toBe(reason)
    expect(requests).toHaveLength(sent)
  })

  it('before the call ends it at once', async () => {
    const { client, waits } = createRecordedClient([OK])
    const call = client.inquiries.create({ ...CREATE, signal: AbortSignal.abort(reason) })
    expect(await toRejection(call)).toBe(reason)
    expect(waits).toEqual([])
  })
})
