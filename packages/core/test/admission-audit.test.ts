import { describe, expect, it, vi } from 'vitest'
import { createDeferred } from '../../../test-setup/deferred.js'
import type { Authorization } from '../src/authorize.js'
import { StorageError } from '../src/errors.js'
import { ROUTES, type Route } from '../src/routes.js'
import { expectNoCanary } from './canaries.js'
import { createPlainHandler, HEALTH, KYC, WEBHOOK } from './plain-handler.js'
import { after, START } from './test-engine.js'

const CANARY = 'ada.lovelace@example.com'
const CLAIM = { kyc_claim_id: '0x01', kyc_claim_tx_hash: '0x02' }
const INITIATION = { user_id: 'user_9', document_type: 'passport' }
const UNKNOWN_ID = '504e4a9e-beab-4149-9c61-1d264ff02182'

/** Every route that is closed; the description is no other route's to describe. */
const CLOSED: Pick<Route, 'method' | 'path' | 'action'>[] = [
  ...ROUTES.filter(({ action, isOpen }) => action !== null && isOpen !== true),
  { method: 'GET', path: '/compliance/openapi.json', action: 'openapi:read' },
]
const NAMED = CLOSED.map((route) => ({ ...route, key: `${route.method} ${route.path}` }))

const BODIES: Record<string, object> = {
  'POST /compliance/kyc': INITIATION,
  'PUT /compliance/kyc/:case_id/claim': CLAIM,
}
const QUERIES: Record<string, string> = {
  'GET /compliance/kyc': '?status=verified',
  'DELETE /compliance/kyc/:case_id/claim': `?${new URLSearchParams(CLAIM)}`,
}

/** A verified case of user_1 that has a claim, and calls to a route about it or another. */
async function start(answer: Authorization = { principal: 'ops_7' }) {
  const test = createPlainHandler()
  test.authorize.mockReturnValue(answer)
  const { kycCase } = await test.engine.initiateKyc({ userId: 'user_1', documentType: 'passport' })
  await test.deliver({ status: 'approved', createdAt: after(1) })
  const callKey = (key: string, caseId = kycCase.id, method = key.split(' ')[0] ?? '') => {
    const path = (key.split(' ')[1] ?? '').replace(':case_id', caseId)
    const body = BODIES[key] === undefined ? {} : { body: BODIES[key] }
    return test.call(method, path + (QUERIES[key] ?? ''), body)
  }
  const listEntries = async () => (await test.engine.listAudit({ limit: 500 })).items
  return { ...test, caseId: kycCase.id, callKey, listEntries }
}

