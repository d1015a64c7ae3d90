import { describe, expect, it } from 'vitest'
import type { KycEngine } from '../src/engine.js'
import { PersonaApiError } from '../src/persona-error.js'
import { toRejection } from './canaries.js'
import { createInquiry } from './persona-stub.js'
import { after, createTestEngine, START, USER } from './test-engine.js'

const INPUT = { ...USER, personalInfo: { name: 'Ada' } }

async function startCase() {
  const test = createTestEngine()
  const { kycCase } = await test.engine.initiateKyc(INPUT)
  return { ...test, kycCase }
}

describe('erasing a case', () => {
  it('drops the personal data and the token, and redacts the inquiry', async () => {
    const { engine, storage, persona, kycCase } = await startCase()
    const erased = await engine.eraseCase(kycCase.id)
    expect(erased).toMatchObject({ id: kycCase.id, erasedAt: new Date(START), personaSessionToken: null })
    expect(await engine.readPersonalData(kycCase.id)).toBeNull()
    expect(await storage.getCase(kycCase.id)).toMatchObject({ sealedPersonalData: null, sealedSessionToken: null })
    expect(persona.calls.redact).toHaveBeenCalledExactlyOnceWith('inq_1', {})
  })

  it('keeps the audit trail, which has ids only', async () => {
    const { engine, deliver, kycCase } = await startCase()
    await deliver({ id: 'evt_1', status: 'approved', createdAt: after(1) })
    await engine.eraseCase(kycCase.id)
    expect((await engine.listCaseEvents(kycCase.id, {})).items).toMatchObject([{ id: 'evt_1' }])
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', verificationScore: 1 })
  })

  it('redacts every inquiry that Persona has for it, also a replaced or lost one', async () => {
    const { engine, persona, kycCase } = await startCase()
    const referenceId = kycCase.id
    persona.inquiries.set('inq_lost', createInquiry('inq_lost', { referenceId }))
    persona.inquiries.set('inq_done', createInquiry('inq_done', { referenceId, redactedAt: '2026-01-01T00:00:00Z' }))
    persona.inquiries.set('inq_else', createInquiry('inq_else', { referenceId: 'another' }))
    await engine.eraseCase(kycCase.id)
    expect(persona.calls.redact.mock.calls.map(([id]) => id).sort()).toEqual(['inq_1', 'inq_lost'])
  })

  it('succeeds when the inquiry is redacted already, or gone', async () => {
    for (const code of ['persona_conflict', 'persona_not_found'] as const) {
      const { engine, persona, kycCase } = await startCase()
      persona.calls.redact.mockRejectedValueOnce(new PersonaApiError(code))
      expect(await engine.eraseCase(kycCase.id)).toMatchObject({ erasedAt: new Date(START) })
    }
  })

  it('erases here though Persona is down, rejects, and goes on when called again', async () => {
    const { engine, persona, kycCase, clock } = await startCase()
    persona.calls.redact.mockRejectedValueOnce(new PersonaApiError('persona_unreachable'))
    expect(await toRejection(engine.eraseCase(kycCase.id))).toMatchObject({ code: 'persona_unreachable' })
    expect(await engine.readPersonalData(kycCase.id)).toBeNull()
    clock.ms += 60_000
    expect(await engine.eraseCase(kycCase.id)).toMatchObject({ erasedAt: new Date(START) })
    expect(persona.calls.redact).toHaveBeenCalledTimes(2)
    await engine.eraseCase(kycCase.id)
    expect(persona.calls.redact).toHaveBeenCalledTimes(2)
  })

  it('goes on when the list of inquiries fails', async () => {
    const { engine, persona, kycCase } = await startCase()
    persona.calls.list.mockImplementationOnce(() => {
      throw new PersonaApiError('persona_server_error', { status: 500 })
    })
    expect(await toRejection(engine.eraseCase(kycCase.id))).toMatchObject({ code: 'persona_server_error' })
    await engine.eraseCase(kycCase.id)
    expect(persona.calls.redact).toHaveBeenCalledExactlyOnceWith('inq_1', {})
  })

  it('of a case that nobody knows rejects', async () => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.eraseCase('nobody'))).toMatchObject({ code: 'case_not_found' })
  })
})

