import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { createDeferred } from '../../../test-setup/deferred.js'
import { AUTHORIZED, createDelivery, createFixture } from '../../../test-setup/kyc-fixture.js'
import { connectRaw, type RawClient, toChunk, toHead } from '../../../test-setup/raw-client.js'
import { createKycApp } from '../src/index.js'
import { listen, type TestServer } from './server.js'

const WEBHOOK = '/webhooks/persona/inquiry'
const TWO_MEGABYTES = new Uint8Array(2 * 1024 * 1024).fill(120)
const CHUNKED = { 'transfer-encoding': 'chunked' }

async function start(options: Partial<KycHandlerOptions> = {}): Promise<TestServer> {
  return listen(new Hono().route('/', createKycApp(createFixture(options).options)))
}

/** Resolves once the server has no connection left that is in use. */
function idle({ server }: TestServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
  })
}

async function open(server: TestServer, headers: Record<string, string | number>, path = WEBHOOK): Promise<RawClient> {
  const client = await connectRaw(server.port)
  client.send(toHead('POST', path, headers))
  return client
}

const TOO_LARGE = /^HTTP\/1.1 413 .*connection: close.*"code":"body_too_large".*\}$/is

describe('a body that is too large', () => {
  test.each([
    ['announced', { 'content-length': TWO_MEGABYTES.length }],
    ['in one chunk', CHUNKED],
  ])('gets its 413 through to a client that sends all of it: %s', async (_name, headers) => {
    const server = await start()
    const client = await open(server, headers)
    if ('transfer-encoding' in headers) client.send(`${TWO_MEGABYTES.length.toString(16)}\r\n`)
    client.send(TWO_MEGABYTES)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test('gets its 413 at once when nothing of it is sent', async () => {
    const server = await start()
    const client = await open(server, { 'content-length': 1024 ** 4 })
    expect(await client.receive(/\}$/)).toMatch(TOO_LARGE)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test('gets its 413 when it never ends, and is cut off', async () => {
    const server = await start()
    const client = await open(server, CHUNKED)
    client.sendForever(toChunk(64 * 1024))
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test.each(['a stream', 'bytes'])('gets its 413 through to fetch: %s', async (kind) => {
    const server = await start()
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    })
    const init = kind === 'bytes' ? { body: TWO_MEGABYTES } : { body: endless, duplex: 'half' as const }
    const response = await fetch(`${server.origin}${WEBHOOK}`, { method: 'POST', ...init })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ code: 'body_too_large' })
    await idle(server)
  })

  test('gets its 413 through to node:http', async () => {
    const server = await start()
    const request = sendRequest(`${server.origin}${WEBHOOK}`, { method: 'POST' })
    request.on('error', () => {})
    request.write(TWO_MEGABYTES)
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(413)
    expect((await response.setEncoding('utf8').toArray()).join('')).toContain('body_too_large')
    request.destroy()
    await idle(server)
  })

  test('of JSON is refused before Persona or the storage hear of it', async () => {
    const server = await start({ maxBodyBytes: 100 })
    const headers = { ...CHUNKED, ...AUTHORIZED, 'content-type': 'application/json' }
    const client = await open(server, headers, '/compliance/kyc')
    client.send(toChunk(101))
    expect(await client.receive(/\}$/)).toMatch(TOO_LARGE)
    client.destroy()
    await idle(server)
  })
})

describe('a body that is too slow', () => {
  test.each([
    ['that never starts', ''],
    ['that stops', toChunk(10)],
  ])('is answered with 408: one %s', async (_name, sent) => {
    const server = await start({ bodyTimeoutMs: 50 })
    const client = await open(server, CHUNKED)
    client.send(sent)
    expect(await client.closed).toMatch(/^HTTP\/1.1 408 .*connection: close.*"code":"body_timeout".*\}$/is)
    await idle(server)
  })

  test('that goes on after its 408 is not processed', async () => {
    const { options } = createFixture({ bodyTimeoutMs: 50 })
    const processWebhook = vi.spyOn(options.engine, 'processWebhook')
    const server = await listen(new Hono().route('/', createKycApp(options)))
    const { headers, body } = await createDelivery()
    const client = await open(server, { ...headers, 'content-length': body.length })
    client.send(body.subarray(0, 10))
    await client.receive(/"code":"body_timeout"/)
    client.send(body.subarray(10))
    expect(await client.closed).toMatch(/^HTTP\/1.1 408 (?!.*HTTP)/s)
    expect(processWebhook).not.toHaveBeenCalled()
  })
})

