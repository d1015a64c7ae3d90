import { createInquiryEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_TOKEN, SERVERS, type ServerProcess, startServer, WEBHOOK_SECRET } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

const ENCRYPTION_KEY = Buffer.from('encryption-key-canary-0123456789').toString('base64')
const PERSON = { name_first: 'Canary-Ada', birthdate: '1990-01-31-canary', email: 'canary@example.com' }
const DOCUMENT = { number: 'X-CANARY-4711' }
const FIELDS = { 'name-first': 'Canary-Field-Ada', 'identification-number': 'Canary-Field-4711' }
const PERSONAL = [...Object.values(PERSON), ...Object.values(DOCUMENT), ...Object.values(FIELDS)]
const QUERY_CANARY = 'canary-in-the-query'

describe.each([
  ['with encryption keys', { KYC_ENCRYPTION_KEYS: `canary:${ENCRYPTION_KEY}` }],
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
      const secrets = [stage.persona.fake.apiKey, WEBHOOK_SECRET, API_TOKEN, ENCRYPTION_KEY, 'wbhsec_', QUERY_CANARY]
      expect(sessionTokens.length).toBeGreaterThan(1)
      await server.stop()
      const dump = await stage.dump()
      expect(find([...secrets, ...PERSONAL, ...sessionTokens], server.output())).toEqual([])
      expect(find([...secrets, ...PERSONAL, ...sessionTokens], dump)).toEqual([])
      expect(find([...secrets, ...PERSONAL], answers.join('\n'))).toEqual([])
      // The search itself works: what must be there is found.
      expect(find(['case moved', 'webhook refused'], server.output())).toHaveLength(2)
      expect(find(['user_canary'], dump)).toHaveLength(1)
      expect(dump.includes('v1.canary.')).toBe('KYC_ENCRYPTION_KEYS' in keys)
    })

    /** Everything that can be done, right and wrong, with canaries wherever a value fits. */
    async function act() {
      const answers: string[] = []
      const sessionTokens: string[] = []
      const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
        const { status, json } = await server.call(method, path, body, headers)
        answers.push(`${status} ${JSON.stringify(json)}`)
        if (typeof json.persona_session_token === 'string') sessionTokens.push(json.persona_session_token)
        return json
      }
      const send = async (body: string, signature?: string) => {
        answers.push(JSON.stringify(await deliver(server, body, signature)))
      }
      const initiation = {
        user_id: 'user_canary',
        document_type: 'passport',
        document_data: DOCUMENT,
        personal_info: PERSON,
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
      await send(JSON.stringify(PERSON))
      await send(JSON.stringify(PERSON), 't=1,v1=canary@example.com')
      await send(`{"broken": "${PERSON.email}`)
      await call('POST', '/compliance/kyc', { ...initiation, user_id: 5, [PERSON.email]: PERSON.email })
      await call('POST', '/compliance/kyc', { ...initiation, document_type: PERSON.email.repeat(20) })
      await call('GET', `/compliance/kyc?status=${QUERY_CANARY}`)
      await call('GET', `/compliance/kyc/${QUERY_CANARY}`)
      await call('GET', '/compliance/kyc', undefined, { authorization: `Bearer ${QUERY_CANARY}` })
      await call('POST', `${path}/approve`, { comment: PERSON.email })
      await call('PUT', `${path}/claim`, { kyc_claim_id: '1', kyc_claim_tx_hash: '2' })
      stage.persona.fake.fail({ kind: 'server_error', times: 3 })
      await call('POST', '/compliance/kyc', { ...initiation, user_id: 'user_canary_2' })
      const { case_id: secondId } = await call('POST', '/compliance/kyc', { ...initiation, user_id: 'user_canary_2' })
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

function find(needles: readonly string[], haystack: string): string[] {
  return needles.filter((needle) => haystack.includes(needle))
}
