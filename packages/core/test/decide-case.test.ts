import { describe, expect, it } from 'vitest'
import { PersonaApiError } from '../src/persona-error.js'
import { toRejection } from './canaries.js'
import { after, createTestEngine, USER } from './test-engine.js'

async function startCase() {
  const test = createTestEngine()
  const { kycCase } = await test.engine.initiateKyc(USER)
  return { ...test, kycCase }
}

describe('a decision', () => {
  it.each([
    ['approve', 'approve', 'verified', 1, 'approved'],
    ['decline', 'decline', 'rejected', 0, 'declined'],
    ['mark-for-review', 'markForReview', 'review', 0.5, 'needs_review'],
  ] as const)(
    'to %s is passed to Persona, and its answer applied',
    async (decision, call, status, score, personaStatus) => {
      const { engine, persona, kycCase } = await startCase()
      const decided = await engine.decideCase(kycCase.id, { decision })
      expect(persona.calls[call].mock.calls[0]?.[0]).toBe('inq_1')
      expect(decided).toMatchObject({ id: kycCase.id, status, verificationScore: score, personaStatus })
      expect(decided.personaSessionToken).toBeNull()
      const { items } = await engine.readFeed({})
      expect(items).toMatchObject([{ from: 'pending', to: status, eventName: `api.${decision}`, revision: 1 }])
    },
  )

  it('carries its comment, except for a mark for review', async () => {
    const { engine, persona, kycCase } = await startCase()
    await engine.decideCase(kycCase.id, { decision: 'mark-for-review', comment: 'look' })
    await engine.decideCase(kycCase.id, { decision: 'decline', comment: 'no' })
    expect(persona.calls.markForReview).toHaveBeenCalledExactlyOnceWith('inq_1')
    expect(persona.calls.decline).toHaveBeenCalledExactlyOnceWith('inq_1', { comment: 'no' })
  })

  it('and the webhook of it make one transition', async () => {
    const { engine, deliver, kycCase } = await startCase()
    await engine.decideCase(kycCase.id, { decision: 'approve' })
    const webhook = await deliver({ id: 'evt_1', status: 'approved', createdAt: after(60) })
    expect(webhook).toMatchObject({ outcome: 'applied', transition: null })
    expect((await engine.readFeed({})).items).toHaveLength(1)
  })

  it('that the webhook overtakes changes nothing', async () => {
    const { engine, persona, deliver, kycCase } = await startCase()
    const original = persona.calls.approve.getMockImplementation()
    persona.calls.approve.mockImplementationOnce(async (id, options) => {
      const inquiry = (await original?.(id, options)) ?? expect.unreachable()
      await deliver({ id: 'evt_1', status: 'approved', createdAt: after(60) })
      return inquiry
    })
    expect(await engine.decideCase(kycCase.id, { decision: 'approve' })).toMatchObject({ status: 'verified' })
    expect((await engine.readFeed({})).items).toHaveLength(1)
  })
})

describe('a decision that Persona refuses', () => {
  const conflict = () => new PersonaApiError('persona_conflict', { status: 409 })

  it('as a conflict rejects, and the case takes the state that Persona holds', async () => {
    const { engine, persona, kycCase } = await startCase()
    persona.change('inq_1', { status: 'declined' })
    persona.calls.approve.mockRejectedValueOnce(conflict())
    const error = await toRejection(engine.decideCase(kycCase.id, { decision: 'approve' }))
    expect(error).toMatchObject({ code: 'persona_conflict' })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'rejected', personaStatus: 'declined' })
  })

  it('for another reason rejects and changes nothing', async () => {
    const { engine, persona, kycCase } = await startCase()
    persona.calls.decline.mockRejectedValueOnce(new PersonaApiError('persona_timeout'))
    const error = await toRejection(engine.decideCase(kycCase.id, { decision: 'decline' }))
    expect(error).toMatchObject({ code: 'persona_timeout' })
    expect((await engine.getCase(kycCase.id)).status).toBe('pending')
    expect(persona.calls.retrieve).not.toHaveBeenCalled()
  })
})

describe('a decision about a case', () => {
  it('that nobody knows rejects', async () => {
    const { engine } = createTestEngine()
    const error = await toRejection(engine.decideCase('canary-id', { decision: 'approve' }))
    expect(error).toMatchObject({ code: 'case_not_found' })
    expect(String(error)).not.toContain('canary')
  })

  it('without an inquiry rejects, and Persona is not asked', async () => {
    const { engine, storage, persona } = createTestEngine()
    persona.calls.create.mockRejectedValueOnce(new PersonaApiError('persona_unreachable'))
    await toRejection(engine.initiateKyc(USER))
    const { items } = await storage.listCases({ status: null, claim: null, after: null, limit: 1 })
    const error = await toRejection(engine.decideCase(items[0]?.id ?? '', { decision: 'approve' }))
    expect(error).toMatchObject({ code: 'case_without_inquiry' })
    expect(persona.calls.approve).not.toHaveBeenCalled()
  })
})
