import { describe, expect, it, vi } from 'vitest'
import type { PersonaEnvironment } from '../src/client.js'
import { ConfigurationError } from '../src/errors.js'
import type { KycHandlerOptions } from '../src/handler-options.js'
import { createPersonaStub } from './persona-stub.js'
import { type Call, createPlainHandler, HEALTH, KYC, WEBHOOK } from './plain-handler.js'
import { after, START } from './test-engine.js'

const ORIGIN = 'https://app.example'
const CLEAR = 'http://app.example'
const HSTS = 'strict-transport-security'

/** The paths of every kind of route. */
const ROUTES: [string, string][] = [
  ['GET', KYC],
  ['POST', KYC],
  ['GET', `${KYC}/case-1`],
  ['DELETE', `${KYC}/case-1`],
  ['POST', WEBHOOK],
  ['GET', HEALTH],
  ['GET', '/compliance/openapi.json'],
]

/** A handler over an engine whose Persona client is of that environment. */
function startIn(environment: PersonaEnvironment | null, options: Partial<KycHandlerOptions> = {}) {
  const { client } = createPersonaStub(() => START)
  return createPlainHandler(options, { persona: { ...client, environment } })
}

describe('the length of a URL', () => {
  const toPath = (length: number) => `${KYC}/`.padEnd(length - ORIGIN.length, 'a')

  it.each<[string, Partial<KycHandlerOptions>, number]>([
    ['4,096 characters by default', {}, 4096],
    ['as said', { maxUrlLength: 100 }, 100],
  ])('may be %s, its query too, and no more', async (_name, options, max) => {
    const { call, authorize } = createPlainHandler(options)
    expect((await call('GET', toPath(max))).status).toBe(404)
    authorize.mockClear()
    for (const path of [toPath(max + 1), `${KYC}?${'a'.repeat(max)}`, toPath(max + 100_000)]) {
      const { status, json } = await call('GET', path)
      expect([status, json.code]).toEqual([414, 'url_too_long'])
    }
    expect(authorize).not.toHaveBeenCalled()
  })

  it.each(ROUTES)('is looked at before all else: %s %s', async (method, path) => {
    const { call, authorize, storage } = createPlainHandler({ requireHttps: true, webhookAddresses: [] })
    const spies = Object.keys(storage).map((name) => vi.spyOn(storage, name as 'getCase'))
    expect((await call(method, `${path}?${'a'.repeat(4096)}`, { origin: CLEAR })).status).toBe(414)
    for (const spy of [authorize, ...spies]) expect(spy).not.toHaveBeenCalled()
  })

  it('is that of the bytes that were sent, for other characters are longer in a URL', async () => {
    const { call } = createPlainHandler({ maxUrlLength: 100 })
    expect((await call('GET', `${KYC}/${'a'.repeat(30)}`)).status).toBe(404)
    expect((await call('GET', `${KYC}/${'ä'.repeat(30)}`)).status).toBe(414)
  })
})

describe('the length of the headers', () => {
  const toHeaders = (length: number) => ({ 'x-a': 'v'.repeat(length - 'x-a'.length - 'x-b'.length - 1), 'x-b': 'v' })

  it.each<[string, Partial<KycHandlerOptions>, number]>([
    ['16,384 characters by default', {}, 16_384],
    ['as said', { maxHeaderLength: 50 }, 50],
  ])('may be %s in all, names and values, and no more', async (_name, options, max) => {
    const { call, authorize } = createPlainHandler(options)
    expect((await call('GET', KYC, { headers: toHeaders(max) })).status).toBe(200)
    authorize.mockClear()
    const { status, json } = await call('GET', KYC, { headers: toHeaders(max + 1) })
    expect([status, json.code]).toEqual([431, 'headers_too_large'])
    expect(authorize).not.toHaveBeenCalled()
  })

  it('is that of many small ones too', async () => {
    const { call } = createPlainHandler({ maxHeaderLength: 60 })
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, '12']))
    expect((await call('GET', KYC, { headers: many(10) })).status).toBe(200)
    expect((await call('GET', KYC, { headers: many(13) })).status).toBe(431)
  })

  it('is looked at also for the webhook, before its body is', async () => {
    const { deliverWebhook, engine } = createPlainHandler({ maxHeaderLength: 200 })
    const processWebhook = vi.spyOn(engine, 'processWebhook')
    expect((await deliverWebhook({}, { headers: { 'x-a': 'v'.repeat(200) } })).status).toBe(431)
    expect(processWebhook).not.toHaveBeenCalled()
  })

  it.each(['maxUrlLength', 'maxHeaderLength'] as const)('%s must be a number that limits', (name) => {
    for (const value of [Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY, 2 ** 31, '100']) {
      const options = { [name]: value } as Partial<KycHandlerOptions>
      expect(() => createPlainHandler(options)).toThrow(ConfigurationError)
    }
  })
})

