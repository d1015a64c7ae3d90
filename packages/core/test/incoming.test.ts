import { describe, expect, it, vi } from 'vitest'
import type { Authorize } from '../src/authorize.js'
import { StorageError } from '../src/errors.js'
import { createPlainHandler, HEALTH, KYC } from './plain-handler.js'

const BODY = { user_id: 'user_1', document_type: 'passport' }
const DOWN = new StorageError('storage_unavailable', { problem: 'It is down.', fix: 'Start it.' })

/** A handler whose authorize asks for the user, as often as said, and lets only user_1 through. */
function start({ times = 1 } = {}) {
  const found: unknown[] = []
  const authorize: Authorize = async ({ findUserId }) => {
    for (let asked = 0; asked < times; asked += 1) found.push(await findUserId())
    return { principal: 'app', cases: found.at(-1) === 'user_1' ? 'all' : 'none' }
  }
  return { ...createPlainHandler({ authorize }), found }
}

describe('the user of a request', () => {
  it.each([
    ['GET', ''],
    ['HEAD', ''],
    ['POST', '/resume'],
    ['POST', '/approve'],
    ['GET', '/events'],
    ['DELETE', ''],
  ])('is that of the case: %s :case_id%s', async (method, rest) => {
    const { call, engine, found } = start()
    const open = async (userId: string) => (await engine.initiateKyc({ userId, documentType: 'passport' })).kycCase.id
    expect((await call(method, `${KYC}/${await open('user_1')}${rest}`)).status).toBe(200)
    expect((await call(method, `${KYC}/${await open('user_2')}${rest}`)).status).toBe(403)
    expect((await call(method, `${KYC}/nobody${rest}`)).status).toBe(403)
    expect(found).toEqual(['user_1', 'user_2', null])
  })

  it('is whom an initiation is about', async () => {
    const { call, found } = start()
    expect((await call('POST', KYC, { body: BODY })).status).toBe(201)
    expect((await call('POST', KYC, { body: { ...BODY, user_id: 'user_2' } })).status).toBe(403)
    expect(found).toEqual(['user_1', 'user_2'])
  })

  it.each([
    ['GET', KYC],
    ['GET', '/compliance/events'],
    ['GET', '/compliance/audit'],
    ['GET', '/compliance/openapi.json'],
    ['GET', HEALTH],
  ])('is nobody where there is no case: %s %s', async (method, path) => {
    const { call, found, storage } = start()
    const getCase = vi.spyOn(storage, 'getCase')
    await call(method, path)
    expect(found).toEqual([null])
    expect(getCase).not.toHaveBeenCalled()
  })

  it.each<[string, unknown, Record<string, string>, number, string]>([
    ['no JSON', '{"user_id":', {}, 400, 'invalid_json'],
    ['no body', '', {}, 400, 'invalid_json'],
    ['a body without a user', { document_type: 'passport' }, {}, 400, 'invalid_request'],
    ['a body with more than it may have', { ...BODY, admin: true }, {}, 400, 'invalid_request'],
    ['a user that is a number', { ...BODY, user_id: 1 }, {}, 400, 'invalid_request'],
    ['a member named __proto__', '{"user_id":"user_1","__proto__":{}}', {}, 400, 'invalid_json'],
    [
      'a form',
      'user_id=user_1',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    ['too much', { ...BODY, personal_info: { a: 'x'.repeat(65_536) } }, {}, 413, 'body_too_large'],
  ])('rejects as the route would with %s', async (_name, body, headers, status, code) => {
    const { call, found, storage, persona } = start()
    const createCase = vi.spyOn(storage, 'createCase')
    expect((await call('POST', KYC, { body, headers })).json).toMatchObject({ status, code })
    expect(found).toEqual([])
    expect(createCase).not.toHaveBeenCalled()
    expect(persona.calls.create).not.toHaveBeenCalled()
  })

  it('is no way past the route for an authorize that takes a rejection for a yes', async () => {
    const authorize: Authorize = async ({ findUserId }) => {
      await findUserId().catch(() => null)
      return { principal: 'app' }
    }
    const { call, storage } = createPlainHandler({ authorize })
    const createCase = vi.spyOn(storage, 'createCase')
    expect((await call('POST', KYC, { body: '{' })).status).toBe(400)
    expect((await call('POST', KYC, { body: { ...BODY, user_id: '' } })).status).toBe(400)
    expect(createCase).not.toHaveBeenCalled()
  })

  it('is a 503 where the storage is down, and a 500 where it fails', async () => {
    for (const [error, status] of [
      [DOWN, 503],
      [new Error('canary'), 500],
    ] as const) {
      const { call, storage, found } = start()
      vi.spyOn(storage, 'getCase').mockRejectedValue(error)
      expect((await call('GET', `${KYC}/case-1`)).status).toBe(status)
      expect(found).toEqual([])
    }
  })
})

describe('what is read to find the user', () => {
  it('is the case, once', async () => {
    const { call, engine, storage, found } = start({ times: 5 })
    const { kycCase } = await engine.initiateKyc({ userId: 'user_2', documentType: 'passport' })
    const getCase = vi.spyOn(storage, 'getCase')
    expect((await call('GET', `${KYC}/${kycCase.id}`)).status).toBe(403)
    expect(found).toEqual(Array(5).fill('user_2'))
    expect(getCase).toHaveBeenCalledExactlyOnceWith(kycCase.id)
  })

  it('is the case, once also where there is none or the storage is down', async () => {
    const missing = start({ times: 5 })
    const getCase = vi.spyOn(missing.storage, 'getCase')
    expect((await missing.call('GET', `${KYC}/nobody`)).status).toBe(403)
    expect(getCase).toHaveBeenCalledOnce()
    const authorize: Authorize = async ({ findUserId }) => {
      for (let asked = 0; asked < 5; asked += 1) await findUserId().catch(() => null)
      return { principal: 'app', cases: 'none' }
    }
    const down = createPlainHandler({ authorize })
    const failing = vi.spyOn(down.storage, 'getCase').mockRejectedValue(DOWN)
    expect((await down.call('GET', `${KYC}/case-1`)).status).toBe(403)
    expect(failing).toHaveBeenCalledOnce()
  })

  it('is the body, once, which the route gets all the same', async () => {
    const { handler, found } = start({ times: 5 })
    let pulled = 0
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1
        controller.enqueue(new TextEncoder().encode(JSON.stringify(BODY)))
        controller.close()
      },
    })
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
    const response = await handler.handle(new Request(`https://app.example${KYC}`, init as RequestInit))
    expect(response?.status).toBe(201)
    expect([pulled, found]).toEqual([1, Array(5).fill('user_1')])
  })

  it('is what a parser left of the body', async () => {
    const { handler, found } = start()
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const request = new Request(`https://app.example${KYC}`, init)
    expect((await handler.handle(request, { consumedBody: BODY }))?.status).toBe(201)
    expect(found).toEqual(['user_1'])
  })

  it('is nothing where nobody asks', async () => {
    const { call, engine, storage, authorize } = createPlainHandler()
    const { kycCase } = await engine.initiateKyc({ userId: 'user_1', documentType: 'passport' })
    authorize.mockReturnValue({ principal: 'app', cases: 'none' })
    const getCase = vi.spyOn(storage, 'getCase')
    const pull = vi.fn()
    expect((await call('GET', `${KYC}/${kycCase.id}`)).status).toBe(403)
    const body = new ReadableStream({ pull }, { highWaterMark: 0 })
    const { handler } = createPlainHandler({ authorize })
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
    expect((await handler.handle(new Request(`https://app.example${KYC}`, init as RequestInit)))?.status).toBe(403)
    expect(pull).not.toHaveBeenCalled()
    expect(getCase).not.toHaveBeenCalled()
  })
})
