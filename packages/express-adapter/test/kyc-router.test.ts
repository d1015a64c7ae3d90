import { ConfigurationError, type KycHandlerOptions } from '@persona-kyc/core'
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { AUTHORIZED, createDelivery, createFixture, INITIATION } from '../../../test-setup/kyc-fixture.js'
import { connectRaw, toHead } from '../../../test-setup/raw-client.js'
import { testRawWebhooks } from '../../../test-setup/raw-webhooks.js'
import { expectWholeFlow } from '../../../test-setup/whole-flow.js'
import { createKycRouter } from '../src/index.js'
import { listen } from './server.js'

const JSON_HEADERS = { 'content-type': 'application/json', ...AUTHORIZED }

test('a case goes from its initiation over the signed webhook to its claim', async () => {
  const { options } = createFixture()
  const { origin } = await listen(express().use('/api', createKycRouter(options)))
  await expectWholeFlow((path, init) => fetch(`${origin}${path}`, init))
})

describe('mounting', () => {
  test.each([
    ['at the root', (app: Express, router: RequestHandler) => app.use(router), '', undefined],
    ['under a prefix', (app: Express, router: RequestHandler) => app.use('/a/b', router), '/a/b', undefined],
    [
      'under a parameter',
      (app: Express, router: RequestHandler) => app.use('/:tenant', router),
      '/acme%20inc',
      undefined,
    ],
    [
      'in a sub-router',
      (app: Express, router: RequestHandler) => app.use('/a', Router().use('/b', router)),
      '/a/b',
      undefined,
    ],
    ['in a sub-app', (app: Express, router: RequestHandler) => app.use('/a', express().use(router)), '/a', undefined],
    ['at the root, with a base path', (app: Express, router: RequestHandler) => app.use(router), '/kyc', '/kyc'],
    ['as the handler of all paths', (app: Express, router: RequestHandler) => app.all(/.*/, router), '', undefined],
  ])('works %s', async (_name, mount, prefix, basePath) => {
    const { options } = createFixture(basePath === undefined ? {} : { basePath })
    const app = express()
    mount(app, createKycRouter(options))
    const { origin } = await listen(app)
    const response = await fetch(`${origin}${prefix}/webhooks/persona/inquiry`, await createDelivery())
    expect(response.status).toBe(200)
  })

  test('two mounts in one app are two engines', async () => {
    const app = express()
    app.use('/one', createKycRouter(createFixture().options)).use('/two', createKycRouter(createFixture().options))
    const { origin } = await listen(app)
    await fetch(`${origin}/one/compliance/kyc`, { method: 'POST', headers: JSON_HEADERS, body: INITIATION })
    const list = async (path: string) => (await fetch(`${origin}${path}`, { headers: AUTHORIZED })).json()
    expect((await list('/one/compliance/kyc')).cases).toHaveLength(1)
    expect((await list('/two/compliance/kyc')).cases).toHaveLength(0)
  })

  test('two mounts at one path: the first answers', async () => {
    const first = createFixture({ authorize: () => 'forbidden' })
    const app = express().use(createKycRouter(first.options), createKycRouter(createFixture().options))
    const { origin } = await listen(app)
    expect((await fetch(`${origin}/compliance/kyc`)).status).toBe(403)
  })

  test('options are checked at once', () => {
    const { authorize, ...rest } = createFixture().options
    expect(() => createKycRouter(rest as KycHandlerOptions)).toThrow(ConfigurationError)
  })

  test('the router is middleware to TypeScript', () => {
    expectTypeOf(createKycRouter).parameters.toEqualTypeOf<[KycHandlerOptions]>()
    expectTypeOf(createKycRouter).returns.toEqualTypeOf<RequestHandler>()
    const app: Express = express()
    expectTypeOf(app.use('/api', createKycRouter(createFixture().options))).toEqualTypeOf(app)
  })
})

