import type { KycHandlerOptions } from '@persona-kyc/core'
import express from 'express'
import { describe, expect, test, vi } from 'vitest'
import { createDeferred } from '../../../test-setup/deferred.js'
import {
  CHUNKED,
  describeEarlyAnswers,
  INTERRUPTIONS,
  idle,
  openRequest,
  TOO_LARGE,
  TWO_MEGABYTES,
} from '../../../test-setup/early-answer.js'
import { createFixture } from '../../../test-setup/kyc-fixture.js'
import { toChunk } from '../../../test-setup/raw-client.js'
import { createKycRouter } from '../src/index.js'
import { listen } from './server.js'

// More than the kernel takes off a client's hands.
const SIXTEEN_MEGABYTES = new Uint8Array(16 * 1024 * 1024).fill(120)

const serve = (options: KycHandlerOptions) => listen(express().use(createKycRouter(options)))

describeEarlyAnswers(serve)

describe('a body that is too large', () => {
  test('gets its 413 through to a client that sends all of it first', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, { 'content-length': TWO_MEGABYTES.length })
    client.sendDeaf(TWO_MEGABYTES)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })

  test('gets its 413 through to a client that sends all of it first, unannounced', async () => {
    const server = await serve(createFixture().options)
    const client = await openRequest(server, CHUNKED)
    client.sendDeaf(`${toChunk(SIXTEEN_MEGABYTES.length)}0\r\n\r\n`)
    expect(await client.closed).toMatch(TOO_LARGE)
    await idle(server)
  })
})

describe('a refusal before the body is read', () => {
  test('gets through to a client that sends all of it first', async () => {
    const server = await serve(createFixture().options)
    const headers = { 'content-length': SIXTEEN_MEGABYTES.length, connection: 'close' }
    const client = await openRequest(server, headers, '/compliance/kyc')
    client.sendDeaf(SIXTEEN_MEGABYTES)
    expect(await client.closed).toMatch(/^HTTP\/1.1 401 .*"code":"unauthenticated"/s)
  })
})

describe('a client that goes away', () => {
  test.each(INTERRUPTIONS)('%s ends the request, and nothing is written', async (_name, headers, sent) => {
    const answered = createDeferred()
    const ignore = () => {}
    const debug = (fields: object) => void ('status' in fields && fields.status === 400 && answered.resolve())
    const logger = { debug, info: ignore, warn: ignore, error: ignore }
    const { options } = createFixture({ bodyTimeoutMs: 60_000, logger })
    const processWebhook = vi.spyOn(options.engine, 'processWebhook')
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
    const client = await openRequest(server, headers)
    client.send(sent)
    await reading.promise
    client.destroy()
    await answered.promise
    await idle(server)
    expect(writes).toEqual([])
    expect(processWebhook).not.toHaveBeenCalled()
  })
})
