import { createInquiryEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allCanariesBut, CANARIES, DOCUMENT_DATA, FIELDS, findCanaries, PERSONAL_INFO } from './canary/canaries.js'
import { API_TOKEN, runToExit, SERVERS, type ServerProcess, startServer, WEBHOOK_SECRET } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

const TOLD = allCanariesBut('userId')
/** As pino writes them. The servers log nothing at the others. */
const LEVELS = { debug: '"level":20', info: '"level":30', warn: '"level":40', error: '"level":50' }

describe.each([
  ['with encryption keys', { KYC_ENCRYPTION_KEYS: `canary:${CANARIES.encryptionKey}` }],
  ['without encryption keys', {}],
] as const)('no secret and no personal data, %s', (_, keys) => {
  describe.each(SERVERS)('of %s', (name) => {
    let stage: Stage
    let server: ServerProcess

    beforeAll(async () => {
      stage = await createStage()
      server = await startServer(name, { ...stage.environment, ...keys })
    })
    afterAll(async () => {
      await server?.stop()
      await stage?.close()
    })

    it('is in a log, an answer, an error or a table', async () => {
      const { answers, sessionTokens } = await act()
      expect(sessionTokens.length).toBeGreaterThan(1)
      await server.stop()
      const dump = await stage.dump()
      const output = server.output()
      const secrets = { API_TOKEN, WEBHOOK_SECRET, wbhsec_: 'wbhsec_', 'the API key': stage.persona.fake.apiKey }
      const tokens = Object.fromEntries(sessionTokens.map((token, index) => [`session ${index}`, token]))
      expect(findCanaries(output, { ...CANARIES, ...secrets, ...tokens })).toEqual([])
      expect(findCanaries(dump, { ...TOLD, ...secrets, ...tokens })).toEqual([])
      expect(findCanaries(answers.join('\n'), { ...TOLD, ...secrets })).toEqual([])
      // The search itself works: what must be there is found.
      expect(Object.values(LEVELS).filter((level) => !output.includes(level))).toEqual([])
      expect(findCanaries(dump)).toEqual(['userId as plain'])
      expect(findCanaries(answers.join('\n'), { ...CANARIES, ...tokens })).toHaveLength(1 + sessionTokens.length)
      expect(dump.includes('v1.canary.')).toBe('KYC_ENCRYPTION_KEYS' in keys)
    })

    /** Everything that can be done, right and wrong, with canaries wherever a value fits. */
    async function act() {
      const answers: string[] = []
      const sessionTokens: string[] = []
      const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
        const { status, json } = await server.call(method, path, body, { ...HEADERS, ...headers })
        answers.push(`${status} ${JSON.stringify(json)}`)
        if (typeof json.persona_session_token === 'string') sessionTokens.push(json.persona_session_token)
        return json
      }
      const send = async (body: string, signature?: string) => {
        answers.push(JSON.stringify(await deliver(server, body, signature)))
      }
      const initiation = {
        user_id: CANARIES.userId,
        document_type: 'passport',
        document_data: DOCUMENT_DATA,
        personal_info: PERSONAL_INFO,
      }
      const { case_id: caseId, persona_inquiry_id: inquiryId } = await call('POST', '/compliance/kyc', initiation)
      const path = `/compliance/kyc/${caseId}`
      await call('POST', '/compliance/kyc', initiation)
      await call('GET', path)
      const events = [
        'inquiry.started',
        'inquiry.completed',
        'inquiry.marked-for-review',
        'inquiry.updated-tags',
        'account.created',
      ]
      for (const [second, event] of events.entries()) {
        const createdAt = Date.now() - 60_000 + second * 1000
        await send(JSON.stringify(createInquiryEvent({ name: event, inquiryId, createdAt, fields: FIELDS })))
      }
      const { accountEmail: email, queryValue, wrongToken } = CANARIES
      await send(JSON.stringify(PERSONAL_INFO))
      await send(JSON.stringify(PERSONAL_INFO), `t=1,v1=${email}`)
      await send(`{"broken": "${email}`)
      await call('POST', '/compliance/kyc', { ...initiation, user_id: 5, [email]: email })
      await call('POST', '/compliance/kyc', { ...initiation, document_type: email.repeat(20) })
      await call('GET', `/compliance/kyc?status=${queryValue}`)
      await call('GET', `/compliance/kyc/${CANARIES.pathSegment}`)
      await call('GET', '/compliance/kyc', undefined, { authorization: `Bearer ${wrongToken}` })
      await call('POST', `${path}/approve`, { comment: CANARIES.comment })
      await call('PUT', `${path}/claim`, { kyc_claim_id: '1', kyc_claim_tx_hash: '2' })
      stage.persona.fake.fail({ kind: 'server_error', times: 3 })
      await call('POST', '/compliance/kyc', { ...initiation, user_id: 'user_2' })
      const { case_id: secondId } = await call('POST', '/compliance/kyc', { ...initiation, user_id: 'user_2' })
      stage.persona.fake.fail({ kind: 'not_json' })
      await call('POST', `/compliance/kyc/${secondId}/resume`)
      await call('POST', `/compliance/kyc/${secondId}/decline`)
      await call('GET', `${path}/events`)
      await call('GET', '/compliance/events')
      await call('GET', '/compliance/kyc')
      await call('DELETE', path)
      return { answers, sessionTokens }
    }
  })
})

/** What any caller may send. */
const HEADERS = {
  cookie: `session=${CANARIES.cookie}`,
  'idempotency-key': CANARIES.idempotencyKey,
  'user-agent': CANARIES.userAgent,
  'x-forwarded-for': CANARIES.clientAddress,
}

/** What no start is possible with. */
const IMPOSSIBLE = {
  'a database that is not there': {
    COMPLIANCE_API_TOKEN: CANARIES.bearerToken,
    DATABASE_URL: `postgres://${CANARIES.userId}:${CANARIES.databasePassword}@127.0.0.1:1/kyc`,
    KYC_ENCRYPTION_KEYS: `canary:${CANARIES.encryptionKey}`,
    PERSONA_API_KEY: CANARIES.apiKey,
    PERSONA_TEMPLATE_ID: 'itmpl_test',
    PERSONA_WEBHOOK_SECRET: CANARIES.webhookSecret,
  },
  'variables that are mixed up': {
    COMPLIANCE_API_TOKEN: CANARIES.name,
    DATABASE_URL: CANARIES.encryptionKey,
    KYC_ENCRYPTION_KEYS: `${CANARIES.encryptionKey}:canary ${CANARIES.signerKey}`,
    LOG_LEVEL: CANARIES.databasePassword,
    PERSONA_API_KEY: `${CANARIES.apiKey} ${CANARIES.webhookSecret}`,
    PERSONA_BASE_URL: CANARIES.rpcKey,
    PERSONA_ENVIRONMENT: CANARIES.apiKey,
    PERSONA_WEBHOOK_SECRET: `${CANARIES.webhookSecret} ${CANARIES.webhookSecret}`,
    TRUSTED_PROXIES: CANARIES.phone,
  },
}

describe.concurrent('a server that cannot start', () => {
  it.each([
    ['express-server', 'a database that is not there'],
    ['hono-server', 'variables that are mixed up'],
  ] as const)('tells no secret: %s with %s', async (name, reason) => {
    const { code, output } = await runToExit(name, IMPOSSIBLE[reason])
    expect(code).toBe(1)
    expect(output).not.toBe('')
    expect(findCanaries(output)).toEqual([])
  })
})