describe('a case that is erased while its inquiry is being created', () => {
  it('gets no inquiry: the new one is redacted, and the caller is told', async () => {
    const test = createTestEngine()
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      await eraseMeanwhile(test.engine, options.referenceId ?? '')
      return original?.(options) ?? expect.unreachable()
    })
    expect(await toRejection(test.engine.initiateKyc(INPUT))).toMatchObject({ code: 'case_erased' })
    expect(test.persona.calls.redact).toHaveBeenCalledExactlyOnceWith('inq_1', {})
    const { items } = await test.engine.listCases({})
    expect(items).toMatchObject([{ personaInquiryId: null, personaSessionToken: null, erasedAt: new Date(START) }])
  })

  it('tells the caller when the new inquiry could not be redacted, and can be erased again', async () => {
    const test = createTestEngine()
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      await eraseMeanwhile(test.engine, options.referenceId ?? '')
      return original?.(options) ?? expect.unreachable()
    })
    test.persona.calls.redact.mockRejectedValueOnce(new PersonaApiError('persona_server_error', { status: 500 }))
    expect(await toRejection(test.engine.initiateKyc(INPUT))).toMatchObject({ code: 'persona_server_error' })
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
    const { items } = await test.engine.listCases({})
    await test.engine.eraseCase(items[0]?.id ?? '')
    expect([...test.persona.inquiries.values()].map(({ attributes }) => attributes.redactedAt)).not.toContain(null)
  })

  it('gets no inquiry either when the erasure comes between the answer and the storage', async () => {
    const test = createTestEngine()
    const attach = test.storage.attachInquiry
    test.storage.attachInquiry = async (caseId, inquiry) => {
      await eraseMeanwhile(test.engine, caseId)
      return attach(caseId, inquiry)
    }
    expect(await toRejection(test.engine.initiateKyc(INPUT))).toMatchObject({ code: 'case_erased' })
    expect(test.persona.inquiries.get('inq_1')?.attributes.redactedAt).not.toBeNull()
  })
})

/** Erases the case, which asks to be called again: an inquiry is just being created, and cannot be found yet. */
async function eraseMeanwhile(engine: KycEngine, caseId: string): Promise<void> {
  expect(await toRejection(engine.eraseCase(caseId))).toMatchObject({ code: 'initiation_in_progress' })
}

describe('a case that was erased', () => {
  it('has an inquiry redacted that its creator left behind, as soon as an event tells of it', async () => {
    const { engine, deliver, persona, kycCase } = await startCase()
    await engine.eraseCase(kycCase.id)
    persona.calls.redact.mockClear()
    const late = { inquiryId: 'inq_late', referenceId: kycCase.id }
    await deliver({ ...late, id: 'evt_1', name: 'inquiry.created', status: 'created', createdAt: after(5) })
    await deliver({ ...late, id: 'evt_2', name: 'inquiry.redacted', status: 'created', createdAt: after(6) })
    expect(persona.calls.redact).toHaveBeenCalledExactlyOnceWith('inq_late', { signal: expect.any(AbortSignal) })
  })

  it('has that redacted by a redelivery when Persona could not do it at once', async () => {
    const { engine, deliver, persona, kycCase } = await startCase()
    await engine.eraseCase(kycCase.id)
    const late = { inquiryId: 'inq_late', referenceId: kycCase.id, id: 'evt_1', status: 'created', createdAt: after(5) }
    persona.calls.redact.mockRejectedValueOnce(new PersonaApiError('persona_server_error', { status: 500 }))
    expect(await toRejection(deliver({ ...late, name: 'inquiry.created' }))).toMatchObject({ status: 500 })
    expect(await deliver({ ...late, name: 'inquiry.created' })).toMatchObject({ outcome: 'duplicate' })
    const redacted = persona.calls.redact.mock.calls.map(([inquiryId]) => inquiryId)
    expect(redacted.filter((inquiryId) => inquiryId === 'inq_late')).toHaveLength(2)
  })

  it('takes events without opening again', async () => {
    const { engine, deliver, kycCase } = await startCase()
    await engine.eraseCase(kycCase.id)
    await deliver({ name: 'inquiry.started', status: 'pending', createdAt: after(5) })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ personaSessionToken: null, erasedAt: new Date(START) })
    expect((await engine.initiateKyc(USER)).created).toBe(true)
  })
})
