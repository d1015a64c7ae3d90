import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  type KycCaseView,
} from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { createFakePersona } from '@persona-kyc/testing'
import express, { type NextFunction, type Request, type Response } from 'express'
import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'

/*
 * The server of one side of a benchmark, as a process of its own: tells its parent its port and the path of a verified case.
 * `bare` is what one would write by hand for that one route: the framework, a bearer token, the case as JSON.
 */

const TOKEN = 'token-of-the-benchmark-0123456789'

const [framework = '', side = ''] = process.argv.slice(2)

async function createVerifiedCase() {
  const fake = createFakePersona()
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: fake.apiKey, fetch: fake.fetch }),
    storage: createMemoryStorage(),
    templateId: 'itmpl_bench',
    webhookSecrets: 'wbhsec_bench',
  })
  const { kycCase } = await engine.initiateKyc({ userId: 'user_1', documentType: 'passport' })
  return { engine, kycCase: await engine.decideCase(kycCase.id, { decision: 'approve' }) }
}

const { engine, kycCase } = await createVerifiedCase()
const options = { engine, authorize: createBearerAuthorize({ tokens: TOKEN }) }
const cases = new Map([[kycCase.id, kycCase]])

const SERVERS: Readonly<Record<string, () => RequestListener>> = {
  'hono ours': () => getRequestListener(new Hono().route('/', createKycApp(options)).fetch),
  'hono bare': () => getRequestListener(createBareHono().fetch),
  'express ours': () => express().use(createKycRouter(options)),
  'express bare': () => createBareExpress(),
}

const create = SERVERS[`${framework} ${side}`]
if (create === undefined) throw new Error('Give a framework, and ours or bare.')
const server = createServer(create())
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.send?.({ port, path: `/compliance/kyc/${kycCase.id}`, token: TOKEN })
})
process.on('SIGTERM', () => process.exit(0))
// The benchmark has ended, however.
process.on('disconnect', () => process.exit(0))

function createBareHono(): Hono {
  const app = new Hono()
  app.get('/compliance/kyc/:case_id', bearerAuth({ token: TOKEN }), (c) => {
    const found = cases.get(c.req.param('case_id'))
    return found === undefined ? c.json({ error: 'not found' }, 404) : c.json(toJson(found))
  })
  return app
}

function createBareExpress(): express.Express {
  const expected = createHash('sha256').update(TOKEN).digest()
  const authenticate = ({ headers }: Request, res: Response, next: NextFunction) => {
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (timingSafeEqual(createHash('sha256').update(token).digest(), expected)) next()
    else res.sendStatus(401)
  }
  const app = express()
  app.get('/compliance/kyc/:case_id', authenticate, (req, res) => {
    const found = cases.get(String(req.params.case_id))
    if (found === undefined) res.status(404).json({ error: 'not found' })
    else res.json(toJson(found))
  })
  return app
}

function toJson({ id, userId, documentType, createdAt, updatedAt, verifiedAt, ...rest }: KycCaseView): object {
  return {
    case_id: id,
    user_id: userId,
    document_type: documentType,
    status: rest.status,
    revision: rest.revision,
    verification_score: rest.verificationScore,
    persona_inquiry_id: rest.personaInquiryId,
    persona_status: rest.personaStatus,
    kyc_claim_id: rest.kycClaimId,
    kyc_claim_tx_hash: rest.kycClaimTxHash,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    verified_at: verifiedAt?.toISOString() ?? null,
    erased_at: rest.erasedAt?.toISOString() ?? null,
  }
}
