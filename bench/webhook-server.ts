import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  type KycStorage,
  type RecordedEvent,
} from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import express from 'express'
import { Hono } from 'hono'
import createKnex from 'knex'
import { createUsualIntegration } from './usual-integration.js'
import { SECRET } from './webhooks.js'

/*
 * A server of a benchmark that takes webhooks, as a process of its own: webhook-server.ts <name> [database]. It tells its parent
 * its port, and when it is asked, what keeps it alive.
 */

const [, , name = '', url = ''] = process.argv
const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 10 } })

const toOptions = (storage: KycStorage) => ({
  engine: createKycEngine({
    persona: createPersonaClient({
      apiKey: 'persona_sandbox_bench',
      fetch: () => Promise.reject(new TypeError('offline')),
    }),
    storage,
    templateId: 'itmpl_fake',
    webhookSecrets: SECRET,
  }),
  authorize: createBearerAuthorize({ tokens: 'token-of-the-benchmark-0123456789' }),
})

/** Takes every event at once, and keeps none: what it is held against has nothing to keep them in either. */
function createNoStorage(): KycStorage {
  const recorded: RecordedEvent = { outcome: 'ignored', kycCase: null, transition: null }
  return { ...createMemoryStorage(), recordEvent: async () => recorded }
}

/** What nobody can do without, in a bare Hono app. */
function createBareHono(): Hono {
  const app = new Hono()
  app.post('/webhooks/persona/inquiry', async (c) => {
    const body = Buffer.from(await c.req.arrayBuffer())
    const [, time = '', digest = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(c.req.header('persona-signature') ?? '') ?? []
    const expected = createHmac('sha256', SECRET).update(`${time}.`).update(body).digest()
    if (!timingSafeEqual(expected, Buffer.from(digest, 'hex'))) return c.json({ error: 'refused' }, 401)
    const event = JSON.parse(body.toString('utf8')) as { data: { id: string } }
    return c.json({ received: event.data.id !== '' })
  })
  return app
}

const SERVERS: Readonly<Record<string, () => RequestListener>> = {
  hono: () => getRequestListener(new Hono().route('/', createKycApp(toOptions(createKnexStorage({ knex })))).fetch),
  express: () => express().use(createKycRouter(toOptions(createKnexStorage({ knex })))),
  usual: () => createUsualIntegration(knex, SECRET),
  'hono without a database': () =>
    getRequestListener(new Hono().route('/', createKycApp(toOptions(createNoStorage()))).fetch),
  'bare hono': () => getRequestListener(createBareHono().fetch),
}

const create = SERVERS[name]
if (create === undefined)
  throw new Error(`There is no server of this name. There are: ${Object.keys(SERVERS).join(', ')}.`)
const server = createServer(create())
// Room for a burst of connections: one that does not get in at once comes again after seconds, by TCP's own doing.
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', () => process.send?.(process.getActiveResourcesInfo()))
process.on('SIGTERM', () => process.exit(0))
// The benchmark has ended, however.
process.on('disconnect', () => process.exit(0))
