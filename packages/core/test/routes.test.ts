import { describe, expect, it } from 'vitest'
import { PersonaApiError } from '../src/persona-error.js'
import { after, START } from './test-engine.js'
import { CASE_PATH, createTestHandler } from './test-handler.js'

const BODY = { user_id: 'user_1', document_type: 'passport' }
const CLAIM = { kyc_claim_id: `0x${'ab'.repeat(32)}`, kyc_claim_tx_hash: `0x${'cd'.repeat(32)}` }
const APPROVED = { id: 'evt_1', status: 'approved', createdAt: after(1) }

async function startVerified() {
  const test = createTestHandler()
  const caseId = await test.initiate()
  await test.deliverEvent(APPROVED)
  return { ...test, caseId }
}

describe('POST /compliance/kyc', () => {
  it('is 201 with a new case, and 200 with the open one', async () => {
    const { call } = createTestHandler()
    const created = await call('POST', CASE_PATH, BODY)
    expect(created.status).toBe(201)
    expect(created.json).toEqual({
      case_id: expect.any(String),
      persona_inquiry_id: 'inq_1',
      persona_session_token: expect.any(String),
      status: 'pending',
    })
    const again = await call('POST', CASE_PATH, BODY)
    expect(again.status).toBe(200)
    expect(again.json).toEqual(created.json)
  })

  it('passes on what the app tells of the person', async () => {
    const { call, engine } = createTestHandler()
    const more = { document_data: { number: 'X' }, personal_info: { 'name-first': 'Ada', deep: { a_b: [1] } } }
    const { json } = await call('POST', CASE_PATH, { ...BODY, ...more })
    expect(await engine.readPersonalData(String(json.case_id))).toEqual({
      documentData: more.document_data,
      personalInfo: more.personal_info,
    })
  })

  it('answers the same for the same Idempotency-Key, also when the case is closed', async () => {
    const { call, deliverEvent } = createTestHandler()
    const headers = { 'idempotency-key': 'request-1' }
    const first = await call('POST', CASE_PATH, BODY, headers)
    await deliverEvent(APPROVED)
    const again = await call('POST', CASE_PATH, BODY, headers)
    expect(again.status).toBe(200)
    expect(again.json).toEqual({ ...first.json, status: 'verified', persona_session_token: null })
  })

  it.each<[string, unknown, string, string]>([
    ['no user', { document_type: 'passport' }, '/user_id', 'invalid_type'],
    ['an empty user', { ...BODY, user_id: '' }, '/user_id', 'too_small'],
    ['a user that is too long', { ...BODY, user_id: 'x'.repeat(256) }, '/user_id', 'too_big'],
    ['no document type', { user_id: 'user_1' }, '/document_type', 'invalid_type'],
    ['a document type that is too long', { ...BODY, document_type: 'x'.repeat(65) }, '/document_type', 'too_big'],
    ['personal info that is a list', { ...BODY, personal_info: [] }, '/personal_info', 'invalid_type'],
    ['document data that is null', { ...BODY, document_data: null }, '/document_data', 'invalid_type'],
    ['a member that is unknown', { ...BODY, userId: 'canary-9f31c7' }, '', 'unrecognized_keys'],
    ['a list', [BODY], '', 'invalid_type'],
  ])('is 400 for %s, and says where', async (_name, body, pointer, code) => {
    const { call, persona } = createTestHandler()
    const { status, json, text } = await call('POST', CASE_PATH, body)
    expect(status).toBe(400)
    expect(json).toMatchObject({ code: 'invalid_request', errors: expect.arrayContaining([{ pointer, code }]) })
    expect(text).not.toContain('canary')
    expect(persona.calls.create).not.toHaveBeenCalled()
  })

  it.each(['', '{', 'canary-9f31c7', '\u0000'])('is 400 for what is no JSON: %j', async (body) => {
    const { call } = createTestHandler()
    const { status, json, text } = await call('POST', CASE_PATH, body)
    expect([status, json.code]).toEqual([400, 'invalid_json'])
    expect(text).not.toContain('canary')
  })

  it('is 400 for an Idempotency-Key that is empty or too long', async () => {
    const { call } = createTestHandler()
    for (const key of ['', 'x'.repeat(256)]) {
      expect((await call('POST', CASE_PATH, BODY, { 'idempotency-key': key })).status).toBe(400)
    }
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonx',
    'text/json',
    '',
  ])('is 415 for %j', async (type) => {
    const { call } = createTestHandler()
    expect((await call('POST', CASE_PATH, BODY, { 'content-type': type })).status).toBe(415)
  })

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json'])(
    'takes %s',
    async (type) => {
      const { call } = createTestHandler()
      expect((await call('POST', CASE_PATH, BODY, { 'content-type': type })).status).toBe(201)
    },
  )

  it('is 413 for a body above 64 KiB', async () => {
    const { call } = createTestHandler()
    const { status, json } = await call('POST', CASE_PATH, { ...BODY, personal_info: { a: 'x'.repeat(65_536) } })
    expect([status, json.code]).toEqual([413, 'body_too_large'])
  })

  it('is 503 while Persona is down, and says when to come again', async () => {
    const { call, persona } = createTestHandler()
    persona.calls.create.mockRejectedValueOnce(new PersonaApiError('persona_unreachable'))
    const { status, json, headers } = await call('POST', CASE_PATH, BODY)
    expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'persona_unavailable', '5'])
    expect((await call('POST', CASE_PATH, BODY)).status).toBe(200)
  })
})

