import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryRateLimiter,
  createPersonaClient,
  type KycHandlerOptions,
} from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import express, { type NextFunction, type Request, type Response } from 'express'
import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import createKnex from 'knex'
import { type BareCases, createBareCases } from './bare-cases.js'
import { CASE_TOKEN, ENCRYPTION_KEY } from './cases.js'
import { createInstantPersona } from './instant-persona.js'

/*
 * A server of a benchmark that starts and reads cases, as a process of its own: case-server.ts <framework> <ours or bare>
 * <database>. It tells its parent its port. Persona is a function that answers at once.
 */

const [, , framework = '', side = '', databaseUrl = ''] = process.argv
const POOL_SIZE = 10

const fetch = await createInstantPersona()

function createOptions(): KycHandlerOptions {
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: 'persona_sandbox_bench', fetch }),
    storage: createKnexStorage({
      knex: createKnex({ client: 'pg', connection: databaseUrl, pool: { min: 0, max: POOL_SIZE } }),
    }),
    templateId: 'itmpl_bench',
    webhookSecrets: 'wbhsec_bench',
    encryptionKeys: [ENCRYPTION_KEY],
  })
  // They count, but let more through than one caller is ever meant to ask for.
  const unlimited = () => createMemoryRateLimiter({ points: 1e9, durationMs: 60_000 })
  return {
    engine,
    authorize: createBearerAuthorize({ tokens: CASE_TOKEN }),
    rateLimits: { initiatePerPrincipal: unlimited(), initiatePerAddress: unlimited() },
  }
}

const createCases = (): BareCases =>
  createBareCases({ databaseUrl, poolSize: POOL_SIZE, encryptionKey: ENCRYPTION_KEY, fetch })

function createBareHono(cases: BareCases): Hono {
  const app = new Hono().use(bearerAuth({ token: CASE_TOKEN }))
  app.get('/compliance/kyc/:case_id', async (c) => {
    const { status, json } = await cases.read(c.req.param('case_id'))
    return c.json(json, status)
  })
  app.post('/compliance/kyc', async (c) => {
    const { status, json } = await cases.initiate(() => c.req.json())
    return c.json(json, status)
  })
  return app
}

function createBareExpress(cases: BareCases): express.Express {
  const expected = createHash('sha256').update(CASE_TOKEN).digest()
  const authenticate = ({ headers }: Request, res: Response, next: NextFunction) => {
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (timingSafeEqual(createHash('sha256').update(token).digest(), expected)) next()
    else res.sendStatus(401)
  }
  const app = express().use(authenticate)
  app.get('/compliance/kyc/:case_id', async (req, res) => {
    const { status, json } = await cases.read(req.params.case_id)
    res.status(status).json(json)
  })
  app.post('/compliance/kyc', express.json(), async (req, res) => {
    const { status, json } = await cases.initiate(async () => req.body)
    res.status(status).json(json)
  })
  return app
}

const SERVERS: Readonly<Record<string, () => RequestListener>> = {
  'hono ours': () => getRequestListener(new Hono().route('/', createKycApp(createOptions())).fetch),
  'hono bare': () => getRequestListener(createBareHono(createCases()).fetch),
  'express ours': () => express().use(createKycRouter(createOptions())),
  'express bare': () => createBareExpress(createCases()),
}

const create = SERVERS[`${framework} ${side}`]
if (create === undefined) throw new Error(`There are: ${Object.keys(SERVERS).join(', ')}.`)
const server = createServer(create())
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('SIGTERM', () => process.exit(0))
// The benchmark has ended, however.
process.on('disconnect', () => process.exit(0))