describe('the audit trail', () => {
  it.each(NAMED)('has one entry for $key that is allowed', async ({ key, path, action }) => {
    const { callKey, listEntries, caseId } = await start()
    const { status } = await callKey(key)
    expect([401, 403]).not.toContain(status)
    expect(await listEntries()).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        principal: 'ops_7',
        action,
        route: key,
        verdict: 'allowed',
        caseId: path.includes(':case_id') ? caseId : null,
        decidedAt: new Date(START),
      },
    ])
  })

  it.each(NAMED)('has one entry for $key that is forbidden', async ({ key, path, action }) => {
    for (const [answer, principal] of [
      ['forbidden', null],
      [{ principal: 'ops_7', cases: 'none' }, 'ops_7'],
    ] as const) {
      const { callKey, listEntries, caseId } = await start(answer)
      expect((await callKey(key)).status).toBe(403)
      const entry = { principal, action, route: key, verdict: 'forbidden' }
      expect(await listEntries()).toMatchObject([{ ...entry, caseId: path.includes(':case_id') ? caseId : null }])
    }
  })

  it.each<[string, Authorization, string]>([
    ['is not theirs', { principal: 'page', cases: 'own', userId: 'user_2' }, 'GET /compliance/kyc/:case_id'],
    [
      'is not theirs to resume',
      { principal: 'page', cases: 'own', userId: 'user_2' },
      'POST /compliance/kyc/:case_id/resume',
    ],
  ])('has an entry for a case that %s: it is hidden', async (_name, answer, key) => {
    const { callKey, listEntries, caseId, clock } = await start(answer)
    expect((await callKey(key)).status).toBe(404)
    clock.ms += 1
    expect((await callKey(key, UNKNOWN_ID)).status).toBe(404)
    expect(await listEntries()).toEqual([
      expect.objectContaining({ principal: 'page', route: key, verdict: 'hidden', caseId }),
      expect.objectContaining({ principal: 'page', route: key, verdict: 'hidden', caseId: UNKNOWN_ID }),
    ])
  })

  it('has an entry for a case that is not claimable: it is hidden', async () => {
    const { call, engine, authorize, listEntries } = await start()
    const { kycCase } = await engine.initiateKyc({ userId: 'user_3', documentType: 'passport' })
    authorize.mockReturnValue({ principal: 'identity', cases: 'claimable' })
    expect((await call('GET', `${KYC}/${kycCase.id}`)).status).toBe(404)
    expect((await call('PUT', `${KYC}/${kycCase.id}/claim`, { body: CLAIM })).status).toBe(404)
    expect((await call('GET', KYC)).status).toBe(403)
    const entries = (await listEntries()).map(({ route, verdict, caseId }) => [route, verdict, caseId])
    expect(entries.sort()).toEqual([
      ['GET /compliance/kyc', 'forbidden', null],
      ['GET /compliance/kyc/:case_id', 'hidden', kycCase.id],
      ['PUT /compliance/kyc/:case_id/claim', 'hidden', kycCase.id],
    ])
  })

  it('has an entry for a case that is hidden also where the request cannot be read, which is answered as the rest', async () => {
    const { call, engine, authorize, listEntries } = await start({ principal: 'identity', cases: 'claimable' })
    const { kycCase } = await engine.initiateKyc({ userId: 'user_3', documentType: 'passport' })
    for (const body of ['{', '{}', 'x'.repeat(100_000)]) {
      expect((await call('PUT', `${KYC}/${kycCase.id}/claim`, { body })).status).toBe(404)
    }
    expect((await call('DELETE', `${KYC}/${kycCase.id}/claim`)).status).toBe(404)
    expect((await listEntries()).map(({ verdict }) => verdict)).toEqual(Array(4).fill('hidden'))
    authorize.mockReturnValue({ principal: 'app' })
    expect((await call('PUT', `${KYC}/${kycCase.id}/claim`, { body: '{' })).status).toBe(400)
  })

  it('tells the verification of oneself from that of another', async () => {
    const { authorize, callKey, listEntries } = await start()
    for (const userId of ['user_9', 'user_1']) {
      authorize.mockReturnValue({ principal: userId, cases: 'own', userId })
      await callKey('POST /compliance/kyc')
    }
    const entries = (await listEntries()).map(({ principal, verdict }) => [principal, verdict])
    expect(entries.sort()).toEqual([
      ['user_1', 'forbidden'],
      ['user_9', 'allowed'],
    ])
  })

  it('names a HEAD by the route that answers it', async () => {
    const { callKey, listEntries } = await start()
    await callKey('GET /compliance/kyc/:case_id', undefined, 'HEAD')
    expect(await listEntries()).toMatchObject([{ route: 'GET /compliance/kyc/:case_id', verdict: 'allowed' }])
  })

  it('has an entry of each of 50 requests at once, each with an id of its own', async () => {
    const { callKey, listEntries } = await start()
    await Promise.all(Array.from({ length: 50 }, () => callKey('GET /compliance/kyc/:case_id')))
    expect(new Set((await listEntries()).map(({ id }) => id)).size).toBe(50)
  })

  it('has an entry of a decision also where the request fails after it', async () => {
    const { call, listEntries, storage } = await start()
    vi.spyOn(storage, 'createCase').mockRejectedValue(new Error('down'))
    expect((await call('POST', KYC, { body: INITIATION })).status).toBe(500)
    expect((await call('POST', KYC, { body: '{' })).status).toBe(400)
    expect((await call('GET', `${KYC}?limit=0`)).status).toBe(400)
    expect((await listEntries()).map(({ verdict }) => verdict)).toEqual(['allowed', 'allowed', 'allowed'])
  })

  it('has no entry where nobody is known, or authorize fails', async () => {
    const { authorize, callKey, listEntries } = await start()
    const answers = ['unauthenticated', undefined, {}, { principal: '' }, { principal: 'x', cases: 'own' }, 'yes']
    for (const { key } of NAMED) {
      for (const answer of answers) {
        authorize.mockReturnValue(answer as Authorization)
        expect((await callKey(key)).status).toBe(401)
      }
      authorize.mockRejectedValue(new Error('down'))
      expect((await callKey(key)).status).toBe(500)
    }
    expect(await listEntries()).toEqual([])
  })

  it('has no entry of the webhook, the health, or a path or method that is none of ours', async () => {
    const { call, deliverWebhook, listEntries } = await start()
    expect((await deliverWebhook({ id: 'evt_2', createdAt: after(2) })).status).toBe(200)
    expect((await call('POST', WEBHOOK, { body: '{}' })).status).toBe(401)
    expect((await call('GET', HEALTH)).status).toBe(200)
    expect((await call('GET', '/compliance/nothing')).status).toBeNull()
    expect((await call('PATCH', KYC)).status).toBe(405)
    expect((await call('GET', `${KYC}?${'a'.repeat(5000)}`)).status).toBe(414)
    expect(await listEntries()).toEqual([])
  })

  it('has no entry of an initiation by a caller of their own cases that cannot be read', async () => {
    const { call, listEntries } = await start({ principal: 'page', cases: 'own', userId: 'user_1' })
    expect((await call('POST', KYC, { body: '{' })).status).toBe(400)
    expect(await listEntries()).toEqual([])
  })

  it.each([
    CANARY,
    encodeURIComponent(CANARY),
    `${UNKNOWN_ID}x`,
    `x${UNKNOWN_ID}`,
    UNKNOWN_ID.slice(1),
    UNKNOWN_ID.replaceAll('-', ''),
    UNKNOWN_ID.replace('5', 'g'),
    `${UNKNOWN_ID}%0A`,
    `{${UNKNOWN_ID}}`,
    'a'.repeat(300),
    '%00',
  ])('keeps nothing of a path that is no id of ours: %s', async (caseId) => {
    for (const answer of [{ principal: 'ops_7' }, { principal: 'ops_7', cases: 'none' }] as const) {
      const { callKey, listEntries, handlerLogger } = await start(answer)
      for (const { key, path } of NAMED) if (path.includes(':case_id')) await callKey(key, caseId)
      const entries = await listEntries()
      expect(entries.length).toBeGreaterThan(5)
      expect(new Set(entries.map((entry) => entry.caseId))).toEqual(new Set([null]))
      expectNoCanary([entries, handlerLogger.entries], caseId, CANARY)
    }
  })

  it('keeps nothing of a body, a query or a header', async () => {
    const { call, listEntries, handlerLogger } = await start()
    const body = { ...INITIATION, user_id: CANARY, personal_info: { email: CANARY } }
    await call('POST', KYC, { body, headers: { authorization: `Bearer ${CANARY}`, 'idempotency-key': CANARY } })
    await call('GET', `${KYC}?email=${CANARY}`)
    await call('GET', `/compliance/audit?principal=${CANARY}`)
    expectNoCanary([await listEntries(), handlerLogger.entries], CANARY, encodeURIComponent(CANARY))
  })
})

