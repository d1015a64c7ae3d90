import { createHash, createHmac, randomUUID } from 'node:crypto'
import {
  type Authorize,
  type BearerToken,
  CLAIM_SCOPES,
  createBearerAuthorize,
  createKycEngine,
  createPersonaClient,
  type KycEngine,
  type KycHandlerOptions,
  type Logger,
  USER_SCOPES,
} from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { createInquiryEvent, type FakePersonaServer, startFakePersonaServer } from '@persona-kyc/testing'
import createKnex, { type Knex } from 'knex'
import { createAppDatabase, migrateForApp } from '../../../../test-setup/app-database.js'

/** Who sends a request, by what it shows: a bearer token, or for the webhook a signature. */
export type Caller = 'operator' | 'nobody' | 'wrong' | 'expired' | 'auditor' | 'lister' | 'user' | 'identity-service'

/** The secrets of these tests. None of them may be found in an answer or a line of the log. */
export const SECRETS = {
  webhook: 'wbhsec_attack_canary_0123456789',
  encryptionKey: Buffer.from('encryption-key-attack-0123456789').toString('base64'),
  operator: 'token-canary-operator-0123456789',
  expired: 'token-canary-expired-01234567890',
  auditor: 'token-canary-auditor-01234567890',
  lister: 'token-canary-lister-012345678901',
  user: 'token-canary-user-01234567890123',
  'identity-service': 'token-canary-identity-0123456789',
  wrong: 'token-canary-wrong-0123456789012',
} as const

/** What is told of the persons of these tests. */
export const PERSON = { name_first: 'Canary-Ada', birthdate: '1990-01-31-canary', email: 'canary@example.com' }
export const DOCUMENT = { number: 'X-CANARY-4711' }

/** The user of the token `user`, whose cases are other people's to everybody else. */
export const USER = 'user_canary_self'

/** One case, as the attacks aim at it. */
export interface StagedCase {
  readonly id: string
  readonly userId: string
  readonly inquiryId: string
}

/** What the attacks on one server run against. */
export interface Stage {
  /** The owner's: to look at what is there. */
  readonly knex: Knex
  readonly persona: FakePersonaServer
  readonly engine: KycEngine
  readonly authorize: Authorize
  readonly logger: Logger
  /** What was logged so far, all levels. */
  readonly log: string[]
  /** The options of the routes under attack: deadlines are short, and rate limits off. */
  readonly options: KycHandlerOptions
  /** All time stands still here. */
  readonly nowMs: number
  /** All secrets, session tokens among them, but the signatures. */
  readonly secrets: Set<string>
  /** The signatures that were made. */
  readonly signatures: Set<string>
  createCase(status?: 'pending' | 'approved' | 'needs_review'): Promise<StagedCase>
  /** A case whose start was cut off. */
  createCaseWithoutInquiry(): Promise<StagedCase>
  /** Returns the value of `Persona-Signature` for a body. */
  sign(body: Uint8Array, options?: { readonly secret?: string; readonly seconds?: number }): string
  /** Resolves once nothing is under way any more in the routes. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** How long a body may take here. */
const BODY_TIMEOUT_MS = 250

/** Makes a stage with a database and a fake Persona of its own. */
export async function createAttackStage(): Promise<Stage> {
  const database = await createAppDatabase()
  const persona = await startFakePersonaServer({ rateLimit: { limit: 1_000_000, windowSeconds: 60 } })
  const knex = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 4 } })
  const appKnex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 8 } })
  await migrateForApp(knex)
  const nowMs = Math.floor(Date.now() / 1000) * 1000
  const { log, logger } = createLog()
  const secrets = new Set<string>([...Object.values(SECRETS), persona.fake.apiKey])
  const signatures = new Set<string>()
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: persona.fake.apiKey, baseUrl: persona.baseUrl, retries: 0 }),
    storage: createKnexStorage({ knex: appKnex }),
    templateId: 'itmpl_attack',
    webhookSecrets: SECRETS.webhook,
    encryptionKeys: [{ id: 'canary', key: SECRETS.encryptionKey }],
    logger,
    now: () => nowMs,
  })
  const counter = createCounter()
  const counted = counter.count(engine)
  const authorize = counter.countCalls(createBearerAuthorize({ tokens: toTokens(nowMs), now: () => nowMs }))
  const sign: Stage['sign'] = (body, { secret = SECRETS.webhook, seconds = nowMs / 1000 } = {}) => {
    const digest = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')
    signatures.add(digest)
    return `t=${seconds},v1=${digest}`
  }
  return {
    knex,
    persona,
    engine,
    authorize,
    logger,
    log,
    nowMs,
    secrets,
    signatures,
    sign,
    options: {
      engine: counted,
      authorize,
      logger,
      docs: 'authorized',
      bodyTimeoutMs: BODY_TIMEOUT_MS,
      rateLimits: {
        initiatePerPrincipal: null,
        initiatePerUser: null,
        initiatePerAddress: null,
        refusedWebhooksPerAddress: null,
      },
    },
    createCase: (status) => createCase({ engine, persona, secrets, sign, nowMs }, status),
    createCaseWithoutInquiry: () => createCaseWithoutInquiry({ engine, persona }),
    settle: counter.settle,
    async close() {
      await appKnex.destroy()
      await knex.destroy()
      await persona.close()
      await database.drop()
    },
  }
}

