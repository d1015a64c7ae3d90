import { describe, expect, it, vi } from 'vitest'
import { CLAIM, QUERY, STALE, startCase, toText } from './claimable-callers.js'
import { after } from './test-engine.js'
import { CASE_PATH } from './test-handler.js'

describe('PUT claim of a limited caller', () => {
  it('stores the claim of a verified case, once', async () => {
    const { call, path } = await startCase(['approved'])
    for (let times = 0; times < 2; times++) {
      const { status, json } = await call('PUT', `${path}/claim`, CLAIM)
      expect([status, json.kyc_claim_id]).toEqual([200, '0xab'])
    }
    const { status, json } = await call('PUT', `${path}/claim`, { ...CLAIM, kyc_claim_id: '0x01' })
    expect([status, json.code]).toEqual([409, 'claim_conflict'])
  })

  it('is 409 for a case that is no longer verified and has its claim still', async () => {
    const { call, path } = await startCase(['approved', 'declined'], { isClaimed: true })
    const { status, json } = await call('PUT', `${path}/claim`, CLAIM)
    expect([status, json.code]).toEqual([409, 'case_not_verified'])
  })

  it('stores nothing when the case stops being verified meanwhile, and does not tell that there is one', async () => {
    const { call, engine, storage, caseId, path, move } = await startCase(['approved'])
    expect((await call('GET', path)).status).toBe(200)
    const setClaim = storage.setClaim.bind(storage)
    vi.spyOn(storage, 'setClaim').mockImplementationOnce(async (...given) => {
      await move('pending')
      return setClaim(...given)
    })
    const answer = await call('PUT', `${path}/claim`, CLAIM)
    expect(toText(answer)).toBe(toText(await call('PUT', `${CASE_PATH}/nobody/claim`, CLAIM)))
    expect((await engine.getCase(caseId)).kycClaimId).toBeNull()
  })
})

describe('DELETE claim of a limited caller', () => {
  it('removes that of a verified case', async () => {
    const { call, path } = await startCase(['approved'], { isClaimed: true })
    for (let times = 0; times < 2; times++) {
      const { status, json } = await call('DELETE', `${path}/claim${QUERY}`)
      expect(status).toBe(200)
      expect(json).toMatchObject({ status: 'verified', kyc_claim_id: null, kyc_claim_tx_hash: null })
    }
  })

  it.each(STALE.map((statuses) => [statuses]))(
    'removes a stale one, and then the case is out of sight: %j',
    async (statuses) => {
      const { call, clock, engine, caseId, path } = await startCase(statuses, { isClaimed: true })
      clock.ms += 5000
      const { status, json } = await call('DELETE', `${path}/claim${QUERY}`)
      expect(status).toBe(200)
      const { status: expected } = await engine.getCase(caseId)
      expect(json).toMatchObject({ status: expected, revision: 2, kyc_claim_id: null, kyc_claim_tx_hash: null })
      expect(json.updated_at).toBe(after(5))
      expect((await call('GET', path)).status).toBe(404)
      expect((await call('DELETE', `${path}/claim${QUERY}`)).status).toBe(404)
    },
  )

  it('is 409 for another claim than a stale case has', async () => {
    const { call, path } = await startCase(['approved', 'declined'], { isClaimed: true })
    const other = new URLSearchParams({ ...CLAIM, kyc_claim_id: '0x01' })
    const { status, json } = await call('DELETE', `${path}/claim?${other}`)
    expect([status, json.code]).toEqual([409, 'claim_conflict'])
    expect((await call('GET', path)).json).toMatchObject(CLAIM)
  })

  it.each([false, true])('shows no case that stops being verified meanwhile; claimed: %s', async (isClaimed) => {
    const { call, engine, storage, caseId, path, move } = await startCase(['approved'], { isClaimed })
    const clearClaim = storage.clearClaim.bind(storage)
    vi.spyOn(storage, 'clearClaim').mockImplementationOnce(async (...given) => {
      await move('pending')
      return clearClaim(...given)
    })
    const answer = await call('DELETE', `${path}/claim${QUERY}`)
    expect(toText(answer)).toBe(toText(await call('DELETE', `${CASE_PATH}/nobody/claim${QUERY}`)))
    expect((await engine.getCase(caseId)).kycClaimId).toBeNull()
  })

  it('shows of a stale case that somebody else clears and that moves on no more than what was seen', async () => {
    const { call, storage, caseId, path, move } = await startCase(['approved', 'declined'], { isClaimed: true })
    const clearClaim = storage.clearClaim.bind(storage)
    vi.spyOn(storage, 'clearClaim').mockImplementationOnce(async (id, claim) => {
      await clearClaim(id, claim)
      await move('pending')
      return clearClaim(id, claim)
    })
    const { status, json } = await call('DELETE', `${path}/claim${QUERY}`)
    expect(status).toBe(200)
    expect(json).toMatchObject({ case_id: caseId, status: 'rejected', revision: 2, kyc_claim_id: null })
    expect((await call('GET', path)).status).toBe(404)
  })
})