describe('GET /compliance/kyc/:case_id', () => {
  it('is the case, with its session token while it is pending', async () => {
    const { call, initiate } = createTestHandler()
    const caseId = await initiate()
    const { status, json } = await call('GET', `${CASE_PATH}/${caseId}`)
    expect(status).toBe(200)
    expect(json).toEqual({
      case_id: caseId,
      ...BODY,
      status: 'pending',
      revision: 0,
      verification_score: null,
      persona_inquiry_id: 'inq_1',
      persona_session_token: expect.any(String),
      persona_status: 'created',
      kyc_claim_id: null,
      kyc_claim_tx_hash: null,
      created_at: after(0),
      updated_at: after(0),
      verified_at: null,
      erased_at: null,
    })
  })

  it('is without a session token once it is decided', async () => {
    const { call, caseId } = await startVerified()
    const { json } = await call('GET', `${CASE_PATH}/${caseId}`)
    expect(json).toMatchObject({ status: 'verified', revision: 1, verification_score: 1, verified_at: after(1) })
    expect(json).not.toHaveProperty('persona_session_token')
  })

  it('is 404 for a case that nobody knows', async () => {
    const { call } = createTestHandler()
    const { status, json, text } = await call('GET', `${CASE_PATH}/canary-9f31c7`)
    expect([status, json.code]).toEqual([404, 'case_not_found'])
    expect(text).not.toContain('canary')
  })
})

