import { describe, expect, it } from 'vitest'
import { PersonaApiError } from '../src/persona-error.js'
import { toRejection } from './canaries.js'
import { createSessionToken } from './persona-stub.js'
import { after, createTestEngine, USER } from './test-engine.js'

const DAY_MS = 86_400_000

/** An engine with an open case, whose inquiry a day later is in that state. */
async function startOpenCase(attributes: Record<string, unknown>, sessions = 1) {
  const test = createTestEngine()
  const { kycCase } = await test.engine.initiateKyc(USER)
  test.clock.ms += DAY_MS
  test.persona.change('inq_1', attributes, sessions)
  return { ...test, kycCase }
}

describe('a replacement', () => {
  it('is made once, also when Persona then knows neither inquiry and the token cannot be read', async () => {
    const { engine, persona } = await startOpenCase({ status: 'expired' }, 25)
    const original = persona.calls.create.getMockImplementation()
    persona.calls.create.mockImplementation(async (options) => {
      const created = await (original?.(options) ?? expect.unreachable())
      return { ...created, sessionToken: 'opaque' }
    })
    persona.calls.retrieve.mockRejectedValue(new PersonaApiError('persona_not_found', { status: 404 }))
    const before = persona.calls.create.mock.calls.length
    await engine.initiateKyc(USER)
    expect(persona.calls.create.mock.calls.length - before).toBe(1)
  })
})

describe('a token that is still valid', () => {
  it('is kept until a minute before it ends', async () => {
    const { engine, persona, clock } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    persona.change('inq_1', { status: 'pending' })
    clock.ms += DAY_MS - 61_000
    expect((await engine.initiateKyc(USER)).kycCase).toEqual(kycCase)
    expect(persona.calls.resume).not.toHaveBeenCalled()
    clock.ms += 1000
    expect((await engine.initiateKyc(USER)).kycCase.personaSessionToken).not.toBe(kycCase.personaSessionToken)
    expect(persona.calls.resume).toHaveBeenCalledOnce()
  })

  it('is of no use once the inquiry is known to be expired', async () => {
    const { engine, persona, deliver } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    persona.change('inq_1', { status: 'expired' })
    await deliver({ name: 'inquiry.expired', status: 'expired', createdAt: after(60) })
    const again = await engine.initiateKyc(USER)
    expect(again.kycCase.id).toBe(kycCase.id)
    expect(again.kycCase.personaSessionToken).not.toBe(kycCase.personaSessionToken)
    expect(persona.calls.resume).toHaveBeenCalledExactlyOnceWith('inq_1')
  })

  it('is kept after an expired inquiry was resumed, not asked for at every visit', async () => {
    const { engine, persona, deliver, clock } = createTestEngine()
    await engine.initiateKyc(USER)
    clock.ms += DAY_MS
    persona.change('inq_1', { status: 'expired' })
    await deliver({ name: 'inquiry.expired', status: 'expired', createdAt: after(60) })
    const resumed = await engine.initiateKyc(USER)
    const again = await engine.initiateKyc(USER)
    expect(again.kycCase.personaSessionToken).toBe(resumed.kycCase.personaSessionToken)
    expect(persona.calls.resume).toHaveBeenCalledOnce()
  })

  it.each(['', 'not-a-jwt', 'a.b.c', `a.${Buffer.from('null').toString('base64url')}.c`, createSessionToken('x', 0)])(
    'is not what %j is',
    async (sessionToken) => {
      const { engine, persona } = createTestEngine()
      const original = persona.calls.create.getMockImplementation()
      persona.calls.create.mockImplementationOnce(async (options) => ({
        ...((await original?.(options)) ?? expect.unreachable()),
        sessionToken,
      }))
      await engine.initiateKyc(USER)
      persona.change('inq_1', { status: 'pending' })
      await engine.initiateKyc(USER)
      expect(persona.calls.resume).toHaveBeenCalledOnce()
    },
  )
})

