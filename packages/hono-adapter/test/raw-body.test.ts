import { Hono, type HonoRequest, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { validator } from 'hono/validator'
import { describe, expect, test } from 'vitest'
import { AUTHORIZED, createDelivery, createFixture, INITIATION } from '../../../test-setup/kyc-fixture.js'
import { createKycApp } from '../src/index.js'
import { listen } from './server.js'

const FORM = 'application/x-www-form-urlencoded'

function reading(read: (request: HonoRequest) => Promise<unknown>): MiddlewareHandler {
  return async (c, next) => {
    await read(c.req).catch(() => {})
    await next()
  }
}

/** What a signed webhook is answered with behind each of these, and POST /compliance/kyc. */
const BEFORE: [name: string, before: MiddlewareHandler, webhook: number, initiation: number][] = [
  ['nothing', reading(async () => {}), 200, 201],
  ['json()', reading((req) => req.json()), 500, 201],
  ['text()', reading((req) => req.text()), 500, 201],
  ['arrayBuffer()', reading((req) => req.arrayBuffer()), 200, 201],
  ['bytes()', reading((req) => req.bytes()), 200, 201],
  ['blob()', reading((req) => req.blob()), 200, 201],
  ['blob() and then text()', reading(async (req) => [await req.blob(), await req.text()]), 200, 201],
  ['text() and then arrayBuffer()', reading(async (req) => [await req.text(), await req.arrayBuffer()]), 500, 201],
  ['parseBody(), for other types', reading((req) => req.parseBody()), 200, 201],
  ['formData(), which fails', reading((req) => req.formData()), 500, 500],
  ['raw.text()', reading((req) => req.raw.text()), 500, 500],
  ['raw.clone().text()', reading((req) => req.raw.clone().text()), 200, 201],
  ['bodyLimit()', bodyLimit({ maxSize: 1024 * 1024 }), 200, 201],
  ['validator()', validator('json', (value) => value), 500, 201],
]

const CALLERS: [name: string, caller: (app: Hono) => Promise<Hono['request']>][] = [
  ['called as a function', async (app) => app.request],
  [
    'served by @hono/node-server',
    async (app) => {
      const { origin } = await listen(app)
      return (path, init) => fetch(`${origin}${path}`, init)
    },
  ],
]

describe.each(CALLERS)('the app, %s', (_name, caller) => {
  const start = async (before: MiddlewareHandler) => {
    const { options, log } = createFixture({ bodyTimeoutMs: 60_000 })
    return { log, call: await caller(new Hono().use(before).route('/api', createKycApp(options))) }
  }

  test.each(BEFORE)('behind %s answers a webhook as its bytes allow', async (_name, before, status) => {
    const { call, log } = await start(before)
    const response = await call('/api/webhooks/persona/inquiry', await createDelivery())
    expect(response.status).toBe(status)
    if (status === 200) {
      expect(await response.json()).toEqual({ received: true, outcome: 'unmatched' })
    } else {
      expect(await response.json()).toMatchObject({ code: 'raw_body_unavailable' })
      expect(log.join()).toMatch(/raw_body_unavailable.*Mount the KYC routes before/)
    }
  })

  test.each(BEFORE)('behind %s takes JSON', async (_name, before, _webhook, status) => {
    const { call } = await start(before)
    const headers = { 'content-type': 'application/json', ...AUTHORIZED }
    const response = await call('/api/compliance/kyc', { method: 'POST', headers, body: INITIATION })
    expect(response.status).toBe(status)
  })

  test.each(BEFORE)('behind %s needs no body where the route needs none', async (_name, before) => {
    const { call } = await start(before)
    const path = '/api/compliance/kyc/unknown/resume'
    expect((await call(path, { method: 'POST', headers: AUTHORIZED })).status).toBe(404)
    expect((await call(path, { method: 'POST', headers: AUTHORIZED, body: '' })).status).toBe(404)
  })

  test.each([
    ['parseBody()', reading((req) => req.parseBody())],
    ['formData()', reading((req) => req.formData())],
    ['validator()', validator('form', (value) => value)],
    ['nothing', reading(async () => {})],
  ])('behind %s does not take a form for JSON', async (_name, before) => {
    const { call } = await start(before)
    const headers = { 'content-type': FORM, ...AUTHORIZED }
    const body = 'user_id=user-1&document_type=passport'
    expect((await call('/api/compliance/kyc', { method: 'POST', headers, body })).status).toBe(415)
  })
})

test('bytes that were read before are held to the limit as well', async () => {
  const { options } = createFixture({ maxWebhookBytes: 20 })
  const app = new Hono().use(reading((req) => req.arrayBuffer())).route('/', createKycApp(options))
  expect((await app.request('/webhooks/persona/inquiry', await createDelivery())).status).toBe(413)
})

test.each(CALLERS)(
  'a body that is longer than it says is read no further than it may be, %s',
  async (_name, caller) => {
    const { options } = createFixture({ maxWebhookBytes: 1000 })
    let pulled = 0
    // As middleware does that unpacks a body, and leaves the headers as they came.
    const unpack: MiddlewareHandler = async (c, next) => {
      const body = new ReadableStream({
        pull(controller) {
          pulled++
          if (pulled > 1000) controller.close()
          else controller.enqueue(new Uint8Array(100))
        },
      })
      const { method, headers } = c.req.raw
      c.req.raw = new Request(c.req.url, { method, headers, body, duplex: 'half' } as RequestInit)
      await next()
    }
    const call = await caller(new Hono().use(unpack).route('/', createKycApp(options)))
    const { headers } = await createDelivery()
    const response = await call('/webhooks/persona/inquiry', { method: 'POST', headers, body: 'short' })
    expect(response.status).toBe(413)
    expect(pulled).toBeLessThan(20)
  },
)
