import { ConfigurationError, type KycHandlerOptions } from '@persona-kyc/core'
import { Hono } from 'hono'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { AUTHORIZED, createDelivery, createFixture, INITIATION } from '../../../test-setup/kyc-fixture.js'
import { testRawWebhooks } from '../../../test-setup/raw-webhooks.js'
import { expectWholeFlow } from '../../../test-setup/whole-flow.js'
import { createKycApp, type KycAppOptions } from '../src/index.js'
import { listen } from './server.js'

const JSON_HEADERS = { 'content-type': 'application/json', ...AUTHORIZED }
const HEALTH = '/webhooks/persona/health'

/** Both ways to call an app: as the function that it is, and over a socket. */
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

test.each(CALLERS)(
  '%s, a case goes from its initiation over the signed webhook to its claim',
  async (_name, caller) => {
    const call = await caller(new Hono().route('/api', createKycApp(createFixture().options)))
    await expectWholeFlow(call)
  },
)

describe('mounting', () => {
  const create = (options?: Partial<KycHandlerOptions>) => createKycApp(createFixture(options).options)

  test.each([
    ['alone', () => create(), ''],
    ['at the root', () => new Hono().route('/', create()), ''],
    ['under a prefix', () => new Hono().route('/a/b', create()), '/a/b'],
    ['under a prefix with a slash', () => new Hono().route('/a/b/', create()), '/a/b'],
    ['under a parameter', () => new Hono().route('/:tenant/kyc', create()), '/acme%20inc/kyc'],
    ['under a name in no ASCII', () => new Hono().route('/prüfung', create()), '/pr%C3%BCfung'],
    ['below a base path', () => new Hono().basePath('/v1').route('/kyc', create()), '/v1/kyc'],
    ['two apps deep', () => new Hono().route('/a', new Hono().route('/b', create())), '/a/b'],
    ['with a base path of its own', () => new Hono().route('/a', create({ basePath: '/b' })), '/a/b'],
    ['behind middleware', () => new Hono().use((_c, next) => next()).route('/a', create()), '/a'],
    [
      'in an app that handles errors',
      () => new Hono().onError((_error, c) => c.text('error', 500)).route('/a', create()),
      '/a',
    ],
  ])('works %s', async (_name, mount, prefix) => {
    const response = await mount().request(`${prefix}/webhooks/persona/inquiry`, await createDelivery())
    expect(response.status).toBe(200)
  })

  test.each(['/', '/a'])('other paths go on to the app: mounted at %s', async (prefix) => {
    const app = new Hono().route(prefix, create())
    app.get('/a/later', (c) => c.text('later'))
    app.notFound((c) => c.text('nothing here', 404))
    expect(await (await app.request('/a/later')).text()).toBe('later')
    for (const path of ['/other', '/a/other', '/a', '/', '/a/compliance/kyc/', '/b/compliance/kyc']) {
      const response = await app.request(path)
      expect([response.status, await response.text()]).toEqual([404, 'nothing here'])
    }
  })

  test('the bodies of other paths are left alone', async () => {
    const app = new Hono().route('/', create()).post('/echo', async (c) => c.json(await c.req.json()))
    for (const [, caller] of CALLERS) {
      const call = await caller(app)
      expect(await (await call('/echo', { method: 'POST', body: '{"a":1}' })).json()).toEqual({ a: 1 })
    }
  })

  test('two mounts in one app are two engines', async () => {
    const app = new Hono().route('/one', create()).route('/two', create())
    await app.request('/one/compliance/kyc', { method: 'POST', headers: JSON_HEADERS, body: INITIATION })
    const list = async (path: string) => (await app.request(path, { headers: AUTHORIZED })).json()
    expect((await list('/one/compliance/kyc')).cases).toHaveLength(1)
    expect((await list('/two/compliance/kyc')).cases).toHaveLength(0)
  })

  test('options are checked at once', () => {
    const { authorize, ...rest } = createFixture().options
    expect(() => createKycApp(rest as KycHandlerOptions)).toThrow(ConfigurationError)
  })

  test('the app is one to TypeScript', () => {
    interface Bindings {
      readonly SECRET: string
    }
    expectTypeOf(createKycApp).parameters.toEqualTypeOf<[KycAppOptions]>()
    expectTypeOf(createKycApp).returns.toEqualTypeOf<Hono>()
    expectTypeOf(new Hono<{ Bindings: Bindings }>().route('/', create())).toExtend<Hono<{ Bindings: Bindings }>>()
  })
})

describe('requests', () => {
  test.each(CALLERS)('%s, HEAD answers with the headers of GET, and no body', async (_name, caller) => {
    const call = await caller(createKycApp(createFixture().options))
    const health = await call(HEALTH, { method: 'HEAD' })
    expect([health.status, health.headers.get('content-type'), await health.text()]).toEqual([
      200,
      'application/json',
      '',
    ])
    const refused = await call('/compliance/kyc', { method: 'HEAD' })
    expect([refused.status, refused.headers.get('www-authenticate'), await refused.text()]).toEqual([401, 'Bearer', ''])
  })

  test('a method that a path does not have is answered with 405', async () => {
    const response = await createKycApp(createFixture().options).request('/compliance/kyc', { method: 'PATCH' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, GET'])
  })

  test('authorize may read a copy of the body', async () => {
    const authorize: KycHandlerOptions['authorize'] = async ({ request }) => ({
      principal: (await request.clone().json()).user_id,
    })
    for (const [, caller] of CALLERS) {
      const call = await caller(createKycApp(createFixture({ authorize }).options))
      const response = await call('/compliance/kyc', { method: 'POST', headers: JSON_HEADERS, body: INITIATION })
      expect(response.status).toBe(201)
    }
  })

  testRawWebhooks(() => listen(new Hono().route('/', createKycApp(createFixture().options))))
})