describe('GET /compliance/kyc', () => {
  it('pages through the cases, without session tokens', async () => {
    const { call, initiate, clock } = createTestHandler()
    for (const user of ['a', 'b', 'c']) {
      clock.ms += 1000
      await initiate(user)
    }
    const first = await call('GET', `${CASE_PATH}?limit=2`)
    expect(first.json.cases).toMatchObject([{ user_id: 'a' }, { user_id: 'b' }])
    const after = encodeURIComponent(String(first.json.next_after))
    const rest = await call('GET', `${CASE_PATH}?limit=2&after=${after}`)
    expect(rest.json).toMatchObject({ cases: [{ user_id: 'c' }], next_after: null })
    expect(first.text + rest.text).not.toContain('persona_session_token')
  })

  it('filters by state and claim', async () => {
    const { call, caseId } = await startVerified()
    expect((await call('GET', `${CASE_PATH}?status=verified&claim=missing`)).json.cases).toMatchObject([
      { case_id: caseId },
    ])
    expect((await call('GET', `${CASE_PATH}?status=rejected`)).json.cases).toEqual([])
    expect((await call('GET', `${CASE_PATH}?claim=present`)).json.cases).toEqual([])
  })

  it('lists the cases that have a claim and are no longer verified as stale', async () => {
    const { call, deliverEvent, caseId } = await startVerified()
    await call('PUT', `${CASE_PATH}/${caseId}/claim`, CLAIM)
    expect((await call('GET', `${CASE_PATH}?claim=stale`)).json.cases).toEqual([])
    await deliverEvent({ id: 'evt_2', status: 'declined', createdAt: after(2) })
    const { json } = await call('GET', `${CASE_PATH}?claim=stale`)
    expect(json.cases).toMatchObject([{ case_id: caseId, status: 'rejected', revision: 2, ...CLAIM }])
    expect((await call('GET', `${CASE_PATH}?claim=stale&status=verified`)).json.cases).toEqual([])
  })

  it.each([
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=1.5', '/limit'],
    ['limit=canary', '/limit'],
    ['limit=', '/limit'],
    ['status=canary', '/status'],
    ['status=', '/status'],
    ['claim=canary', '/claim'],
    ['after=', '/after'],
    ['canary=1', ''],
    ['__proto__=1', ''],
    ['constructor=1', ''],
  ])('is 400 for ?%s', async (query, pointer) => {
    const { call } = createTestHandler()
    const { status, json, text } = await call('GET', `${CASE_PATH}?${query}`)
    expect(status).toBe(400)
    expect(json.errors).toMatchObject([{ pointer }])
    expect(text).not.toContain('canary')
  })
})

describe('PUT /compliance/kyc/:case_id/claim', () => {
  it('is 200, also for the same claim again in upper case', async () => {
    const { call, caseId } = await startVerified()
    const path = `${CASE_PATH}/${caseId}/claim`
    const upper = { ...CLAIM, kyc_claim_id: `0x${'AB'.repeat(32)}` }
    for (const body of [CLAIM, CLAIM, upper]) {
      const { status, json } = await call('PUT', path, body)
      expect(status).toBe(200)
      expect(json).toMatchObject({ case_id: caseId, status: 'verified', ...CLAIM })
    }
    const { status, json } = await call('PUT', path, { ...CLAIM, kyc_claim_id: '0x01' })
    expect([status, json.code]).toEqual([409, 'claim_conflict'])
  })

  it('is 409 for a case that is not verified, and 404 for one that nobody knows', async () => {
    const { call, initiate } = createTestHandler()
    const pending = await call('PUT', `${CASE_PATH}/${await initiate()}/claim`, CLAIM)
    expect([pending.status, pending.json.code]).toEqual([409, 'case_not_verified'])
    expect((await call('PUT', `${CASE_PATH}/nobody/claim`, CLAIM)).status).toBe(404)
  })

  it('is 400 for half a claim', async () => {
    const { call, caseId } = await startVerified()
    const { status, json } = await call('PUT', `${CASE_PATH}/${caseId}/claim`, { kyc_claim_id: '0x01' })
    expect(status).toBe(400)
    expect(json.errors).toEqual([{ pointer: '/kyc_claim_tx_hash', code: 'invalid_type' }])
  })
})

