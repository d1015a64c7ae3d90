import { describe, expect, it, vi } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { expectNoCanary } from './canaries.js'
import { createEventBody } from './event-bodies.js'
import { after, toDelivery } from './test-engine.js'
import { CASE_PATH, createTestHandler, FORMED, HOST } from './test-handler.js'

const BODY = { user_id: 'user_1', document_type: 'passport' }
const CANARY = 'canary-9f31c7'

describe('the open routes', () => {
  it('are 405 in other methods', async () => {
    const { call } = createTestHandler()
    expect((await call('GET', '/webhooks/persona/inquiry')).headers.get('allow')).toBe('POST')
    expect((await call('POST', '/webhooks/persona/health')).headers.get('allow')).toBe('GET')
  })
})

describe('HEAD', () => {
  it('is GET without the body', async () => {
    const { call, initiate } = createTestHandler()
    const path = `${CASE_PATH}/${await initiate()}`
    const { status, headers, text } = await call('HEAD', path)
    expect([status, text, headers.get('content-type')]).toEqual([200, '', 'application/json'])
  })

  it('has no body either when it fails', async () => {
    const { call } = createTestHandler()
    for (const path of [`${CASE_PATH}/nobody`, '/elsewhere', '/webhooks/persona/inquiry']) {
      const { status, text } = await call('HEAD', path)
      expect([404, 405]).toContain(status)
      expect(text).toBe('')
    }
  })
})

describe('a path', () => {
  it.each([
    '/',
    '/compliance',
    '/compliance/',
    '/compliance/kyc/',
    '/compliance/kyc//',
    '/compliance/kyc//claim',
    '/compliance//kyc',
    '/Compliance/kyc',
    '/compliance%2Fkyc',
    '/compliance/kyc/a/b',
    '/compliance/kyc/a/claim/',
    '/compliance/kyc/a/events/x',
    '/x/compliance/kyc',
    '/webhooks/persona/inquiry/',
    '/webhooks/persona',
  ])('that is none of ours is left to the framework: %s', async (path) => {
    const { call, handler, authorize } = createTestHandler()
    expect(await handler.handle(new Request(HOST + path))).toBeNull()
    const { status, json } = await call('GET', path)
    expect([status, json.code]).toEqual([404, 'not_found'])
    expect(authorize).not.toHaveBeenCalled()
  })

  it.each(['%E0%A4%A', '%', '%zz', 'a%2Fb', 'a%2F..%2Fb', '%00', '%2e%2e', ':case_id', '*', "x'--", 'a%20b'])(
    'with the case id %s is compared as it was sent',
    async (id) => {
      const { call, storage } = createTestHandler()
      const getCase = vi.spyOn(storage, 'getCase')
      const segment = new URL(`${HOST}/${id}`).pathname.slice(1)
      const { status, json } = await call('GET', `${CASE_PATH}/${id}`)
      // '%2e%2e' is '..' to every URL parser, so the path is one level up.
      if (segment === '') return expect(status).toBe(404)
      expect([status, json.code]).toEqual([404, 'case_not_found'])
      expect(getCase).toHaveBeenCalledExactlyOnceWith(segment)
    },
  )

  it('may lie below a base path', async () => {
    const { call, handler } = createTestHandler({ basePath: '/api/v1' })
    expect((await call('POST', `/api/v1${CASE_PATH}`, BODY)).status).toBe(201)
    for (const path of [
      CASE_PATH,
      `/api/v1x${CASE_PATH}`,
      `/api${CASE_PATH}`,
      `/api/v1/api/v1${CASE_PATH}`,
      '/api/v1',
    ]) {
      expect(await handler.handle(new Request(HOST + path))).toBeNull()
    }
    const request = new Request(`${HOST}/mounted${CASE_PATH}`)
    expect((await handler.handle(request, { basePath: '/mounted' }))?.status).toBe(200)
  })

  it.each(['api', '/api/', '/', '//', '/a b', '/api?x', '/api/../x y', 'https://app.example'])(
    'cannot lie below the base path %j',
    (basePath) => {
      expect(() => createTestHandler({ basePath })).toThrow(ConfigurationError)
    },
  )
})