describe('where the audit trail cannot be written', () => {
  const DOWN = new StorageError('storage_unavailable', { problem: 'It is down.', fix: 'Start it.' })

  it.each(NAMED)('$key is a 503, and nothing is read or done', async ({ key }) => {
    for (const answer of [{ principal: 'ops_7' }, 'forbidden'] as const) {
      const { callKey, storage, persona } = await start(answer)
      vi.spyOn(storage, 'appendAudit').mockRejectedValue(DOWN)
      const names = Object.keys(storage).filter((name) => name !== 'appendAudit')
      const spies = names.map((name) => vi.spyOn(storage, name as 'getCase'))
      for (const call of Object.values(persona.calls)) call.mockClear()
      const { status, json, headers } = await callKey(key)
      expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'storage_unavailable', '5'])
      for (const spy of [...spies, ...Object.values(persona.calls)]) expect(spy).not.toHaveBeenCalled()
    }
  })

  it('a case that is hidden is a 503 too, as one that nobody knows', async () => {
    const { callKey, storage } = await start({ principal: 'page', cases: 'own', userId: 'user_2' })
    vi.spyOn(storage, 'appendAudit').mockRejectedValue(DOWN)
    expect((await callKey('GET /compliance/kyc/:case_id')).status).toBe(503)
    expect((await callKey('GET /compliance/kyc/:case_id', UNKNOWN_ID)).status).toBe(503)
  })

  it('a request is a 500 where the storage fails otherwise, and nothing is done', async () => {
    const { callKey, storage, persona } = await start()
    vi.spyOn(storage, 'appendAudit').mockRejectedValue(new Error(CANARY))
    persona.calls.approve.mockClear()
    const { status, text } = await callKey('POST /compliance/kyc/:case_id/approve')
    expect(status).toBe(500)
    expectNoCanary(text, CANARY)
    expect(persona.calls.approve).not.toHaveBeenCalled()
  })

  it('webhooks and the health go on', async () => {
    const { call, deliverWebhook, storage } = await start()
    vi.spyOn(storage, 'appendAudit').mockRejectedValue(DOWN)
    expect((await deliverWebhook({ id: 'evt_2', createdAt: after(2) })).status).toBe(200)
    expect((await call('GET', HEALTH)).status).toBe(200)
  })
})

describe('an entry', () => {
  it.each(NAMED)('is written before $key does anything', async ({ key }) => {
    const { callKey, storage, persona } = await start()
    const written = createDeferred()
    const order: string[] = []
    const append = storage.appendAudit
    vi.spyOn(storage, 'appendAudit').mockImplementation(async (entry) => {
      order.push('asked to write')
      await written.promise
      await append(entry)
      order.push('written')
    })
    for (const name of Object.keys(storage).filter((one) => one !== 'appendAudit') as 'getCase'[]) {
      const original = storage[name]
      vi.spyOn(storage, name).mockImplementation((...given) => {
        order.push(name)
        return original(...given)
      })
    }
    for (const call of Object.values(persona.calls)) call.mockClear()
    const answer = callKey(key)
    // All that does not wait for the entry happens now.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done))
    expect(order).toEqual(['asked to write'])
    for (const call of Object.values(persona.calls)) expect(call).not.toHaveBeenCalled()
    written.resolve()
    expect((await answer).status).toBeLessThan(500)
    expect(order.slice(0, 2)).toEqual(['asked to write', 'written'])
  })
})
