import { describe, expect, it, vi } from 'vitest'
import { LIMITED, REFERENCE, STALE } from './claimable-callers.js'
import { after } from './test-engine.js'
import { CASE_PATH, createTestHandler } from './test-handler.js'

describe('the list of a limited caller', () => {
  /** One case of each kind; those that a limited caller may see are named claimable. */
  async function startMany() {
    const test = createTestHandler()
    const kinds = [[], ['declined'], ['needs_review'], ['approved'], ...STALE]
    for (const [index, statuses] of kinds.entries()) {
      const name = index < 3 ? 'hidden' : 'claimable'
      const { kycCase } = await test.engine.initiateKyc({ userId: `${name}_${index}`, documentType: 'passport' })
      for (const [step, status] of statuses.entries()) {
        const event = { id: `evt_${index}_${step}`, inquiryId: `inq_${index + 1}`, status }
        await test.deliver({ ...event, createdAt: after(step + 1) })
        if (status === 'approved' && index > 3) await test.engine.updateClaim(kycCase.id, REFERENCE)
      }
    }
    test.authorize.mockReturnValue(LIMITED)
    return test
  }

  it.each([
    ['status=verified', 1],
    ['status=verified&claim=missing', 1],
    ['status=verified&claim=present', 0],
    ['claim=stale', 3],
    ['claim=present', 3],
    ['claim=present&status=pending', 1],
    ['claim=stale&status=rejected', 1],
    ['%73tatus=%76erified', 1],
    ['status=verified&limit=500', 1],
  ])('is answered for ?%s, with %i claimable cases', async (query, count) => {
    const { call } = await startMany()
    const { status, json, text } = await call('GET', `${CASE_PATH}?${query}`)
    expect([status, (json.cases as unknown[]).length]).toEqual([200, count])
    expect(text).not.toContain('hidden')
  })

  it.each([
    '',
    'limit=500',
    'status=pending',
    'status=rejected',
    'status=review',
    'claim=missing',
    'status=pending&claim=missing',
    'status=pending#status=verified',
    'status=Verified',
    'claim=stale%26',
    'Status=verified',
  ])('is 403 for ?%s, and no case is read', async (query) => {
    const { call, storage } = await startMany()
    const list = vi.spyOn(storage, 'listCases')
    for (const method of ['GET', 'HEAD']) {
      const { status, text } = await call(method, `${CASE_PATH}?${query}`)
      expect(status).toBe(403)
      expect(text).not.toContain('hidden')
    }
    expect(list).not.toHaveBeenCalled()
  })

  it.each([
    'status=verified&bogus=1',
    'claim=stale&status=',
    'status=pending&status=verified',
    'status=verified&status=pending',
    'claim=missing&claim=stale',
    'claim=stale&claim=missing',
  ])('is 400 for ?%s', async (query) => {
    const { call } = await startMany()
    expect((await call('GET', `${CASE_PATH}?${query}`)).status).toBe(400)
  })

  it('has claimable cases only, also of a storage that does not know the filter', async () => {
    const { call, storage } = await startMany()
    const all = await storage.listCases({ status: null, claim: null, after: null, limit: 500 })
    expect(all.items).toHaveLength(7)
    vi.spyOn(storage, 'listCases').mockResolvedValue(all)
    const { json, text } = await call('GET', `${CASE_PATH}?claim=stale`)
    expect(json.cases).toHaveLength(4)
    expect(text).not.toContain('hidden')
  })
})
