import { createShortEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVERS, type ServerProcess, startServer } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

const IDENTITY_SERVICE_TOKEN = 'identity-token-canary-0123456789'
const CASES = '/compliance/kyc'

describe.each(SERVERS)('IDENTITY_SERVICE_TOKEN of %s', (name) => {
  let stage: Stage
  let server: ServerProcess

  beforeAll(async () => {
    stage = await createStage()
    server = await startServer(name, { ...stage.environment, IDENTITY_SERVICE_TOKEN })
  })
  afterAll(async () => {
    await server?.stop()
    await stage?.close()
  })

  const callAsService = (method: string, path: string, body?: unknown) =>
    server.call(method, path, body, { authorization: `Bearer ${IDENTITY_SERVICE_TOKEN}` })

  it('reads verified cases and writes their claims, and nothing else', async () => {
    const initiation = { user_id: 'user_1', document_type: 'passport' }
    const { case_id: caseId, persona_inquiry_id: inquiryId } = (await server.call('POST', CASES, initiation)).json
    expect((await callAsService('POST', CASES, initiation)).status).toBe(403)
    expect((await callAsService('GET', CASES)).status).toBe(403)
    expect((await callAsService('GET', `${CASES}/${caseId}`)).json.code).toBe('case_not_found')

    const event = createShortEvent({ type: 'inquiry.completed', inquiryId, status: 'completed', referenceId: caseId })
    await deliver(server, JSON.stringify(event))
    const { json: list } = await callAsService('GET', `${CASES}?status=verified&claim=missing`)
    expect(list.cases).toMatchObject([{ case_id: caseId, status: 'verified' }])

    const claim = { kyc_claim_id: '0xaa', kyc_claim_tx_hash: '0xbb' }
    expect((await callAsService('PUT', `${CASES}/${caseId}/claim`, claim)).json).toMatchObject(claim)
    expect((await callAsService('DELETE', `${CASES}/${caseId}`)).status).toBe(403)
    expect(server.output()).not.toContain(IDENTITY_SERVICE_TOKEN)
  })
})
