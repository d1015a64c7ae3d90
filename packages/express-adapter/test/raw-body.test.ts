import type { AuthorizationRequest, Authorize } from '@persona-kyc/core'
import express, { type Express, type RequestHandler, Router } from 'express'
import { describe, expect, test } from 'vitest'
import { AUTHORIZED, createDelivery, createFixture, INITIATION } from '../../../test-setup/kyc-fixture.js'
import { createKycRouter } from '../src/index.js'
import { listen } from './server.js'

const keepRawBody: Parameters<typeof express.json>[0] = {
  verify: (req, _res, bytes) => {
    Object.assign(req, { rawBody: bytes })
  },
}

const consumeAll: RequestHandler = (req, _res, next) => {
  req.on('end', next).resume()
}

/** What a signed webhook is answered with behind each of these. */
const BEFORE: [name: string, middleware: RequestHandler, contentType: string, status: number][] = [
  ['express.json()', express.json(), 'application/json', 500],
  ['express.json() that keeps the bytes', express.json(keepRawBody), 'application/json', 200],
  ['express.json() for other types', express.json(), 'application/vnd.persona+json', 200],
  ['express.json() without a type', express.json(), '', 200],
  ['express.raw()', express.raw({ type: '*/*' }), 'application/json', 200],
  ['express.raw() for other types', express.raw(), 'application/json', 200],
  ['express.text()', express.text({ type: '*/*' }), 'application/json', 500],
  ['express.text() for other types', express.text(), 'application/json', 200],
  ['express.urlencoded()', express.urlencoded({ extended: true }), 'application/x-www-form-urlencoded', 500],
  ['express.urlencoded() for other types', express.urlencoded({ extended: true }), 'application/json', 200],
  ['a middleware that drops the body', consumeAll, 'application/json', 500],
  ['one that reads it as text', (req, _res, next) => next(void req.setEncoding('utf8')), 'application/json', 200],
]

type Mount = (app: Express, before: RequestHandler[], router: RequestHandler, after: RequestHandler[]) => string

/** Each mounts the router, and returns its prefix. */
const MOUNTS: [name: string, mount: Mount][] = [
  [
    'at the root',
    (app, before, router, after) => {
      app.use(...before, router, ...after)
      return ''
    },
  ],
  [
    'in a sub-router',
    (app, before, router, after) => {
      const api = Router()
      if (before.length > 0) app.use(...before)
      api.use('/kyc', router, ...after)
      app.use('/api', api)
      return '/api/kyc'
    },
  ],
]

