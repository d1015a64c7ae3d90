import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  request as sendRequest,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  type BearerToken,
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  hashToken,
  type KycHandlerOptions,
  signWebhook,
} from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { type FakePersonaServer, startFakePersonaServer } from '@persona-kyc/testing'
import express from 'express'
import { Hono } from 'hono'
import { type ApiAnswer, type ApiDescription, readDescription } from '../../../../test-setup/openapi/api-description.js'
import { type ApiRequest, type Credentials, toQueryText } from './api-request.js'
import type { Target } from './request-series.js'

const SECRET = 'wbhsec_of_the_tester'
const FULL_TOKEN = 'full-token-of-the-tester'
const LIMITED_TOKEN = 'limited-token-of-the-tester'
const POWERLESS_TOKEN = 'powerless-token-of-the-tester'
const ENCRYPTION_KEY = { id: 'k', key: btoa('0123456789abcdef0123456789abcdef') }
const HOUR_SECONDS = 3600

/** Real servers on ports of their own: Express and Hono over one engine, which asks a fake Persona on a third. */
export interface TargetServers extends Target {
  close(): Promise<void>
}

/** Resolves with the description that the servers give out. */
export async function readServedDescription({ reset, send }: TargetServers): Promise<ApiDescription> {
  await reset()
  const headers = { authorization: `Bearer ${FULL_TOKEN}` }
  const path = '/compliance/openapi.json'
  const { text } = await send({ server: 0, method: 'GET', path, pathValues: {}, query: [], headers, body: null })
  return readDescription(JSON.parse(text) as object)
}

/** Starts the servers. */
export async function startTargetServers(): Promise<TargetServers> {
  const persona = await startFakePersonaServer({ rateLimit: { limit: 1_000_000, windowSeconds: 60 } })
  const powerless: BearerToken = {
    principal: 'powerless',
    hash: await hashToken(POWERLESS_TOKEN),
    scopes: ['health:read'],
  }
  let listeners: readonly RequestListener[] = []
  const servers = await Promise.all([0, 1].map((index) => listen((req, res) => listeners[index]?.(req, res))))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    credentials,
    async reset() {
      persona.fake.reset()
      listeners = createListeners(toOptions(persona, powerless))
    },
    send: (request) => send(agent, servers[request.server], request),
    async close() {
      agent.destroy()
      await Promise.all([...servers.map(stop), persona.close()])
    },
  }
}

const credentials: Credentials = {
  full: FULL_TOKEN,
  limited: LIMITED_TOKEN,
  powerless: POWERLESS_TOKEN,
  sign(body, { isOld, isOther }) {
    const timestampSeconds = Math.floor(Date.now() / 1000) - (isOld ? HOUR_SECONDS : 0)
    return signWebhook({ body, secrets: isOther ? 'wbhsec_of_somebody_else' : SECRET, timestampSeconds })
  },
}

function toOptions({ fake, baseUrl }: FakePersonaServer, powerless: BearerToken): KycHandlerOptions {
  const persona = createPersonaClient({ apiKey: fake.apiKey, baseUrl, retries: 0 })
  const silent = () => {}
  const logger = { debug: silent, info: silent, warn: silent, error: silent }
  return {
    engine: createKycEngine({
      persona,
      storage: createMemoryStorage(),
      templateId: 'itmpl_of_the_tester',
      webhookSecrets: SECRET,
      encryptionKeys: [ENCRYPTION_KEY],
      logger,
    }),
    authorize: createBearerAuthorize({ tokens: [FULL_TOKEN, powerless], claimTokens: LIMITED_TOKEN }),
    logger,
  }
}

function createListeners(options: KycHandlerOptions): RequestListener[] {
  const app = express().disable('x-powered-by').use(createKycRouter(options))
  const hono = new Hono().route('/', createKycApp(options))
  return [app, getRequestListener(hono.fetch, { overrideGlobalObjects: false })]
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 0 }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

async function send(agent: Agent, server: Server | undefined, request: ApiRequest): Promise<ApiAnswer> {
  if (server === undefined) throw new Error('There is no such server.')
  const { port } = server.address() as AddressInfo
  const { method, path, body } = request
  const length = body === null ? {} : { 'content-length': body.length }
  const outgoing = sendRequest({
    agent,
    host: '127.0.0.1',
    port,
    method,
    path: path + toQueryText(request),
    headers: { ...request.headers, ...length },
  })
  outgoing.end(body ?? undefined)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const text = (await response.setEncoding('utf8').toArray()).join('')
  return { status: response.statusCode ?? 0, headers: toHeaders(response), text }
}

function toHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]))
}
