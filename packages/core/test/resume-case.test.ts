import { describe, expect, it } from 'vitest'
import { PersonaApiError } from '../src/persona-error.js'
import { toRejection } from './canaries.js'
import { after, createTestEngine, USER } from './test-engine.js'

async function startCase(attributes: Record<string, unknown>) {
  const test = createTestEngine()
  const { kycCase } = await test.engine.initiateKyc(USER)
  test.persona.change('inq_1', attributes)
  return { ...test, kycCase }
}

describe('resuming a case', () => {
  it.each(['pending', 'expired'])('gives a fresh token for an inquiry that is %s', async (status) => {
    const { engine, kycCase } = await startCase({ status })
    const resumed = await engine.resumeCase(kycCase.id)
    expect(resumed.personaSessionToken).not.toBe(kycCase.personaSessionToken)
    expect(resumed).toMatchObject({ id: kycCase.id, status: 'pending', personaStatus: 'pending' })
    expect((await engine.getCase(kycCase.id)).personaSessionToken).toBe(resumed.personaSessionToken)
  })

  it('keeps the token of an inquiry that nobody has begun', async () => {
    const { engine, kycCase } = await startCase({ status: 'created' })
    expect(await engine.resumeCase(kycCase.id)).toEqual(await engine.getCase(kycCase.id))
    expect((await engine.getCase(kycCase.id)).personaSessionToken).toBe(kycCase.personaSessionToken)
  })

  it.each([
    ['completed', 'verified'],
    ['declined', 'rejected'],
    ['needs_review', 'review'],
  ])('rejects when the inquiry is %s by now, and the case is %s', async (status, expected) => {
    const { engine, kycCase } = await startCase({ status })
    expect(await toRejection(engine.resumeCase(kycCase.id))).toMatchObject({ code: 'case_not_resumable' })
    expect((await engine.getCase(kycCase.id)).status).toBe(expected)
  })

  it('rejects for a case that is decided, without a word to Persona', async () => {
    const { engine, persona, deliver, kycCase } = await startCase({ status: 'approved' })
    await deliver({ status: 'approved', createdAt: after(1) })
    expect(await toRejection(engine.resumeCase(kycCase.id))).toMatchObject({ code: 'case_not_resumable' })
    expect(persona.calls.resume).not.toHaveBeenCalled()
  })

  it('rejects when no session is left', async () => {
    const { engine, persona, kycCase } = await startCase({ status: 'pending' })
    persona.calls.resume.mockRejectedValueOnce(new PersonaApiError('persona_request_rejected', { status: 422 }))
    expect(await toRejection(engine.resumeCase(kycCase.id))).toMatchObject({ code: 'case_not_resumable' })
    expect((await engine.getCase(kycCase.id)).personaInquiryId).toBe('inq_1')
  })

  it('rejects for a case that was erased, or that nobody knows', async () => {
    const { engine, kycCase } = await startCase({ status: 'pending' })
    await engine.eraseCase(kycCase.id)
    expect(await toRejection(engine.resumeCase(kycCase.id))).toMatchObject({ code: 'case_erased' })
    expect(await toRejection(engine.resumeCase('nobody'))).toMatchObject({ code: 'case_not_found' })
  })
})

describe('resuming a case whose initiation was interrupted', () => {
  async function startInterrupted(status: string) {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.createAndLose)
    await toRejection(test.engine.initiateKyc(USER))
    test.persona.change('inq_1', { status })
    const { items } = await test.storage.listCases({ status: null, claim: null, after: null, limit: 1 })
    return { ...test, caseId: items[0]?.id ?? '' }
  }

  it('completes it', async () => {
    const { engine, persona, caseId } = await startInterrupted('created')
    expect(await engine.resumeCase(caseId)).toMatchObject({ personaInquiryId: 'inq_1', status: 'pending' })
    expect(persona.inquiries.size).toBe(1)
  })

  it('gives a token when the inquiry that it finds needs one', async () => {
    const { engine, caseId } = await startInterrupted('pending')
    const resumed = await engine.resumeCase(caseId)
    expect(resumed).toMatchObject({ personaInquiryId: 'inq_1', personaStatus: 'pending' })
    expect(resumed.personaSessionToken).not.toBeNull()
  })
})
