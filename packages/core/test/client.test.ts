import { describe, expect, it } from 'vitest'
import { createPersonaClient, type PersonaClientOptions, type PersonaHealth } from '../src/client.js'
import { ConfigurationError } from '../src/errors.js'
import { expectNoCanary } from './canaries.js'
import { API_KEY, createErrorAnswer, createRecordedClient, hang, type Reply } from './recorded-fetch.js'

const RATE_LIMITS = Response.json({ data: [{ type: 'rate-limit/api', id: '1', attributes: { limit: 300 } }] })

describe('the environment of a client', () => {
  it.each([
    ['persona_sandbox_abc', undefined, 'sandbox'],
    ['persona_production_abc', undefined, 'production'],
    ['persona_sandbox_abc', 'sandbox', 'sandbox'],
    ['persona_production_abc', 'production', 'production'],
    ['a-key-of-another-form', undefined, null],
    ['a-key-of-another-form', 'production', 'production'],
  ] as const)('of the key %s, set to %s, is %s', (apiKey, environment, expected) => {
    expect(createPersonaClient({ apiKey, ...(environment && { environment }) }).environment).toBe(expected)
  })

  it('must not contradict the key, and the error does not show the key', () => {
    try {
      createPersonaClient({ apiKey: API_KEY, environment: 'production' })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError)
      expect(error).toMatchObject({ message: expect.stringContaining('sandbox') })
      expectNoCanary(error, API_KEY, 'canary')
    }
  })
})

describe('an option', () => {
  it.each<[string, Partial<PersonaClientOptions>]>([
    ['an empty key', { apiKey: '' }],
    ['a key with a line break', { apiKey: 'persona_sandbox_a\n' }],
    ['a key with a space', { apiKey: 'persona_sandbox_ a' }],
    ['a key outside ASCII', { apiKey: 'persona_sandbox_é' }],
    ['a base URL that is none', { baseUrl: 'api.withpersona.com' }],
    ['a base URL of another scheme', { baseUrl: 'ftp://api.withpersona.com' }],
    ['a version that is no header', { apiVersion: '2025-12-08\r\nx: y' }],
    ['a version that is no date', { apiVersion: 'latest' }],
    ['a timeout of 0', { timeoutMs: 0 }],
    ['a timeout that is no number', { timeoutMs: Number.NaN }],
    ['a timeout that no timer can take', { timeoutMs: 2 ** 32 }],
    ['a timeout with a fraction, which AbortSignal.timeout refuses', { timeoutMs: 1500.5 }],
    ['retries below 0', { retries: -1 }],
    ['endless retries', { retries: Number.POSITIVE_INFINITY }],
    ['a wait below 0', { maxRetryWaitMs: -1 }],
    ['a wait that no timer can take', { maxRetryWaitMs: 2 ** 31 }],
    ['a slowness that is no number', { slowAfterMs: Number.NaN }],
  ])('is refused at once: %s', (_name, options) => {
    const attempt = () => createPersonaClient({ apiKey: API_KEY, ...options })
    expect(attempt).toThrow(ConfigurationError)
  })

  it('for the base URL may end in a slash', async () => {
    const { client, requests } = createRecordedClient([RATE_LIMITS], { baseUrl: 'http://127.0.0.1:9/api/v1/' })
    await client.health()
    expect(requests[0]?.url.href).toBe('http://127.0.0.1:9/api/v1/rate-limits')
  })
})

describe('health', () => {
  const ask = async (reply: Reply, options: Partial<PersonaClientOptions> = {}) => {
    const recorded = createRecordedClient([reply], options)
    return { health: await recorded.client.health(), ...recorded }
  }

  /** Asks with a clock that moves while the answer is under way. */
  const askSlowly = (latencyMs: number, options: Partial<PersonaClientOptions> = {}) => {
    let nowMs = 1000
    const reply = async () => {
      nowMs += latencyMs
      return RATE_LIMITS.clone()
    }
    return ask(reply, { ...options, now: () => nowMs })
  }

  it.each<[string, Reply, PersonaHealth['status']]>([
    ['an answer', RATE_LIMITS, 'ok'],
    ['a rate limit', createErrorAnswer(429, { 'ratelimit-reset': '7' }), 'ok'],
    ['a refused key', createErrorAnswer(401), 'unauthorized'],
    ['a refused permission', createErrorAnswer(403), 'unauthorized'],
    ['a failing API', createErrorAnswer(500), 'failing'],
    ['a page of a gateway', new Response('<h1>Bad gateway</h1>', { status: 502 }), 'failing'],
    ['another page than the API', new Response('<h1>Welcome</h1>'), 'failing'],
    ['no connection', new TypeError('fetch failed'), 'unreachable'],
  ])('of %s is told as it is, after one attempt', async (_name, reply, status) => {
    const { health, requests, waits } = await ask(reply)
    expect(health.status).toBe(status)
    expect(requests.map(({ method, url }) => `${method} ${url.href}`)).toEqual([
      'GET https://api.withpersona.com/api/v1/rate-limits',
    ])
    expect(waits).toEqual([])
  })

  it('is slow when nothing comes within timeoutMs', async () => {
    const { health, requests } = await ask(hang, { timeoutMs: 5 })
    expect(health.status).toBe('slow')
    expect(requests).toHaveLength(1)
  })

  it.each([
    [1999, 'ok'],
    [2000, 'slow'],
  ])('after %i ms is %s', async (latencyMs, status) => {
    const { health } = await askSlowly(latencyMs)
    expect(health).toEqual({ status, latencyMs })
  })

  it('calls slow what slowAfterMs says', async () => {
    const { health } = await askSlowly(50, { slowAfterMs: 50 })
    expect(health.status).toBe('slow')
  })
})
