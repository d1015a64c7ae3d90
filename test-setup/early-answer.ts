import { once } from 'node:events'
import { type Server, request as sendRequest } from 'node:http'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { describe, expect, test, vi } from 'vitest'
import { createDeferred } from './deferred.js'
import { AUTHORIZED, createDelivery, createFixture } from './kyc-fixture.js'
import { connectRaw, type RawClient, toChunk, toHead } from './raw-client.js'

/** An HTTP server that ends with its test. */
export interface TestServer {
  readonly server: Server
  readonly port: number
  readonly origin: string
}

/** Starts a server that has an adapter's routes at its root. */
export type Serve = (options: KycHandlerOptions) => Promise<TestServer>

/** The headers of a request. */
export type RequestHeaders = Record<string, string | number>

/** The path of the inquiry webhook. */
export const WEBHOOK = '/webhooks/persona/inquiry'

/** A signature by its form: without one, no body is read. */
export const FORMED = { 'persona-signature': `t=1,v1=${'0'.repeat(64)}` }

/** A body above the default limit. */
export const TWO_MEGABYTES = new Uint8Array(2 * 1024 * 1024).fill(120)

/** The headers of a body whose length is not announced. */
export const CHUNKED: RequestHeaders = { 'transfer-encoding': 'chunked' }

/** All that is received when a body is too large: one 413, which ends the connection. */
export const TOO_LARGE = /^HTTP\/1.1 413 .*connection: close.*"code":"body_too_large".*\}$/is

/** The requests that a client may break off before the end of their body, and what it sends of that. */
export const INTERRUPTIONS: readonly [name: string, headers: RequestHeaders, sent: string][] = [
  ['in the middle of the body', { 'content-length': 100 }, 'x'.repeat(50)],
  ['before the body', { 'content-length': 100 }, ''],
  ['in the middle of a chunk', CHUNKED, '64\r\nxx'],
]

/** Resolves once the server has no connection left that is in use. */
export function idle({ server }: TestServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
  })
}

/** Connects and sends the head of a POST request, by default to the inquiry webhook. */
export async function openRequest(server: TestServer, headers: RequestHeaders, path = WEBHOOK): Promise<RawClient> {
  const client = await connectRaw(server.port)
  client.send(toHead('POST', path, { ...FORMED, ...headers }))
  return client
}

/**
 * Registers vitest tests which check what any adapter must do with a request that is answered, or given up, before its body
 * has ended: the answer gets through, and nothing that comes later is processed.
 */
export function describeEarlyAnswers(serve: Serve): void {
  describe('a body that is too large', () => testTooLarge(serve))
  describe('a body that is too slow', () => testTooSlow(serve))
  describe('a refusal before the body is read', () => testRefusals(serve))
  describe('a client that goes away', () => testGoneClients(serve))
}

function testTooLarge(serve: Serve): void {
  test('gets its 413 at once when nothing of it is sent', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, { 'content-length': 1024 ** 4 })
    expect(await client.receive(/\}$/)).toMatch(TOO_LARGE)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test('gets its 413 when it never ends, and is cut off', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, CHUNKED)
    client.sendForever(toChunk(64 * 1024))
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test.each(['a stream', 'bytes'])('gets its 413 through to fetch: %s', async (kind) => {
    const server = await serve(createFixture().options)
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    })
    const init = kind === 'bytes' ? { body: TWO_MEGABYTES } : { body: endless, duplex: 'half' as const }
    const response = await fetch(`${server.origin}${WEBHOOK}`, { method: 'POST', headers: FORMED, ...init })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ code: 'body_too_large' })
    await idle(server)
  })

  test('gets its 413 through to node:http', async () => {
    const server = await serve(createFixture().options)
    const request = sendRequest(`${server.origin}${WEBHOOK}`, { method: 'POST', headers: FORMED })
    request.on('error', () => {})
    request.write(TWO_MEGABYTES)
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(413)
    expect((await response.setEncoding('utf8').toArray()).join('')).toContain('body_too_large')
    request.destroy()
    await idle(server)
  })

  test('of JSON is refused before Persona or the storage hear of it', async () => {
    const server = await serve(createFixture({ maxBodyBytes: 100 }).options)
    const headers = { ...CHUNKED, ...AUTHORIZED, 'content-type': 'application/json' }
    const client = await openRequest(server, headers, '/compliance/kyc')
    client.send(toChunk(101))
    expect(await client.receive(/\}$/)).toMatch(TOO_LARGE)
    client.destroy()
    await idle(server)
  })
}

function testTooSlow(serve: Serve): void {
  test.each([
    ['that never starts', ''],
    ['that stops', toChunk(10)],
  ])('is answered with 408: one %s', async (_name, sent) => {
    const server = await serve(createFixture({ bodyTimeoutMs: 50 }).options)
    const client = await openRequest(server, CHUNKED)
    client.send(sent)
    expect(await client.closed).toMatch(/^HTTP\/1.1 408 .*connection: close.*"code":"body_timeout".*\}$/is)
    await idle(server)
  })

  test('that goes on after its 408 is not processed', async () => {
    const { options } = createFixture({ bodyTimeoutMs: 50 })
    const processWebhook = vi.spyOn(options.engine, 'processWebhook')
    const server = await serve(options)
    const { headers, body } = await createDelivery()
    const client = await openRequest(server, { ...headers, 'content-length': body.length })
    client.send(body.subarray(0, 10))
    await client.receive(/"code":"body_timeout"/)
    client.send(body.subarray(10))
    expect(await client.closed).toMatch(/^HTTP\/1.1 408 (?!.*HTTP)/s)
    expect(processWebhook).not.toHaveBeenCalled()
  })
}

function testRefusals(serve: Serve): void {
  test('of a webhook by its header alone ends the connection of who sends on', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, { ...CHUNKED, 'persona-signature': 'none' })
    client.sendForever(toChunk(64 * 1024))
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"signature_invalid".*\}$/s)
    await idle(server)
  })

  test('leaves the connection to the next request', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, { 'content-length': TWO_MEGABYTES.length }, '/compliance/kyc')
    await client.receive(/^HTTP\/1.1 401 /)
    client.send(TWO_MEGABYTES)
    client.send(toHead('GET', '/webhooks/persona/health', { connection: 'close' }))
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"unauthenticated".*HTTP\/1.1 200 .*"status":"ok"/s)
  })
}

function testGoneClients(serve: Serve): void {
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
    const server = await serve({ ...options, engine })
    const { headers, body } = await createDelivery()
    const client = await openRequest(server, { ...headers, 'content-length': body.length })
    client.send(body)
    await entered.promise
    client.destroy()
    await idle(server)
    gate.resolve()
    expect(await done.promise).toMatchObject({ outcome: 'unmatched' })
  })

  test('during the last words of a 413 is forgotten', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, CHUNKED)
    client.sendForever(toChunk(64 * 1024))
    await client.receive(/^HTTP\/1.1 413 /)
    client.destroy()
    await idle(server)
  })
}