describe('a request in clear', () => {
  it.each<[PersonaEnvironment | null, boolean | undefined, boolean]>([
    ['production', undefined, true],
    ['sandbox', undefined, false],
    [null, undefined, false],
    ['production', false, false],
    ['sandbox', true, true],
    [null, true, true],
  ])('with a client of %s and requireHttps %s is refused: %s', async (environment, requireHttps, isRefused) => {
    const { call } = startIn(environment, { requireHttps })
    const clear = await call('GET', KYC, { origin: CLEAR })
    expect([clear.status, clear.json.code]).toEqual(isRefused ? [403, 'https_required'] : [200, undefined])
    const encrypted = await call('GET', KYC)
    expect(encrypted.status).toBe(200)
    expect(encrypted.headers.get(HSTS)).toBe(isRefused ? 'max-age=31536000' : null)
    expect(clear.headers.get(HSTS)).toBeNull()
  })

  it.each(ROUTES)('is refused before anybody is asked: %s %s', async (method, path) => {
    const { call, authorize, storage } = createPlainHandler({ requireHttps: true })
    const spies = Object.keys(storage).map((name) => vi.spyOn(storage, name as 'getCase'))
    const { status, json } = await call(method, path, { origin: CLEAR })
    expect([status, json.code]).toEqual([403, 'https_required'])
    for (const spy of [authorize, ...spies]) expect(spy).not.toHaveBeenCalled()
  })

  it.each<[string, Call, number]>([
    ['by its URL', { origin: ORIGIN }, 200],
    ['by the server’s word', { origin: CLEAR, hints: { isEncrypted: true } }, 200],
    ['not by its URL, against the server’s word', { origin: ORIGIN, hints: { isEncrypted: false } }, 403],
    [
      'by a trusted proxy',
      { origin: CLEAR, hints: { address: '10.0.0.1' }, headers: { 'x-forwarded-proto': 'https' } },
      200,
    ],
    [
      'not by anybody else',
      { origin: CLEAR, hints: { address: '11.0.0.1' }, headers: { 'x-forwarded-proto': 'https' } },
      403,
    ],
    ['not by nobody', { origin: CLEAR, headers: { 'x-forwarded-proto': 'https' } }, 403],
    [
      'not where a trusted proxy says otherwise',
      { origin: ORIGIN, hints: { address: '10.0.0.1' }, headers: { 'x-forwarded-proto': 'http' } },
      403,
    ],
    [
      'not by another header',
      { origin: CLEAR, hints: { address: '10.0.0.1' }, headers: { forwarded: 'proto=https' } },
      403,
    ],
  ])('is known %s', async (_name, given, expected) => {
    const { call } = createPlainHandler({ requireHttps: true, trustedProxies: ['10.0.0.0/8'] })
    const { status, headers } = await call('GET', KYC, given)
    expect(status).toBe(expected)
    expect(headers.has(HSTS)).toBe(expected === 200)
  })

  it('is told from an encrypted one in every answer to that', async () => {
    const { call, authorize } = createPlainHandler({ requireHttps: true })
    const answers = [await call('GET', KYC), await call('PATCH', KYC), await call('GET', `${KYC}/nobody`)]
    authorize.mockReturnValue('unauthenticated')
    answers.push(await call('GET', KYC), await call('HEAD', KYC), await call('GET', `${KYC}?${'a'.repeat(5000)}`))
    expect(answers.map(({ status }) => status)).toEqual([200, 405, 404, 401, 401, 414])
    for (const { headers } of answers) expect(headers.get(HSTS)).toBe('max-age=31536000')
  })
})

