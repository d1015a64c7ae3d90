import { describe, expect, it, vi } from 'vitest'
import type { Authorize } from '../src/authorize.js'
import { createBearerAuthorize } from '../src/bearer-authorize.js'
import { ROUTES, type Route } from '../src/routes.js'
import { after, USER } from './test-engine.js'
import { createTestHandler } from './test-handler.js'

const CLAIM = { kyc_claim_id: '0x01', kyc_claim_tx_hash: '0x02' }
const CLAIM_TOKEN = 'claim-0123456789abcdef'
const HEADERS = { authorization: `Bearer ${CLAIM_TOKEN}` }

/**
 * What a caller of claimable cases is answered on each route: about a verified case, a pending one, and one that nobody
 * knows. A new route must be decided here.
 */
const EXPECTED: Record<string, [verified: number, pending: number, unknown: number]> = {
  'POST /compliance/kyc': [403, 403, 403],
  'GET /compliance/kyc': [200, 200, 200],
  'GET /compliance/kyc/:case_id': [200, 404, 404],
  'PUT /compliance/kyc/:case_id/claim': [200, 404, 404],
  'DELETE /compliance/kyc/:case_id/claim': [200, 404, 404],
  'POST /compliance/kyc/:case_id/resume': [403, 403, 403],
  'POST /compliance/kyc/:case_id/approve': [403, 403, 403],
  'POST /compliance/kyc/:case_id/decline': [403, 403, 403],
  'POST /compliance/kyc/:case_id/mark-for-review': [403, 403, 403],
  'GET /compliance/kyc/:case_id/events': [403, 403, 403],
  'GET /compliance/events': [403, 403, 403],
  'GET /compliance/audit': [403, 403, 403],
  'DELETE /compliance/kyc/:case_id': [403, 403, 403],
  'POST /webhooks/persona/inquiry': [401, 401, 401],
  'GET /webhooks/persona/health': [200, 200, 200],
  'GET /compliance/openapi.json': [403, 403, 403],
}

/** What the routes need besides a case. */
const QUERIES: Record<string, string> = {
  'GET /compliance/kyc': '?status=verified',
  'DELETE /compliance/kyc/:case_id/claim': `?${new URLSearchParams(CLAIM)}`,
}
const BODIES: Record<string, object> = {
  'POST /compliance/kyc': { user_id: 'user_3', document_type: 'passport' },
  'PUT /compliance/kyc/:case_id/claim': CLAIM,
}

const CALLERS: [string, Authorize][] = [
  ['a token of claimTokens', createBearerAuthorize({ tokens: 'token-0123456789abcdef', claimTokens: CLAIM_TOKEN })],
  ['an app’s own caller of claimable cases', () => ({ principal: 'app', cases: 'claimable' })],
]

const toKey = ({ method, path }: Pick<Route, 'method' | 'path'>) => `${method} ${path}`

/** A verified case, a pending one, and a call to a route about one of them or another. */
async function start(authorize: Authorize) {
  const test = createTestHandler({ authorize })
  const verified = await test.engine.initiateKyc(USER)
  await test.deliver({ status: 'approved', createdAt: after(1) })
  const pending = await test.engine.initiateKyc({ ...USER, userId: 'user_2' })
  const call = (key: string, caseId: string, method = key.split(' ')[0] ?? '') => {
    const path = (key.split(' ')[1] ?? '').replace(':case_id', caseId)
    return test.call(method, path + (QUERIES[key] ?? ''), BODIES[key], HEADERS)
  }
  return { ...test, callRoute: call, verifiedId: verified.kycCase.id, pendingId: pending.kycCase.id }
}

describe.each(CALLERS)('%s', (_name, authorize) => {
  it('has an answer that was decided on every route', () => {
    const keys = [...ROUTES.map(toKey), 'GET /compliance/openapi.json']
    expect(Object.keys(EXPECTED).sort()).toEqual(keys.sort())
  })

  it.each(Object.entries(EXPECTED))('is answered %s as decided: %j', async (key, expected) => {
    const { callRoute, verifiedId, pendingId } = await start(authorize)
    const statuses = []
    for (const id of [verifiedId, pendingId, 'nobody']) statuses.push((await callRoute(key, id)).status)
    expect(statuses).toEqual(expected)
  })

  it.each(Object.entries(EXPECTED).filter(([key]) => key.startsWith('GET ')))(
    'is answered the HEAD of %s as its GET, without a body',
    async (key, expected) => {
      const { callRoute, verifiedId, pendingId } = await start(authorize)
      const answers = []
      for (const id of [verifiedId, pendingId, 'nobody']) answers.push(await callRoute(key, id, 'HEAD'))
      expect(answers.map(({ status }) => status)).toEqual(expected)
      expect(answers.map(({ text }) => text).join('')).toBe('')
    },
  )

  it.each(Object.keys(EXPECTED).filter((key) => key.includes(':case_id')))(
    'cannot tell a pending case from none by %s',
    async (key) => {
      const { callRoute, pendingId } = await start(authorize)
      const answers = []
      for (const id of [pendingId, 'nobody']) {
        const { status, text, headers } = await callRoute(key, id)
        answers.push(JSON.stringify([status, text, [...headers]]))
      }
      expect(answers[0]).toBe(answers[1])
    },
  )

  it.each(Object.entries(EXPECTED).filter(([, [status]]) => status === 403))(
    'is refused %s before anything is read or done: %j',
    async (key) => {
      const { callRoute, verifiedId, storage, persona, handlerLogger } = await start(authorize)
      const spies = Object.keys(storage)
        .filter((name) => name !== 'appendAudit')
        .map((name) => vi.spyOn(storage, name as 'getCase'))
      for (const call of Object.values(persona.calls)) call.mockClear()
      const { json } = await callRoute(key, verifiedId)
      expect(json).toMatchObject({ status: 403, code: 'forbidden' })
      for (const spy of [...spies, ...Object.values(persona.calls)]) expect(spy).not.toHaveBeenCalled()
      expect(handlerLogger.entries).toContainEqual({
        level: 'warn',
        fields: { action: expect.any(String), principal: expect.any(String), verdict: 'forbidden' },
        message: 'request refused',
      })
    },
  )
})

it('lets a caller of all cases use every route, said or not', async () => {
  for (const cases of ['all', undefined] as const) {
    const { callRoute, verifiedId } = await start(() => ({ principal: 'app', cases }))
    for (const key of Object.keys(EXPECTED)) expect((await callRoute(key, verifiedId)).status).not.toBe(403)
  }
})
