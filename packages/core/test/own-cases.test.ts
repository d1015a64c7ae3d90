import { describe, expect, it, vi } from 'vitest'
import { type Authorize, combineAuthorize } from '../src/authorize.js'
import { createBearerAuthorize, hashToken } from '../src/bearer-authorize.js'
import { limitToOwn } from '../src/own-cases.js'
import { HttpError } from '../src/problem.js'
import { ROUTES } from '../src/routes.js'
import { USER_SCOPES } from '../src/scopes.js'
import { toRejection } from './canaries.js'
import { createPlainHandler, KYC } from './plain-handler.js'
import { after, createTestEngine } from './test-engine.js'

const TOKEN = 'user-0123456789abcdef'
const CLAIM = { kyc_claim_id: '0x01', kyc_claim_tx_hash: '0x02' }

/**
 * What a caller who may see their own cases is answered on each route: about a pending case of theirs, a verified one,
 * one of somebody else, and one that nobody knows. A new route must be decided here.
 */
const EXPECTED: Record<string, [pending: number, verified: number, others: number, unknown: number]> = {
  'POST /compliance/kyc': [200, 201, 403, 403],
  'GET /compliance/kyc': [403, 403, 403, 403],
  'GET /compliance/kyc/:case_id': [200, 200, 404, 404],
  'PUT /compliance/kyc/:case_id/claim': [403, 403, 403, 403],
  'DELETE /compliance/kyc/:case_id/claim': [403, 403, 403, 403],
  'POST /compliance/kyc/:case_id/resume': [200, 409, 404, 404],
  'POST /compliance/kyc/:case_id/approve': [403, 403, 403, 403],
  'POST /compliance/kyc/:case_id/decline': [403, 403, 403, 403],
  'POST /compliance/kyc/:case_id/mark-for-review': [403, 403, 403, 403],
  'GET /compliance/kyc/:case_id/events': [403, 403, 403, 403],
  'GET /compliance/events': [403, 403, 403, 403],
  'GET /compliance/audit': [403, 403, 403, 403],
  'DELETE /compliance/kyc/:case_id': [403, 403, 403, 403],
  'POST /webhooks/persona/inquiry': [401, 401, 401, 401],
  'GET /webhooks/persona/health': [200, 200, 200, 200],
  'GET /compliance/openapi.json': [403, 403, 403, 403],
}
const KEYS = Object.keys(EXPECTED)

const own: Authorize = () => ({ principal: 'page', cases: 'own', userId: 'user_1' })

/** An engine with the cases of user_1, pending or as the events say, and of user_2; and calls by user_1. */
async function start(authorize: Authorize = own, statuses: readonly string[] = []) {
  const test = createPlainHandler({ authorize })
  const open = async (userId: string) =>
    (await test.engine.initiateKyc({ userId, documentType: 'passport' })).kycCase.id
  const [ownId, othersId] = [await open('user_1'), await open('user_2')]
  for (const [index, status] of statuses.entries()) {
    await test.deliver({ id: `evt_${index}`, status, createdAt: after(index + 1) })
  }
  const headers = { authorization: `Bearer ${TOKEN}` }
  const callRoute = (key: string, caseId: string, userId = 'user_1', method = key.split(' ')[0] ?? '') => {
    const query = key === 'DELETE /compliance/kyc/:case_id/claim' ? `?${new URLSearchParams(CLAIM)}` : ''
    const bodies: Record<string, object> = {
      'POST /compliance/kyc': { user_id: userId, document_type: 'passport' },
      'PUT /compliance/kyc/:case_id/claim': CLAIM,
    }
    const body = bodies[key] === undefined ? {} : { body: bodies[key] }
    return test.call(method, `${(key.split(' ')[1] ?? '').replace(':case_id', caseId)}${query}`, { headers, ...body })
  }
  return { ...test, ownId, othersId, callRoute }
}

type Answer = Awaited<ReturnType<Awaited<ReturnType<typeof start>>['callRoute']>>
const toText = ({ status, text, headers }: Answer) => JSON.stringify([status, text, [...headers]])