describe('the limits of a body', () => {
  it.each(['maxBodyBytes', 'maxWebhookBytes', 'bodyTimeoutMs'] as const)('%s must be a number that limits', (name) => {
    for (const value of [Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY]) {
      expect(() => createTestHandler({ [name]: value })).toThrow(ConfigurationError)
    }
  })

  it('can be set, for the webhook and for the rest', async () => {
    const { call, send } = createTestHandler({ maxBodyBytes: 20, maxWebhookBytes: 30 })
    expect((await call('POST', CASE_PATH, BODY)).status).toBe(413)
    const post = (body: string) =>
      send(new Request(`${HOST}/webhooks/persona/inquiry`, { method: 'POST', body, headers: FORMED }))
    expect((await post('x'.repeat(31))).status).toBe(413)
    expect((await post('x'.repeat(30))).status).toBe(401)
  })

  it('let a body that never comes end in a 408', async () => {
    const { send } = createTestHandler({ bodyTimeoutMs: 5 })
    const init = {
      method: 'POST',
      body: new ReadableStream(),
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    }
    expect((await send(new Request(HOST + CASE_PATH, init as RequestInit))).status).toBe(408)
  })
})

describe('a body that something has read before', () => {
  const webhook = async (body: unknown) => {
    const test = createTestHandler()
    await test.initiate()
    const delivery = await toDelivery(createEventBody({ status: 'approved', createdAt: after(1) }), test.clock.ms)
    const headers = { 'persona-signature': String(delivery.signature) }
    const bytes = new Uint8Array(delivery.body)
    const request = new Request(`${HOST}/webhooks/persona/inquiry`, { method: 'POST', body: bytes, headers })
    await request.arrayBuffer()
    const consumedBody = body === 'bytes' ? bytes : body
    const hints = consumedBody === undefined ? {} : { consumedBody }
    const response = await test.handler.handle(request, hints)
    return { response, json: await response?.json(), ...test }
  }

  it('is as good for a webhook if it was kept as bytes', async () => {
    expect((await webhook('bytes')).json).toEqual({ received: true, outcome: 'applied' })
  })

  it.each([[{ data: {} }], ['{"data":{}}'], [null], [undefined]])(
    'is a 500 for a webhook that was parsed, and the log names the fix: %j',
    async (consumed) => {
      const { response, json, handlerLogger } = await webhook(consumed)
      expect(response?.status).toBe(500)
      expect(json).toMatchObject({ code: 'raw_body_unavailable' })
      expect(JSON.stringify(handlerLogger.entries)).toContain('before any body parser')
    },
  )

  it('is as good for JSON, parsed or not, but not if it is too large', async () => {
    const { handler } = createTestHandler()
    const ask = async (consumedBody: unknown) => {
      const request = new Request(HOST + CASE_PATH, { method: 'POST', headers: { 'content-type': 'application/json' } })
      return (await handler.handle(request, { consumedBody }))?.status
    }
    expect(await ask(BODY)).toBe(201)
    expect(await ask(JSON.stringify(BODY))).toBe(200)
    expect(await ask(new TextEncoder().encode(JSON.stringify(BODY)))).toBe(200)
    expect(await ask({ ...BODY, personal_info: { a: 'x'.repeat(65_536) } })).toBe(413)
    expect(await ask({})).toBe(400)
  })
})

describe('the log', () => {
  it('says of a failure where it was, and nothing of what was sent', async () => {
    const { call, storage, handlerLogger } = createTestHandler()
    vi.spyOn(storage, 'createCase').mockRejectedValueOnce(new Error(CANARY))
    const { status } = await call(
      'POST',
      `${CASE_PATH}`,
      { ...BODY, personal_info: { a: CANARY } },
      { authorization: CANARY },
    )
    expect(status).toBe(500)
    expect(handlerLogger.entries.filter(({ level }) => level !== 'debug')).toMatchObject([
      { level: 'error', fields: { method: 'POST', path: CASE_PATH, error: 'Error' }, message: 'request failed' },
    ])
    await call('GET', `${CASE_PATH}/${CANARY}?token=${CANARY}`)
    expectNoCanary(handlerLogger.entries, CANARY)
  })
})

describe('the page of the description', () => {
  const PAGE = '/compliance/docs'

  it('is not there unless it is asked for', async () => {
    const { call, authorize } = createTestHandler()
    expect((await call('GET', PAGE)).status).toBe(404)
    expect(authorize).not.toHaveBeenCalled()
  })

  it('is shown to who may read the description, or to everybody', async () => {
    for (const [docs, status] of [
      ['authorized', 401],
      ['public', 200],
    ] as const) {
      const { handler, authorize } = createTestHandler({ docs })
      authorize.mockReturnValue('unauthenticated')
      expect((await handler.fetch(new Request(HOST + PAGE))).status).toBe(status)
      authorize.mockReturnValue({ principal: 'test' })
      const response = await handler.fetch(new Request(HOST + PAGE))
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
      expect(await response.text()).toContain('/compliance/kyc/{case_id}')
    }
  })

  it('is refused at once with another word', () => {
    expect(() => createTestHandler({ docs: 'yes' as 'public' })).toThrow(ConfigurationError)
  })
})
