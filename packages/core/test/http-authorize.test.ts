import { describe, expect, it, vi } from 'vitest'
import type { Authorization } from '../src/authorize.js'
import { ConfigurationError } from '../src/errors.js'
import type { KycHandlerOptions } from '../src/handler-options.js'
import { createKycHandler } from '../src/http.js'
import { expectNoCanary } from './canaries.js'
import { CASE_PATH, createTestHandler } from './test-handler.js'

const BODY = { user_id: 'user_1', document_type: 'passport' }
const CANARY = 'canary-9f31c7'

/** Every route that is not open, and what `authorize` is asked for it. */
const CLOSED: [string, string, string, string | null][] = [
  ['POST', CASE_PATH, 'kyc:initiate', null],
  ['GET', CASE_PATH, 'kyc:list', null],
  ['GET', `${CASE_PATH}/case-1`, 'kyc:read', 'case-1'],
  ['HEAD', `${CASE_PATH}/case-1`, 'kyc:read', 'case-1'],
  ['PUT', `${CASE_PATH}/case-1/claim`, 'kyc:claim', 'case-1'],
  ['DELETE', `${CASE_PATH}/case-1/claim`, 'kyc:claim', 'case-1'],
  ['POST', `${CASE_PATH}/case-1/resume`, 'kyc:resume', 'case-1'],
  ['POST', `${CASE_PATH}/case-1/approve`, 'kyc:decide', 'case-1'],
  ['POST', `${CASE_PATH}/case-1/decline`, 'kyc:decide', 'case-1'],
  ['POST', `${CASE_PATH}/case-1/mark-for-review`, 'kyc:decide', 'case-1'],
  ['GET', `${CASE_PATH}/case-1/events`, 'events:read', 'case-1'],
  ['GET', '/compliance/events', 'events:read', null],
  ['GET', '/compliance/audit', 'audit:read', null],
  ['DELETE', `${CASE_PATH}/case-1`, 'kyc:erase', 'case-1'],
  ['GET', '/compliance/openapi.json', 'openapi:read', null],
]

describe.each(CLOSED)('%s %s', (method, path, action, caseId) => {
  it('asks authorize before anything else', async () => {
    const { call, authorize, storage } = createTestHandler()
    authorize.mockReturnValue('unauthenticated')
    const spies = (['createCase', 'getCase', 'listCases', 'readFeed', 'clearClaim'] as const).map((name) =>
      vi.spyOn(storage, name),
    )
    const { status, headers } = await call(method, path)
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(authorize).toHaveBeenCalledExactlyOnceWith({
      action,
      caseId,
      request: expect.any(Request),
      token: null,
      findUserId: expect.any(Function),
    })
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  })

  it('is 403 for who may not', async () => {
    const { call, authorize } = createTestHandler()
    for (const answer of ['forbidden', { principal: 'test', cases: 'none' }] as const) {
      authorize.mockReturnValue(answer)
      expect((await call(method, path)).status).toBe(403)
    }
  })

  it('is a 500, never open, when authorize fails', async () => {
    const { call, authorize, handlerLogger } = createTestHandler()
    authorize.mockRejectedValue(new Error(CANARY))
    const { status, text } = await call(method, path)
    expect(status).toBe(500)
    expect(text).not.toContain(CANARY)
    expect(handlerLogger.entries).toMatchObject([{ level: 'error', fields: { error: 'Error' } }])
    expectNoCanary(handlerLogger.entries, CANARY)
  })

  it.each([
    undefined,
    null,
    true,
    1,
    '',
    'yes',
    'authenticated',
    {},
    [],
    { principal: undefined },
    { principal: true },
    { principal: 'test', cases: null },
    { principal: 'test', cases: 'own' },
    { principal: 'test', cases: 'own', userId: '' },
    { principal: 'test', cases: 'own', userId: 1 },
    { principal: '' },
    { principal: 'a'.repeat(256) },
    { principal: 'line\nbreak' },
    { principal: 'test', cases: ['all'] },
    { principal: 1, cases: 'claimable' },
    { cases: 'all' },
  ])('is 401 when authorize answers %j', async (verdict) => {
    const { call, authorize } = createTestHandler()
    authorize.mockResolvedValue(verdict as Authorization)
    expect((await call(method, path)).status).toBe(401)
  })

  it('is 405 in another method, with those that are allowed', async () => {
    const { call, authorize } = createTestHandler()
    const { status, headers, json } = await call('PATCH', path)
    expect([status, json.code]).toEqual([405, 'method_not_allowed'])
    expect(headers.get('allow')?.split(', ')).toContain(method === 'HEAD' ? 'GET' : method)
    expect(authorize).not.toHaveBeenCalled()
  })
})

describe('authorize', () => {
  it('is given the request with its body unread', async () => {
    const { call, authorize } = createTestHandler()
    authorize.mockImplementation(async ({ request }) => {
      expect(request.bodyUsed).toBe(false)
      return { principal: await request.clone().text() }
    })
    expect((await call('POST', CASE_PATH, BODY)).status).toBe(201)
  })

  it('is required', () => {
    const { engine } = createTestHandler()
    const options = { engine } as KycHandlerOptions
    expect(() => createKycHandler(options)).toThrow(ConfigurationError)
    expect(() =>
      createKycHandler({ ...options, authorize: true as unknown as KycHandlerOptions['authorize'] }),
    ).toThrow(ConfigurationError)
  })
})
