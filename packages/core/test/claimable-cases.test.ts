import { describe, expect, it, vi } from 'vitest'
import type { KycCaseView } from '../src/case-view.js'
import { type ClaimEngine, limitToClaimable } from '../src/claimable-cases.js'
import type { KycCase } from '../src/storage.js'
import { toRejection } from './canaries.js'
import { CLAIM, QUERY, REFERENCE, STALE, startCase, toText } from './claimable-callers.js'
import { after, createTestEngine, USER } from './test-engine.js'
import { CASE_PATH } from './test-handler.js'

const UNCLAIMABLE = [[], ['declined'], ['needs_review'], ['approved', 'declined'], ['approved', 'pending']]

describe('a case that is neither verified nor has a claim', () => {
  it.each(UNCLAIMABLE.map((statuses) => [statuses]))('does not exist for a limited caller: %j', async (statuses) => {
    const { call, path } = await startCase(statuses)
    const none = `${CASE_PATH}/nobody`
    for (const [method, rest, body] of [
      ['GET', ''],
      ['HEAD', ''],
      ['PUT', '/claim', CLAIM],
      ['DELETE', `/claim${QUERY}`],
      ['PUT', '/claim', { kyc_claim_id: 1 }],
      ['DELETE', '/claim'],
    ] as const) {
      const answer = await call(method, path + rest, body)
      expect(toText(answer)).toBe(toText(await call(method, none + rest, body)))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).not.toContain('canary')
    }
    expect((await call('GET', path)).json.code).toBe('case_not_found')
  })

  it('does not exist however its URL is written', async () => {
    const { call, caseId, engine, deliver } = await startCase([])
    const other = await engine.initiateKyc({ userId: 'user_2', documentType: 'passport' })
    await deliver({ inquiryId: 'inq_2', status: 'approved', createdAt: after(1) })
    const encoded = `%${caseId.charCodeAt(0).toString(16)}${caseId.slice(1)}`
    for (const path of [
      `/${caseId}?status=verified`,
      `/${caseId}?claim=stale&claim=present`,
      `/${caseId}?case_id=${other.kycCase.id}`,
      `/${caseId}#${other.kycCase.id}`,
      `/${other.kycCase.id}/../${caseId}`,
      `/${other.kycCase.id}/%2e%2e/${caseId}`,
      `/${other.kycCase.id}%2F..%2F${caseId}`,
      `/${encoded}`,
      `/${caseId}%00`,
      `/${caseId}%20`,
      `/${caseId}/`,
      `//${caseId}`,
      `/${caseId.toUpperCase()}`,
    ]) {
      const { status, text } = await call('GET', CASE_PATH + path)
      expect([path, status]).toEqual([path, 404])
      expect(text).not.toContain('canary')
    }
  })
})

describe('a case that is claimable', () => {
  it('is read while it is verified', async () => {
    const { call, path, caseId } = await startCase(['approved'])
    expect((await call('GET', path)).json).toMatchObject({ case_id: caseId, status: 'verified' })
    expect((await call('HEAD', path)).status).toBe(200)
  })

  it.each(STALE.map((statuses) => [statuses]))('is read while it carries a claim: %j', async (statuses) => {
    const { call, path } = await startCase(statuses, { isClaimed: true })
    expect((await call('GET', path)).json).toMatchObject(CLAIM)
  })

  it('is shown without the session token that others see', async () => {
    const { call, engine, persona, authorize, caseId, path } = await startCase(['approved', 'pending'], {
      isClaimed: true,
    })
    persona.change('inq_1', { status: 'pending' })
    expect((await engine.resumeCase(caseId)).personaSessionToken).not.toBeNull()
    const answers = [
      await call('GET', path),
      await call('GET', `${CASE_PATH}?claim=stale`),
      await call('DELETE', `${path}/claim${QUERY}`),
    ]
    for (const { status, text } of answers) {
      expect(status).toBe(200)
      expect(text).toContain(caseId)
      expect(text).not.toContain('persona_session_token')
    }
    authorize.mockReturnValue({ principal: 'app' })
    expect((await call('GET', path)).json.persona_session_token).toEqual(expect.any(String))
  })

  it('is read once, so that it cannot become another between a check and the answer', async () => {
    const { call, storage, caseId, path, move } = await startCase(['approved'])
    const verified = (await storage.getCase(caseId)) as KycCase
    await move('pending')
    vi.spyOn(storage, 'getCase').mockResolvedValueOnce(verified)
    expect((await call('GET', path)).json.status).toBe('verified')
    expect((await call('GET', path)).status).toBe(404)
  })
})

describe('an engine that answers more than it should', () => {
  /** Answers every call with this case, as an app's own engine might. */
  async function limitAnswers(change: Partial<KycCaseView>): Promise<ClaimEngine> {
    const { kycCase } = await createTestEngine().engine.initiateKyc(USER)
    const answer = async () => ({ ...kycCase, personaSessionToken: 'session-canary', ...change })
    return limitToClaimable({
      getCase: answer,
      updateClaim: answer,
      clearClaim: answer,
      listCases: async () => ({ items: [await answer()], next: null }),
    })
  }

  it('gives a limited caller no session token', async () => {
    for (const change of [{ status: 'verified' }, REFERENCE] as const) {
      const engine = await limitAnswers(change)
      const answers = [
        await engine.getCase('any'),
        await engine.updateClaim('any', REFERENCE),
        await engine.clearClaim('any', REFERENCE),
        ...(await engine.listCases({ claim: 'stale' })).items,
      ]
      expect(answers.map(({ personaSessionToken }) => personaSessionToken)).toEqual([null, null, null, null])
    }
  })

  it('gives a limited caller no case that is not claimable', async () => {
    const engine = await limitAnswers({})
    for (const answer of [
      engine.getCase('any'),
      engine.updateClaim('any', REFERENCE),
      engine.clearClaim('any', REFERENCE),
    ]) {
      expect(await toRejection(answer)).toMatchObject({ code: 'case_not_found' })
    }
    expect(await engine.listCases({ claim: 'stale' })).toEqual({ items: [], next: null })
  })
})