describe('requests', () => {
  const start = async (options: Partial<KycHandlerOptions> = {}, before: RequestHandler[] = []) => {
    const fixture = createFixture(options)
    const app = express()
    for (const middleware of before) app.use(middleware)
    app.use(createKycRouter(fixture.options))
    app.use((req, res) => void res.status(404).send(`not found: ${req.method} ${req.url}`))
    return { ...fixture, ...(await listen(app)) }
  }

  const send = async (port: number, text: string) => {
    const client = await connectRaw(port)
    client.send(text)
    return client.closed
  }

  test.each(['GET', 'POST', 'OPTIONS', 'TRACE', 'PROPFIND'])('%s of other paths goes on to the app', async (method) => {
    const { port } = await start()
    const answer = await send(port, toHead(method, '/other?a=1', { connection: 'close' }))
    expect(answer).toContain(`not found: ${method} /other?a=1`)
  })

  test('a method that a path does not have is answered with 405', async () => {
    const { port } = await start()
    const answer = await send(port, toHead('PATCH', '/compliance/kyc', { connection: 'close' }))
    expect(answer).toMatch(/^HTTP\/1.1 405 .*allow: POST, GET/s)
  })

  test.each([
    '/x/../webhooks/persona/health',
    '/./webhooks/persona/health',
    '/%2e/webhooks/persona/health',
    '/x/%2E%2e/webhooks/persona/health',
    '/webhooks\\persona/health',
    '//webhooks/persona/health',
    '//evil.example/webhooks/persona/health',
    '/webhooks/persona/health/',
    '/webhooks/persona/%68ealth',
    '/webhooks/persona/health#',
    '/webhooks/persona/health/.',
  ])('%s is no path of ours, as it is none of the guards before us', async (path) => {
    const { port } = await start()
    expect(await send(port, toHead('GET', path, { connection: 'close' }))).toMatch(/^HTTP\/1.1 404 .*not found: GET/s)
  })

  test.each([
    '/webhooks/persona/health?',
    'http://evil.example/webhooks/persona/health',
    '/webhooks/persona/health?a=/..',
  ])('%s is the health route', async (path) => {
    const { port } = await start()
    expect(await send(port, toHead('GET', path, { connection: 'close' }))).toMatch(/^HTTP\/1.1 200 /)
  })

  test('HEAD answers with the headers of GET, and no body', async () => {
    const { port } = await start()
    const health = await send(port, toHead('HEAD', '/webhooks/persona/health', { connection: 'close' }))
    expect(health).toMatch(/^HTTP\/1.1 200 .*content-type: application\/json\r\n.*\r\n\r\n$/is)
    expect(health).not.toMatch(/content-length: 0|transfer-encoding/i)
    const refused = await send(port, toHead('HEAD', '/compliance/kyc', { connection: 'close' }))
    expect(refused).toMatch(/^HTTP\/1.1 401 .*www-authenticate: Bearer\r\n.*\r\n\r\n$/is)
  })

  test('authorize sees the request: its method, URL and headers, but no host that the caller names', async () => {
    const seen: Request[] = []
    const { origin } = await start({
      authorize: ({ request }) => {
        seen.push(request)
        return 'forbidden'
      },
    })
    await fetch(`${origin}/compliance/kyc?limit=1`, { headers: { 'x-forwarded-host': 'evil.example', 'x-a': 'é' } })
    expect(seen[0]).toMatchObject({ method: 'GET', url: 'http://localhost/compliance/kyc?limit=1' })
    expect(seen[0]?.headers.get('x-a')).toBe('é')
  })

  test('authorize sees the headers as middleware before has left them', async () => {
    const seen: Record<string, string>[] = []
    const proxy: RequestHandler = (req, _res, next) => {
      delete req.headers['x-user']
      Object.assign(req.headers, { 'x-role': 'admin', 'x-none': undefined })
      next()
    }
    const authorize: KycHandlerOptions['authorize'] = ({ request }) => {
      seen.push(Object.fromEntries(request.headers))
      return 'forbidden'
    }
    const { origin } = await start({ authorize }, [proxy])
    await fetch(`${origin}/compliance/kyc`, { headers: { 'x-user': 'root' } })
    expect(seen[0]).toMatchObject({ 'x-role': 'admin' })
    expect(seen[0]).not.toHaveProperty('x-user')
    expect(seen[0]).not.toHaveProperty('x-none')
  })

  test('authorize may read a copy of the body', async () => {
    const { origin } = await start({
      authorize: async ({ request }) => ({ principal: (await request.clone().json()).user_id }),
    })
    const init = { method: 'POST', headers: JSON_HEADERS, body: INITIATION }
    expect((await fetch(`${origin}/compliance/kyc`, init)).status).toBe(201)
  })

  testRawWebhooks(() => start())

  test('headers that middleware has set are kept', async () => {
    const { origin } = await start({}, [(_req, res, next) => void next(void res.setHeader('x-before', '1'))])
    const response = await fetch(`${origin}/webhooks/persona/health`)
    expect(response.headers.get('x-before')).toBe('1')
    expect(response.headers.get('content-length')).toBe(String((await response.arrayBuffer()).byteLength))
  })

  test('an answer that cannot be written goes to the app’s error handler', async () => {
    const app = express()
    app.use((_req, res, next) => {
      res.writeHead = () => {
        throw new Error('no more')
      }
      next()
    })
    app.use(createKycRouter(createFixture().options))
    const onError: ErrorRequestHandler = (error, _req, res, _next) => {
      Reflect.deleteProperty(res, 'writeHead')
      res.status(500).send(`handled: ${error.message}`)
    }
    app.use(onError)
    const { origin } = await listen(app)
    expect(await (await fetch(`${origin}/webhooks/persona/health`)).text()).toBe('handled: no more')
  })
})