describe('a refusal before the body is read', () => {
  test('leaves the connection to the next request', async () => {
    const server = await start()
    const client = await open(server, { 'content-length': TWO_MEGABYTES.length }, '/compliance/kyc')
    await client.receive(/^HTTP\/1.1 401 /)
    client.send(TWO_MEGABYTES)
    client.send(toHead('GET', '/webhooks/persona/health', { connection: 'close' }))
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"unauthenticated".*HTTP\/1.1 200 .*"storage":"ok"/s)
  })
})

describe('on any runtime', () => {
  const call = async (body: ReadableStream<Uint8Array>) => {
    const app = createKycApp(createFixture({ bodyTimeoutMs: 50 }).options)
    const response = await app.request(WEBHOOK, { method: 'POST', body, duplex: 'half' } as RequestInit)
    return response.json()
  }

  test('a body without end is cancelled', async () => {
    const cancelled = createDeferred()
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      cancel: () => cancelled.resolve(),
    })
    expect(await call(endless)).toMatchObject({ status: 413, code: 'body_too_large' })
    await cancelled.promise
  })

  test('a body that stops is cancelled', async () => {
    const cancelled = createDeferred()
    const silent = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => cancelled.resolve(),
    })
    expect(await call(silent)).toMatchObject({ status: 408, code: 'body_timeout' })
    await cancelled.promise
  })

  test('a body that breaks off is answered with 400', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
    expect(await call(broken)).toMatchObject({ status: 400, code: 'body_interrupted' })
  })
})

describe('a client that goes away', () => {
  test.each([
    ['in the middle of the body', { 'content-length': 100 }, 'x'.repeat(50)],
    ['before the body', { 'content-length': 100 }, ''],
    ['in the middle of a chunk', CHUNKED, '64\r\nxx'],
  ])('%s ends the request', async (_name, headers, sent) => {
    const { options } = createFixture({ bodyTimeoutMs: 60_000 })
    const processWebhook = vi.spyOn(options.engine, 'processWebhook')
    const arrived = createDeferred()
    const answered = createDeferred<number>()
    const app = new Hono().use(async (c, next) => {
      arrived.resolve()
      await next()
      answered.resolve(c.res.status)
    })
    const server = await listen(app.route('/', createKycApp(options)))
    const client = await open(server, headers)
    client.send(sent)
    await arrived.promise
    client.destroy()
    expect(await answered.promise).toBe(400)
    await idle(server)
    expect(processWebhook).not.toHaveBeenCalled()
  })

  test('after the body does not stop the webhook from being processed', async () => {
    const { options } = createFixture()
    const entered = createDeferred()
    const gate = createDeferred()
    const done = createDeferred<unknown>()
    const { processWebhook } = options.engine
    const engine = {
      ...options.engine,
      async processWebhook(delivery: Parameters<typeof processWebhook>[0]) {
        entered.resolve()
        await gate.promise
        const result = processWebhook(delivery)
        done.resolve(result)
        return result
      },
    }
    const server = await listen(new Hono().route('/', createKycApp({ ...options, engine })))
    const { headers, body } = await createDelivery()
    const client = await open(server, { ...headers, 'content-length': body.length })
    client.send(body)
    await entered.promise
    client.destroy()
    await idle(server)
    gate.resolve()
    expect(await done.promise).toMatchObject({ outcome: 'unmatched' })
  })

  test('during the last words of a 413 is forgotten', async () => {
    const server = await start()
    const client = await open(server, CHUNKED)
    client.sendForever(toChunk(64 * 1024))
    await client.receive(/^HTTP\/1.1 413 /)
    client.destroy()
    await idle(server)
  })
})