describe('an inquiry that lost its session', () => {
  it.each(['pending', 'expired'])('is resumed when it is %s', async (status) => {
    const { engine, persona, kycCase } = await startOpenCase({ status })
    const again = await engine.initiateKyc(USER)
    expect(again.created).toBe(false)
    expect(again.kycCase).toMatchObject({ id: kycCase.id, personaInquiryId: 'inq_1', status: 'pending' })
    expect(again.kycCase.personaSessionToken).not.toBe(kycCase.personaSessionToken)
    expect(persona.calls.resume).toHaveBeenCalledExactlyOnceWith('inq_1')
    expect(persona.inquiries.size).toBe(1)
  })

  it('is not resumed while it is created: it opens without a token', async () => {
    const { engine, persona, kycCase } = await startOpenCase({ status: 'created' })
    const again = await engine.initiateKyc(USER)
    expect(again.kycCase).toMatchObject({ id: kycCase.id, personaInquiryId: 'inq_1', status: 'pending' })
    expect(persona.calls.resume).not.toHaveBeenCalled()
    expect(persona.inquiries.size).toBe(1)
  })

  it.each([
    ['completed', 'verified'],
    ['approved', 'verified'],
    ['declined', 'rejected'],
    ['needs_review', 'review'],
  ])('but is %s by now brings its case up to date: %s', async (status, expected) => {
    const { engine, persona } = await startOpenCase({ status })
    const { kycCase } = await engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ status: expected, personaStatus: status, personaSessionToken: null })
    expect(persona.calls.resume).not.toHaveBeenCalled()
    expect(persona.inquiries.size).toBe(1)
  })

  it('is resumed once for 20 callers at a time', async () => {
    const { engine, persona } = await startOpenCase({ status: 'expired' })
    const results = await Promise.all(Array.from({ length: 20 }, () => engine.initiateKyc(USER)))
    expect(new Set(results.map(({ kycCase }) => kycCase.personaSessionToken)).size).toBe(1)
    expect(persona.calls.resume).toHaveBeenCalledOnce()
  })
})

describe('an inquiry that cannot go on', () => {
  it.each<[string, Record<string, unknown>, number]>([
    ['has used its 25 sessions, pending', { status: 'pending' }, 25],
    ['has used its 25 sessions, expired', { status: 'expired' }, 25],
    ['was redacted', { status: 'pending', redactedAt: '2026-01-02T00:00:00Z' }, 1],
    ['was redacted before it began', { status: 'created', redactedAt: '2026-01-02T00:00:00Z' }, 0],
  ])('because it %s is replaced, and expired', async (_name, attributes, sessions) => {
    const { engine, persona, kycCase } = await startOpenCase(attributes, sessions)
    const again = await engine.initiateKyc(USER)
    expect(again.created).toBe(false)
    expect(again.kycCase).toMatchObject({ id: kycCase.id, personaInquiryId: 'inq_2', personaStatus: 'created' })
    expect(again.kycCase.personaSessionToken).not.toBeNull()
    expect(persona.calls.create.mock.calls[1]?.[0].idempotencyKey).toBe(`kyc-${kycCase.id}-1-inq_1`)
    expect(persona.calls.expire).toHaveBeenCalledExactlyOnceWith('inq_1')
    expect(persona.calls.resume).not.toHaveBeenCalled()
  })

  it('because Persona does not know it any more is replaced', async () => {
    const { engine, persona } = await startOpenCase({ status: 'pending' })
    persona.calls.retrieve.mockRejectedValueOnce(new PersonaApiError('persona_not_found', { status: 404 }))
    const { kycCase } = await engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ personaInquiryId: 'inq_2', status: 'pending' })
  })

  it('with 24 sessions is resumed', async () => {
    const { engine, persona } = await startOpenCase({ status: 'expired' }, 24)
    await engine.initiateKyc(USER)
    expect(persona.calls.resume).toHaveBeenCalledOnce()
  })

  it('because Persona refuses to resume it is replaced', async () => {
    const { engine, persona } = await startOpenCase({ status: 'expired' })
    persona.calls.resume.mockRejectedValueOnce(new PersonaApiError('persona_request_rejected', { status: 422 }))
    expect((await engine.initiateKyc(USER)).kycCase.personaInquiryId).toBe('inq_2')
  })

  it('because it moved on meanwhile is not replaced', async () => {
    const { engine, persona } = await startOpenCase({ status: 'pending' })
    persona.calls.resume.mockImplementationOnce(async (id) => {
      persona.change(id, { status: 'completed' })
      throw new PersonaApiError('persona_conflict', { status: 409 })
    })
    const { kycCase } = await engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ personaInquiryId: 'inq_1', status: 'verified' })
    expect(persona.inquiries.size).toBe(1)
  })

  it('is not replaced when Persona is down', async () => {
    const { engine, persona } = await startOpenCase({ status: 'pending' })
    persona.calls.resume.mockRejectedValueOnce(new PersonaApiError('persona_server_error', { status: 500 }))
    expect(await toRejection(engine.initiateKyc(USER))).toMatchObject({ code: 'persona_server_error' })
    expect(persona.inquiries.size).toBe(1)
  })

  it('is replaced though Persona does not let it expire', async () => {
    const { engine, persona } = await startOpenCase({ status: 'pending' }, 25)
    persona.calls.expire.mockRejectedValueOnce(new PersonaApiError('persona_conflict', { status: 409 }))
    expect((await engine.initiateKyc(USER)).kycCase.personaInquiryId).toBe('inq_2')
  })

  it('is replaced once, by however many processes at a time', async () => {
    const test = await startOpenCase({ status: 'expired' }, 25)
    const engines = [test.engine, test.createOther(), test.createOther()]
    const results = await Promise.all(
      engines.flatMap((engine) => Array.from({ length: 5 }, () => engine.initiateKyc(USER))),
    )
    expect(new Set(results.map(({ kycCase }) => kycCase.personaInquiryId))).toEqual(new Set(['inq_2']))
    expect(test.persona.inquiries.size).toBe(2)
  })
})