describe('an address that sends webhooks', () => {
  const ALLOWED = ['192.0.2.0/24', '2001:db8::/32']
  const SIGNED = { status: 'approved', createdAt: after(1) }

  const deliver = async (hints: Call['hints'], options: Partial<KycHandlerOptions> = {}, headers = {}) => {
    const test = createPlainHandler({ webhookAddresses: ALLOWED, ...options })
    await test.initiate()
    const processWebhook = vi.spyOn(test.engine, 'processWebhook')
    const given = hints === undefined ? { headers } : { hints, headers }
    const { status, json } = await test.deliverWebhook(SIGNED, given)
    return { ...test, answer: [status, json.code ?? json.outcome], processWebhook }
  }

  it.each(['192.0.2.1', '192.0.2.255', '::ffff:192.0.2.7', '2001:db8::1', '2001:DB8:0::1'])(
    'may be one of those: %s',
    async (address) => {
      expect((await deliver({ address })).answer).toEqual([200, 'applied'])
    },
  )

  it.each([
    '192.0.3.1',
    '10.0.0.1',
    '127.0.0.1',
    '::1',
    '2001:db9::1',
    'unknown',
    '',
    '192.0.2.1:80',
    '192.0.2.1, 192.0.2.2',
  ])('may be no other: %j', async (address) => {
    const { answer, processWebhook, handlerLogger } = await deliver({ address })
    expect(answer).toEqual([403, 'forbidden'])
    expect(processWebhook).not.toHaveBeenCalled()
    const entry = { level: 'warn', fields: { reason: 'address' }, message: 'webhook refused' }
    expect(handlerLogger.entries).toContainEqual(entry)
  })

  it('may not be unknown', async () => {
    for (const hints of [undefined, {}, { address: undefined }]) {
      const { answer, handlerLogger } = await deliver(hints, {}, { 'x-forwarded-for': '192.0.2.1' })
      expect(answer).toEqual([403, 'forbidden'])
      const entry = { level: 'warn', fields: { reason: 'unknown_address' }, message: 'webhook refused' }
      expect(handlerLogger.entries).toContainEqual(entry)
    }
  })

  it.each<[string, string, string, number]>([
    ['what the trusted proxy saw', '10.0.0.1', '192.0.2.1', 200],
    ['what the first of two trusted proxies saw', '10.0.0.1', '192.0.2.1, 10.0.0.2:443', 200],
    ['not what the client wrote', '10.0.0.1', '192.0.2.1, 203.0.113.7', 403],
    ['not what anybody else wrote', '11.0.0.1', '192.0.2.1', 403],
    ['not what stands before a word that is no address', '10.0.0.1', '192.0.2.1, unknown', 403],
    ['not what stands before nothing', '10.0.0.1', '192.0.2.1,', 403],
    ['not the proxy’s own', '10.0.0.1', '', 403],
  ])('is %s', async (_name, address, forwarded, expected) => {
    const { answer } = await deliver({ address }, { trustedProxies: ['10.0.0.0/8'] }, { 'x-forwarded-for': forwarded })
    expect(answer[0]).toBe(expected)
  })

  it('may be any by default, also an unknown one', async () => {
    for (const hints of [undefined, { address: '203.0.113.7' }]) {
      expect((await deliver(hints, { webhookAddresses: undefined })).answer).toEqual([200, 'applied'])
    }
  })

  it('may be none where the list is empty', async () => {
    for (const hints of [undefined, { address: '192.0.2.1' }]) {
      expect((await deliver(hints, { webhookAddresses: [] })).answer[0]).toBe(403)
    }
  })

  it('is not asked for on another route', async () => {
    const { call } = await deliver({ address: '203.0.113.7' })
    for (const path of [KYC, HEALTH]) {
      expect((await call('GET', path, { hints: { address: '203.0.113.7' } })).status).toBe(200)
    }
  })

  it('that may not is counted by no limit, and is told nothing of its signature', async () => {
    const consume = vi.fn(async () => {})
    const { call } = createPlainHandler({
      webhookAddresses: ALLOWED,
      rateLimits: { refusedWebhooksPerAddress: { consume } },
    })
    const hints = { address: '203.0.113.7' }
    const headers = { 'persona-signature': 't=1,v1=00' }
    expect((await call('POST', WEBHOOK, { body: '{}', headers, hints })).status).toBe(403)
    expect(consume).not.toHaveBeenCalled()
  })

  it('is refused at once in the options where it is none', () => {
    for (const address of ['persona.example', '192.0.2.1/24', '', '*']) {
      expect(() => createPlainHandler({ webhookAddresses: [address] })).toThrow(ConfigurationError)
      expect(() => createPlainHandler({ trustedProxies: [address] })).toThrow(ConfigurationError)
    }
  })
})