describe('a caller who may see their own cases', () => {
  it('has an answer that was decided on every route', () => {
    const keys = [...ROUTES.map(({ method, path }) => `${method} ${path}`), 'GET /compliance/openapi.json']
    expect([...KEYS].sort()).toEqual(keys.sort())
  })

  it.each(Object.entries(EXPECTED))('is answered %s as decided: %j', async (key, expected) => {
    const pending = await start()
    const verified = await start(own, ['approved'])
    expect([
      (await pending.callRoute(key, pending.ownId)).status,
      (await verified.callRoute(key, verified.ownId)).status,
      (await pending.callRoute(key, pending.othersId, 'user_2')).status,
      (await pending.callRoute(key, crypto.randomUUID(), 'nobody')).status,
    ]).toEqual(expected)
  })

  it.each(KEYS.filter((key) => key.startsWith('GET ')))('is answered the HEAD of %s as its GET', async (key) => {
    const { callRoute, ownId, othersId } = await start()
    const [pending, , others] = EXPECTED[key] ?? []
    for (const [caseId, status] of [
      [ownId, pending],
      [othersId, others],
    ] as const) {
      expect(await callRoute(key, caseId, 'user_1', 'HEAD')).toMatchObject({ status, text: '' })
    }
  })

  it.each(KEYS.filter((key) => key.includes(':case_id')))('cannot tell another’s case from none by %s', async (key) => {
    for (const statuses of [[], ['approved']]) {
      const { callRoute, othersId } = await start(own, statuses)
      const unknown = await callRoute(key, crypto.randomUUID())
      expect(toText(await callRoute(key, othersId))).toBe(toText(unknown))
      expect(toText(await callRoute(key, 'nobody'))).toBe(toText(unknown))
    }
  })

  it.each(KEYS.filter((key) => key !== 'GET /webhooks/persona/health'))(
    'changes nothing of others by %s, here or at Persona',
    async (key) => {
      const { callRoute, othersId, storage, persona } = await start()
      const before = await storage.getCase(othersId)
      const writes = Object.keys(storage).filter((name) => !/^(get|list|read|appendAudit$|watch|ping)/.test(name))
      const spies = writes.map((name) => vi.spyOn(storage, name as 'getCase'))
      for (const call of Object.values(persona.calls)) call.mockClear()
      const { text } = await callRoute(key, othersId, 'user_2')
      expect(text).not.toContain('user_2')
      for (const spy of [...spies, ...Object.values(persona.calls)]) expect(spy).not.toHaveBeenCalled()
      expect(await storage.getCase(othersId)).toEqual(before)
    },
  )

  it.each<[string, readonly string[], string, number]>([
    ['pending', [], 'pending', 200],
    ['rejected', ['declined'], 'rejected', 409],
    ['in review', ['needs_review'], 'review', 409],
    ['verified', ['approved'], 'verified', 409],
    ['expired', ['expired'], 'pending', 200],
    ['verified no more', ['approved', 'declined'], 'rejected', 409],
  ])('sees a case of theirs that is %s', async (_name, statuses, status, resumed) => {
    const { callRoute, ownId, persona } = await start(own, statuses)
    const last = statuses.at(-1)
    if (last !== undefined) persona.change('inq_1', { status: last })
    const { json } = await callRoute('GET /compliance/kyc/:case_id', ownId)
    expect(json).toMatchObject({ case_id: ownId, user_id: 'user_1', status })
    expect('persona_session_token' in json).toBe(status === 'pending' && last === undefined)
    expect((await callRoute('POST /compliance/kyc/:case_id/resume', ownId)).status).toBe(resumed)
  })

  it('sees a case of theirs that is erased, without what was erased', async () => {
    const { callRoute, ownId, engine } = await start()
    await engine.eraseCase(ownId)
    const { status, json } = await callRoute('GET /compliance/kyc/:case_id', ownId)
    expect([status, json.case_id]).toEqual([200, ownId])
    expect(json).not.toHaveProperty('persona_session_token')
  })

  it('starts a verification of themselves, goes on with it, and starts none of anybody else', async () => {
    const { call, storage, persona } = createPlainHandler({ authorize: own })
    const initiate = (user_id: unknown) => call('POST', KYC, { body: { user_id, document_type: 'passport' } })
    expect((await initiate('user_1')).status).toBe(201)
    const again = await initiate('user_1')
    expect([again.status, again.json.status]).toEqual([200, 'pending'])
    const createCase = vi.spyOn(storage, 'createCase')
    persona.calls.create.mockClear()
    for (const other of ['user_2', 'USER_1', ' user_1', 'user_1 ', 'user_1\u200b', 'user', '*']) {
      const { status, json } = await initiate(other)
      expect([other, status, json.code]).toEqual([other, 403, 'forbidden'])
    }
    for (const none of ['', 1, null, ['user_1'], { 0: 'user_1' }]) expect((await initiate(none)).status).toBe(400)
    expect(createCase).not.toHaveBeenCalled()
    expect(persona.calls.create).not.toHaveBeenCalled()
  })

  it('starts a verification of whom the body names last, whatever it names before', async () => {
    const { call } = createPlainHandler({ authorize: own })
    const body = (first: string, last: string) =>
      `{"user_id":"${first}","user_id":"${last}","document_type":"passport"}`
    expect((await call('POST', KYC, { body: body('user_1', 'user_2') })).status).toBe(403)
    const { status, json } = await call('POST', KYC, { body: body('user_2', 'user_1') })
    expect(status).toBe(201)
    const seen = await call('GET', `${KYC}/${json.case_id}`)
    expect(seen.json.user_id).toBe('user_1')
  })

  it('gets no case of another by the Idempotency-Key of that', async () => {
    const { engine, call } = createPlainHandler({ authorize: own })
    const { kycCase } = await engine.initiateKyc({
      userId: 'user_2',
      documentType: 'passport',
      idempotencyKey: 'key-1',
    })
    const headers = { 'idempotency-key': 'key-1' }
    const { status, json } = await call('POST', KYC, {
      headers,
      body: { user_id: 'user_1', document_type: 'passport' },
    })
    expect(status).toBe(201)
    expect(json.case_id).not.toBe(kycCase.id)
  })

  it.each(['user_10', 'user', 'USER_1', 'user_1 ', ' user_1', 'üser_1'])(
    'sees no case of somebody whose name is nearly theirs: %j',
    async (userId) => {
      const { engine, call } = createPlainHandler({ authorize: own })
      const { kycCase } = await engine.initiateKyc({ userId, documentType: 'passport' })
      expect((await call('GET', `${KYC}/${kycCase.id}`)).status).toBe(404)
      expect((await call('POST', `${KYC}/${kycCase.id}/resume`)).status).toBe(404)
    },
  )

  it('may be one with a token of USER_SCOPES, beside tokens of the app', async () => {
    const token = { principal: 'page', userId: 'user_1', hash: await hashToken(TOKEN), scopes: USER_SCOPES }
    const app = createBearerAuthorize({ tokens: 'token-0123456789abcdef' })
    const { callRoute, ownId, othersId } = await start(
      combineAuthorize(app, createBearerAuthorize({ tokens: [token] })),
    )
    const ask = async (key: string, caseId: string) => (await callRoute(key, caseId)).status
    expect(await ask('GET /compliance/kyc/:case_id', ownId)).toBe(200)
    expect(await ask('GET /compliance/kyc/:case_id', othersId)).toBe(404)
    expect(await ask('POST /compliance/kyc/:case_id/resume', ownId)).toBe(200)
    expect(await ask('POST /compliance/kyc', ownId)).toBe(403)
  })
})