describe('DELETE /compliance/kyc/:case_id/claim', () => {
  const QUERY = `?${new URLSearchParams(CLAIM)}`

  async function startClaimed() {
    const test = await startVerified()
    await test.call('PUT', `${CASE_PATH}/${test.caseId}/claim`, CLAIM)
    return { ...test, path: `${CASE_PATH}/${test.caseId}/claim` }
  }

  it('is 200 with the case, also again and in upper case', async () => {
    const { call, path, caseId } = await startClaimed()
    for (const query of [QUERY.toUpperCase().replace(/KYC_\w+/g, (name) => name.toLowerCase()), QUERY, QUERY]) {
      const { status, json } = await call('DELETE', path + query)
      expect(status).toBe(200)
      expect(json).toMatchObject({ case_id: caseId, status: 'verified', kyc_claim_id: null, kyc_claim_tx_hash: null })
    }
  })

  it('works whatever the status, and a case that is verified anew takes another claim', async () => {
    const { call, deliverEvent, path } = await startClaimed()
    await deliverEvent({ id: 'evt_2', status: 'declined', createdAt: after(2) })
    const cleared = await call('DELETE', path + QUERY)
    expect(cleared.json).toMatchObject({ status: 'rejected', revision: 2, kyc_claim_id: null })
    await deliverEvent({ id: 'evt_3', status: 'approved', createdAt: after(3) })
    const other = { kyc_claim_id: '0x01', kyc_claim_tx_hash: '0x02' }
    expect((await call('PUT', path, other)).json).toMatchObject({ status: 'verified', revision: 3, ...other })
  })

  it('is 409 for another claim than the case has, which stays, and 404 for a case that nobody knows', async () => {
    const { call, path, caseId } = await startClaimed()
    for (const name of ['kyc_claim_id', 'kyc_claim_tx_hash']) {
      const query = new URLSearchParams({ ...CLAIM, [name]: '0x01' })
      const { status, json } = await call('DELETE', `${path}?${query}`)
      expect([status, json.code]).toEqual([409, 'claim_conflict'])
    }
    expect((await call('GET', `${CASE_PATH}/${caseId}`)).json).toMatchObject(CLAIM)
    const unknown = await call('DELETE', `${CASE_PATH}/nobody/claim${QUERY}`)
    expect([unknown.status, unknown.json.code]).toEqual([404, 'case_not_found'])
  })

  it.each([
    ['', '/kyc_claim_id'],
    ['?kyc_claim_id=0x01', '/kyc_claim_tx_hash'],
    ['?kyc_claim_tx_hash=0x01', '/kyc_claim_id'],
    ['?kyc_claim_id=&kyc_claim_tx_hash=0x01', '/kyc_claim_id'],
    [`?kyc_claim_id=0x01&kyc_claim_tx_hash=${'c'.repeat(129)}`, '/kyc_claim_tx_hash'],
    ['?kyc_claim_id=%00canary&kyc_claim_tx_hash=0x01', '/kyc_claim_id'],
    [`${QUERY}&canary=1`, ''],
    [`${QUERY}&kyc_claim_id=`, '/kyc_claim_id'],
  ])('is 400 for %j, and the claim stays', async (query, pointer) => {
    const { call, path, caseId } = await startClaimed()
    const { status, json, text } = await call('DELETE', path + query)
    expect(status).toBe(400)
    expect(json.errors).toContainEqual({ pointer, code: expect.any(String) })
    expect(text).not.toContain('canary')
    expect((await call('GET', `${CASE_PATH}/${caseId}`)).json).toMatchObject(CLAIM)
  })

  it('takes the claim from the query only', async () => {
    const { call, path } = await startClaimed()
    expect((await call('DELETE', path, CLAIM)).status).toBe(400)
  })
})

describe('DELETE /compliance/kyc/:case_id', () => {
  it('erases the case, and can be called again', async () => {
    const { call, initiate, persona } = createTestHandler()
    const path = `${CASE_PATH}/${await initiate()}`
    for (let times = 0; times < 2; times++) {
      const { status, json } = await call('DELETE', path)
      expect(status).toBe(200)
      expect(json).toMatchObject({ erased_at: new Date(START).toISOString() })
    }
    expect(persona.calls.redact).toHaveBeenCalledOnce()
    const resume = await call('POST', `${path}/resume`)
    expect([resume.status, resume.json.code]).toEqual([409, 'case_erased'])
    expect((await call('DELETE', `${CASE_PATH}/nobody`)).status).toBe(404)
  })
})
