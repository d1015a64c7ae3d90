import type { KycHandlerOptions } from '@persona-kyc/core'
import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { createDeferred } from '../../../test-setup/deferred.js'
import {
  CHUNKED,
  describeEarlyAnswers,
  FORMED,
  INTERRUPTIONS,
  idle,
  openRequest,
  TOO_LARGE,
  TWO_MEGABYTES,
  WEBHOOK,
} from '../../../test-setup/early-answer.js'
import { createFixture } from '../../../test-setup/kyc-fixture.js'
import { createKycApp } from '../src/index.js'
import { listen } from './server.js'

const serve = (options: KycHandlerOptions) => listen(new Hono().route('/', createKycApp(options)))

describeEarlyAnswers(serve)

describe('a body that is too large', () => {
  test.each([
    ['announced', { 'content-length': TWO_MEGABYTES.length }],
    ['in one chunk', CHUNKED],
  ])('gets its 413 through to a client that sends all of it: %s', async (_name, headers) => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, headers)
    if ('transfer-encoding' in headers) client.send(`${TWO_MEGABYTES.length.toString(16)}\r\n`)
    client.send(TWO_MEGABYTES)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })
})

describe('on any runtime', () => {
  const call = async (body: ReadableStream<Uint8Array>) => {
    const app = createKycApp(createFixture({ bodyTimeoutMs: 50 }).options)
    const response = await app.request(WEBHOOK, {
      method: 'POST',
      headers: FORMED,
      body,
      duplex: 'half',
    } as RequestInit)
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
  test.each(INTERRUPTIONS)('%s ends the request', async (_name, headers, sent) => {
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
    const client = await openRequest(server, headers)
    client.send(sent)
    await arrived.promise
    client.destroy()
    expect(await answered.promise).toBe(400)
    await idle(server)
    expect(processWebhook).not.toHaveBeenCalled()
  })
})