describe('limitToOwn', () => {
  async function limit() {
    const { engine } = createTestEngine()
    const open = async (userId: string) => (await engine.initiateKyc({ userId, documentType: 'passport' })).kycCase
    const calls = { ...engine, initiateKyc: vi.fn(engine.initiateKyc), resumeCase: vi.fn(engine.resumeCase) }
    return { ownCase: await open('user_1'), others: await open('user_2'), calls, limited: limitToOwn(calls, 'user_1') }
  }

  it('gives what the engine gives of own cases', async () => {
    const { limited, ownCase, calls } = await limit()
    expect(await limited.getCase(ownCase.id)).toEqual(ownCase)
    expect((await limited.resumeCase(ownCase.id)).id).toBe(ownCase.id)
    const options = { userId: 'user_1', documentType: 'passport', personalInfo: { a: 1 }, idempotencyKey: 'k' }
    expect((await limited.initiateKyc(options)).kycCase.id).toBe(ownCase.id)
    expect(calls.initiateKyc).toHaveBeenCalledExactlyOnceWith(options)
  })

  it('rejects for other cases as for none, and asks the engine for nothing', async () => {
    const { limited, others, calls } = await limit()
    for (const ask of [limited.getCase, limited.resumeCase]) {
      expect(await toRejection(ask(others.id))).toEqual(await toRejection(ask('nobody')))
      await expect(ask(others.id)).rejects.toMatchObject({ code: 'case_not_found' })
    }
    expect(calls.resumeCase).not.toHaveBeenCalled()
    const error = await toRejection(limited.initiateKyc({ userId: 'user_2', documentType: 'passport' }))
    expect(error instanceof HttpError && error.problem.code).toBe('forbidden')
    expect(calls.initiateKyc).not.toHaveBeenCalled()
  })

  it('gives nothing else of the engine', async () => {
    const { limited } = await limit()
    expect(Object.keys(limited).sort()).toEqual(['getCase', 'initiateKyc', 'resumeCase'])
  })
})