describe.each(MOUNTS)('the router, mounted %s', (_name, mount) => {
  const start = async (middlewares: { before?: RequestHandler[]; after?: RequestHandler[] }) => {
    const fixture = createFixture({ bodyTimeoutMs: 60_000 })
    const app = express()
    const { before = [(_req, _res, next) => next()], after = [] } = middlewares
    const prefix = mount(app, before, createKycRouter(fixture.options), after)
    app.post('/echo', (req, res) => void res.json(req.body ?? null))
    const { origin } = await listen(app)
    return { ...fixture, origin, url: `${origin}${prefix}` }
  }

  test.each(BEFORE)('behind %s answers a webhook as its bytes allow', async (_name, before, contentType, status) => {
    const { url, log } = await start({ before: [before] })
    const response = await fetch(`${url}/webhooks/persona/inquiry`, await createDelivery({ contentType }))
    expect(response.status).toBe(status)
    if (status === 200) {
      expect(await response.json()).toEqual({ received: true, outcome: 'unmatched' })
    } else {
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.json()).toMatchObject({ code: 'raw_body_unavailable' })
      expect(log.join()).toMatch(/raw_body_unavailable.*Mount the KYC routes before any body parser/)
    }
  })

  test.each(BEFORE)('before %s answers a webhook', async (_name, after, contentType) => {
    const { url } = await start({ after: [after] })
    const response = await fetch(`${url}/webhooks/persona/inquiry`, await createDelivery({ contentType }))
    expect(response.status).toBe(200)
  })

  test.each(BEFORE)('behind %s takes JSON', async (_name, before) => {
    const { url } = await start({ before: [before] })
    const headers = { 'content-type': 'application/json', ...AUTHORIZED }
    const response = await fetch(`${url}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
    expect(response.status).toBe(before === consumeAll ? 500 : 201)
  })

  test.each(BEFORE)('behind %s needs no body where the route needs none', async (_name, before, contentType) => {
    const { url } = await start({ before: [before] })
    const headers = { 'content-type': 'application/json', ...AUTHORIZED }
    const created = await fetch(`${url}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
    const id = before === consumeAll ? 'unknown' : (await created.json()).case_id
    const bare = await fetch(`${url}/compliance/kyc/${id}/resume`, { method: 'POST', headers: AUTHORIZED })
    expect(bare.status).toBe(before === consumeAll ? 404 : 200)
    const typed = { ...AUTHORIZED, 'content-type': contentType }
    const resumed = await fetch(`${url}/compliance/kyc/${id}/resume`, { method: 'POST', headers: typed, body: '' })
    expect(resumed.status).toBe(before === consumeAll ? 404 : 200)
    const approved = await fetch(`${url}/compliance/kyc/${id}/approve`, { method: 'POST', headers: AUTHORIZED })
    expect(approved.status).toBe(before === consumeAll ? 404 : 200)
  })

  test('leaves the bodies of other paths to the parsers behind it', async () => {
    const { origin } = await start({ after: [express.json({ type: '*/*' })] })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${origin}/echo`, { method: 'POST', headers, body: '{"a":1}' })
    // The parser of a sub-router never sees it.
    expect(await response.json()).toEqual(_name === 'at the root' ? { a: 1 } : null)
  })
})

test('a form does not pass for JSON, parsed or not', async () => {
  const form = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...AUTHORIZED },
    body: 'user_id=user-1&document_type=passport',
  }
  for (const before of [express.json(), express.urlencoded({ extended: true })]) {
    const { origin } = await listen(express().use(before, createKycRouter(createFixture().options)))
    const response = await fetch(`${origin}/compliance/kyc`, form)
    expect(response.status).toBe(415)
  }
})

test('a parsed body is held to the limit as well', async () => {
  const { options } = createFixture({ maxBodyBytes: 20 })
  const { origin } = await listen(express().use(express.json(), createKycRouter(options)))
  const headers = { 'content-type': 'application/json', ...AUTHORIZED }
  const response = await fetch(`${origin}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
  expect(response.status).toBe(413)
})

test.each([
  [
    'before it looks at the request',
    async (question: AuthorizationRequest) => [await question.findUserId(), question.request],
  ],
  ['after it', async (question: AuthorizationRequest) => [question.request, await question.findUserId()]],
])('authorize may ask for the user %s', async (_name, ask) => {
  const seen: unknown[] = []
  const authorize: Authorize = async (question) => {
    seen.push(...(await ask(question)))
    return { principal: 'somebody' }
  }
  const { origin } = await listen(express().use(createKycRouter(createFixture({ authorize }).options)))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
  expect(response.status).toBe(201)
  expect(seen).toContain('user-1')
})

test('authorize sees no body in a request whose body was read before', async () => {
  const seen: unknown[] = []
  const authorize: Authorize = async (question) => {
    await question.findUserId()
    const { method, body } = question.request
    seen.push(method, body)
    return { principal: 'somebody' }
  }
  const { origin } = await listen(express().use(createKycRouter(createFixture({ authorize }).options)))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
  expect(response.status).toBe(201)
  expect(seen).toEqual(['POST', null])
})

test('a body is read whose stream somebody paused', async () => {
  const pause: RequestHandler = (req, _res, next) => {
    req.pause()
    next()
  }
  const { origin } = await listen(express().use(pause, createKycRouter(createFixture().options)))
  expect((await fetch(`${origin}/webhooks/persona/inquiry`, await createDelivery())).status).toBe(200)
})

test('a header that middleware has made a number of is a text', async () => {
  const before: RequestHandler = (req, _res, next) => {
    Object.assign(req.headers, { 'content-length': Number(req.headers['content-length']), 'x-count': 7 })
    next()
  }
  const authorize: Authorize = ({ request }) => ({ principal: `count-${request.headers.get('x-count')}` })
  const { options, log } = createFixture({ authorize })
  const { origin } = await listen(express().use(before, createKycRouter(options)))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/compliance/kyc`, { method: 'POST', headers, body: INITIATION })
  expect(response.status).toBe(201)
  expect(log.join()).toContain('count-7')
})
