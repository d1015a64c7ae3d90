import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import type { KycHandlerOptions } from '@persona-kyc/core'
import express from 'express'
import { describe, expect, test, vi } from 'vitest'
import { createDeferred } from '../../../test-setup/deferred.js'
import { AUTHORIZED, createDelivery, createFixture } from '../../../test-setup/kyc-fixture.js'
import { connectRaw, type RawClient, toChunk, toHead } from '../../../test-setup/raw-client.js'
import { createKycRouter } from '../src/index.js'
import { listen, type TestServer } from './server.js'

const WEBHOOK = '/webhooks/persona/inquiry'
const TWO_MEGABYTES = new Uint8Array(2 * 1024 * 1024).fill(120)
// More than the kernel takes off a client's hands.
const SIXTEEN_MEGABYTES = new Uint8Array(16 * 1024 * 1024).fill(120)
const CHUNKED = { 'transfer-encoding': 'chunked' }

async function start(options: Partial<KycHandlerOptions> = {}): Promise<TestServer> {
  return listen(express().use(createKycRouter(createFixture(options).options)))
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
  test('gets its 413 through to a client that sends all of it first', async () => {
    const server = await start()
    const client = await open(server, { 'content-length': TWO_MEGABYTES.length })
    client.sendDeaf(TWO_MEGABYTES)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test('gets its 413 through to a client that sends all of it first, unannounced', async () => {
    const server = await start()
    const client = await open(server, CHUNKED)
    client.sendDeaf(`${toChunk(SIXTEEN_MEGABYTES.length)}0\r\n\r\n`)
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
    const server = await listen(express().use(createKycRouter(options)))
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
  test('gets through to a client that sends all of it first', async () => {
    const server = await start()
    const headers = { 'content-length': SIXTEEN_MEGABYTES.length, connection: 'close' }
    const client = await open(server, headers, '/compliance/kyc')
    client.sendDeaf(SIXTEEN_MEGABYTES)
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"unauthenticated"/s)
  })

  test('leaves the connection to the next request', async () => {
    const server = await start()
    const client = await open(server, { 'content-length': TWO_MEGABYTES.length }, '/compliance/kyc')
    await client.receive(/^HTTP\/1.1 401 /)
    client.send(TWO_MEGABYTES)
    client.send(toHead('GET', '/webhooks/persona/health', { connection: 'close' }))
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"unauthenticated".*HTTP\/1.1 200 .*"storage":"ok"/s)
  })
})

describe('a client that goes away', () => {
  test.each([
    ['in the middle of the body', { 'content-length': 100 }, 'x'.repeat(50)],
    ['before the body', { 'content-length': 100 }, ''],
    ['in the middle of a chunk', CHUNKED, '64\r\nxx'],
  ])('%s ends the request, and nothing is written', async (_name, headers, sent) => {
    const { options } = createFixture({ bodyTimeoutMs: 60_000 })
    const processWebhook = vi.spyOn(options.engine, 'processWebhook')
    const answered = createDeferred<Response>()
    const arrayBuffer = vi.spyOn(Response.prototype, 'arrayBuffer').mockImplementation(async function (this: Response) {
      answered.resolve(this)
      return new ArrayBuffer(0)
    })
    const writes: unknown[] = []
    const reading = createDeferred()
    const app = express()
    app.use((req, res, next) => {
      for (const name of ['writeHead', 'write', 'end'] as const)
        vi.spyOn(res, name).mockImplementation(() => writes.push(name) as never)
      res.on('error', (error) => writes.push(error))
      req.on('newListener', (name) => name === 'data' && reading.resolve())
      next()
    })
    app.use(createKycRouter(options))
    const server = await listen(app)
    const client = await open(server, headers)
    client.send(sent)
    await reading.promise
    client.destroy()
    expect((await answered.promise).status).toBe(400)
    await idle(server)
    arrayBuffer.mockRestore()
    expect(writes).toEqual([])
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
    const server = await listen(express().use(createKycRouter({ ...options, engine })))
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