describe('the inquiry that was replaced', () => {
  it.each(['completed', 'declined', 'expired'])('changes nothing any more, say by %s', async (status) => {
    const { engine, deliver } = await startOpenCase({ status: 'pending' }, 25)
    const { kycCase } = await engine.initiateKyc(USER)
    const late = {
      name: `inquiry.${status}`,
      status,
      inquiryId: 'inq_1',
      referenceId: kycCase.id,
      createdAt: after(90_000),
    }
    expect(await deliver(late)).toMatchObject({ outcome: 'stale', transition: null })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'pending', personaInquiryId: 'inq_2' })
  })

  it('does not hold back the new one’s events, though they are older than its own last one', async () => {
    const { engine, kycCase, deliver } = await startOpenCase({ status: 'pending' }, 25)
    await deliver({ id: 'evt_late', name: 'inquiry.started', status: 'pending', createdAt: after(500_000) })
    await engine.initiateKyc(USER)
    await deliver({ id: 'evt_new', inquiryId: 'inq_2', referenceId: kycCase.id, createdAt: after(100_000) })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', personaInquiryId: 'inq_2' })
  })

  it('is not replaced when its case is decided while the new one is being made', async () => {
    const { engine, persona, deliver, kycCase } = await startOpenCase({ status: 'pending' }, 25)
    const original = persona.calls.create.getMockImplementation()
    persona.calls.create.mockImplementationOnce(async (options) => {
      await deliver({ id: 'evt_done', name: 'inquiry.completed', status: 'completed', createdAt: after(90_000) })
      return original?.(options) ?? expect.unreachable()
    })
    await engine.initiateKyc(USER)
    await deliver({
      id: 'evt_made',
      name: 'inquiry.created',
      status: 'created',
      inquiryId: 'inq_2',
      referenceId: kycCase.id,
      createdAt: after(90_001),
    })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', personaInquiryId: 'inq_1' })
    expect(persona.calls.expire).not.toHaveBeenCalledWith('inq_1')
  })
})