/** Returns the hash by which a token is kept, as OpenSSL would make it. */
export function toHash(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`
}

function toTokens(nowMs: number): BearerToken[] {
  const toToken = (principal: Exclude<Caller, 'nobody'>, scopes: BearerToken['scopes']) => ({
    principal,
    hash: toHash(SECRETS[principal]),
    scopes,
  })
  return [
    toToken('operator', ['*']),
    // It expires in this very moment: from then on it is refused.
    { ...toToken('expired', ['*']), expiresAt: new Date(nowMs) },
    toToken('auditor', ['audit:read']),
    toToken('lister', ['kyc:list']),
    { ...toToken('user', [...USER_SCOPES, 'kyc:initiate:own']), userId: USER },
    toToken('identity-service', CLAIM_SCOPES),
  ]
}

function createLog(): { log: string[]; logger: Logger } {
  const log: string[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields)}`)
  return { log, logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}

let users = 0

function toInitiation() {
  return {
    userId: `user_canary_${users++}`,
    documentType: 'passport',
    personalInfo: PERSON,
    documentData: DOCUMENT,
  }
}

async function createCase(
  { engine, persona, secrets, sign, nowMs }: Pick<Stage, 'engine' | 'persona' | 'secrets' | 'sign' | 'nowMs'>,
  status: 'pending' | 'approved' | 'needs_review' = 'pending',
): Promise<StagedCase> {
  const initiation = toInitiation()
  const { kycCase } = await engine.initiateKyc(initiation)
  const { id, personaInquiryId: inquiryId, personaSessionToken } = kycCase
  if (inquiryId === null) throw new Error('The case has no inquiry.')
  if (personaSessionToken !== null) secrets.add(personaSessionToken)
  await persona.fake.inquiries.open(inquiryId)
  for (const [second, name] of (status === 'pending' ? ['pending'] : ['pending', status]).entries()) {
    const createdAt = nowMs - 60_000 + second * 1000
    const event = createInquiryEvent({ name: 'inquiry.transitioned', inquiryId, status: name, createdAt })
    const body = Buffer.from(JSON.stringify(event))
    await engine.processWebhook({ body, signature: sign(body) })
  }
  return { id, userId: initiation.userId, inquiryId }
}

async function createCaseWithoutInquiry({ engine, persona }: Pick<Stage, 'engine' | 'persona'>): Promise<StagedCase> {
  const initiation = toInitiation()
  persona.fake.fail({ kind: 'server_error', method: 'POST', path: '/inquiries' })
  await engine.initiateKyc(initiation).catch(() => {})
  const { items } = await engine.listCases({ limit: 500 })
  const found = items.find(({ userId }) => userId === initiation.userId)
  if (found === undefined) throw new Error('The case was not stored.')
  return { id: found.id, userId: found.userId, inquiryId: '' }
}

/** Knows what is under way in an engine, also for a client that is gone. */
function createCounter() {
  let underWay = 0
  const countCalls = <Args extends readonly unknown[], Result>(call: (...args: Args) => Result | Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      underWay += 1
      try {
        return await call(...args)
      } finally {
        underWay -= 1
      }
    }
  }
  return {
    countCalls,
    count: (engine: KycEngine): KycEngine => ({
      ...engine,
      getCase: countCalls(engine.getCase),
      listCases: countCalls(engine.listCases),
      initiateKyc: countCalls(engine.initiateKyc),
      processWebhook: countCalls(engine.processWebhook),
      updateClaim: countCalls(engine.updateClaim),
      clearClaim: countCalls(engine.clearClaim),
      resumeCase: countCalls(engine.resumeCase),
      decideCase: countCalls(engine.decideCase),
      eraseCase: countCalls(engine.eraseCase),
      listCaseEvents: countCalls(engine.listCaseEvents),
      readFeed: countCalls(engine.readFeed),
      recordAccess: countCalls(engine.recordAccess),
      listAudit: countCalls(engine.listAudit),
      health: countCalls(engine.health),
    }),
    /** Between two of these calls a request takes no longer than some turns of the event loop. */
    async settle() {
      for (let quietTurns = 0; quietTurns < 10; quietTurns = underWay === 0 ? quietTurns + 1 : 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

/** The id of a case that nobody has. */
export const NO_CASE = randomUUID()
