import { describe, expect, it } from 'vitest'
import { LEASE_MS } from '../src/initiation.js'
import { PersonaApiError } from '../src/persona-error.js'
import { toRejection } from './canaries.js'
import { createInquiry } from './persona-stub.js'
import { createTestEngine, USER } from './test-engine.js'

type Engine = ReturnType<typeof createTestEngine>

const unreachable = () => new PersonaApiError('persona_unreachable')
const keysOf = ({ persona }: Engine) => persona.calls.create.mock.calls.map(([options]) => options.idempotencyKey)
const caseOf = async ({ storage }: Engine) => {
  const { items } = await storage.listCases({ status: null, claim: null, after: null, limit: 10 })
  expect(items).toHaveLength(1)
  return items[0] ?? expect.unreachable()
}

describe('a request that never reached Persona', () => {
  it('is made again by the next call under the same idempotency key', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(unreachable())
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ code: 'persona_unreachable' })
    const { id, personaInquiryId } = await caseOf(test)
    expect(personaInquiryId).toBeNull()
    const { created, kycCase } = await test.engine.initiateKyc(USER)
    expect(created).toBe(false)
    expect(kycCase).toMatchObject({ id, personaInquiryId: 'inq_1', status: 'pending' })
    expect(kycCase.personaSessionToken).not.toBeNull()
    expect(test.persona.calls.list).toHaveBeenCalledWith({ referenceId: id })
    expect(keysOf(test)).toEqual([`kyc-${id}-1`, `kyc-${id}-1`])
  })

  it('is made again with the same parameters, whatever the next call tells of the person', async () => {
    const test = createTestEngine({ toInquiryFields: ({ personalInfo }) => ({ first: personalInfo?.first ?? null }) })
    test.persona.calls.create.mockRejectedValueOnce(unreachable())
    await toRejection(test.engine.initiateKyc({ ...USER, personalInfo: { first: 'Ada' } }))
    await test.engine.initiateKyc({ ...USER, personalInfo: { first: 'Grace' } })
    const [first, second] = test.persona.calls.create.mock.calls
    expect(first?.[0]).toMatchObject({ fields: { first: 'Ada' } })
    expect(second).toEqual(first)
  })
})

describe('a request whose answer was lost', () => {
  it('leaves an inquiry that the next call finds by its reference id and adopts', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.createAndLose)
    await toRejection(test.engine.initiateKyc(USER))
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
    expect(test.persona.inquiries.size).toBe(1)
  })

  it('is completed also when the process died before attaching, by another process after the lease', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      await test.persona.createAndLose(options).catch(() => {})
      return new Promise(() => {})
    })
    void test.engine.initiateKyc(USER)
    const { kycCase } = await test.createOther().initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(test.persona.inquiries.size).toBe(1)
    expect(test.clock.ms - kycCase.createdAt.getTime()).toBeGreaterThanOrEqual(LEASE_MS)
  })

  it('is adopted with its present state', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.createAndLose)
    await toRejection(test.engine.initiateKyc(USER))
    test.persona.change('inq_1', { status: 'completed' })
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ personaInquiryId: 'inq_1', personaStatus: 'completed', status: 'verified' })
  })

  it('is adopted with a session when somebody had begun it', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.createAndLose)
    await toRejection(test.engine.initiateKyc(USER))
    test.persona.change('inq_1', { status: 'pending' })
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ personaInquiryId: 'inq_1', personaStatus: 'pending' })
    expect(kycCase.personaSessionToken).not.toBeNull()
    expect(test.persona.calls.resume).toHaveBeenCalledOnce()
  })

  it('is not taken for one of another template, or for one that is redacted', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(unreachable())
    await toRejection(test.engine.initiateKyc(USER))
    const { id } = await caseOf(test)
    const foreign = createInquiry('inq_foreign', { referenceId: id, status: 'approved' })
    const inquiryTemplate = { data: { type: 'inquiry-template', id: 'itmpl_lax' } }
    test.persona.inquiries.set('inq_foreign', {
      ...foreign,
      relationships: { ...foreign.relationships, inquiryTemplate },
    })
    test.persona.inquiries.set(
      'inq_gone',
      createInquiry('inq_gone', { referenceId: id, redactedAt: '2026-01-01T00:00:00Z' }),
    )
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase).toMatchObject({ personaInquiryId: 'inq_3', status: 'pending' })
  })
})

describe('an error that Persona stores under the key', () => {
  it('of 500 is followed by a look, and the next call uses the next key', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.failAndStore(500))
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ status: 500 })
    expect(test.persona.calls.list).toHaveBeenCalledOnce()
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(keysOf(test)).toEqual([`kyc-${kycCase.id}-1`, `kyc-${kycCase.id}-2`])
  })

  it('of 500 that took effect all the same makes no second inquiry', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      await test.persona.createAndLose(options).catch(() => {})
      return test.persona.failAndStore(500)(options)
    })
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
  })

  it.each([408, 502, 503, 504])(
    'may be a %i of the edge, behind which it still runs: the key stays for a minute',
    async (status) => {
      const test = createTestEngine()
      test.persona.calls.create.mockImplementationOnce(test.persona.failAndStore(status))
      expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ status })
      expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ status })
      test.clock.ms += 61_000
      expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ status })
      const { kycCase } = await test.engine.initiateKyc(USER)
      const key = `kyc-${kycCase.id}`
      expect(keysOf(test)).toEqual([`${key}-1`, `${key}-1`, `${key}-1`, `${key}-2`])
    },
  )

  it('may be a 409 for a request that still runs under this key: the caller is told to come again', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(new PersonaApiError('persona_conflict', { status: 409 }))
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ code: 'initiation_in_progress' })
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(keysOf(test)).toEqual([`kyc-${kycCase.id}-1`, `kyc-${kycCase.id}-1`])
  })

  it('is waited out by a caller who takes over, and is not told to come again', async () => {
    const test = createTestEngine()
    test.persona.calls.create
      .mockRejectedValueOnce(unreachable())
      .mockRejectedValueOnce(new PersonaApiError('persona_conflict', { status: 409 }))
    await toRejection(test.engine.initiateKyc(USER))
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(new Set(keysOf(test))).toEqual(new Set([`kyc-${kycCase.id}-1`]))
  })

  it('leaves one live inquiry where a request that was given up took effect in the end', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.failAndStore(500))
    await toRejection(test.engine.initiateKyc(USER))
    const { id } = await caseOf(test)
    const late = createInquiry('inq_late', { referenceId: id })
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      test.persona.inquiries.set('inq_late', late)
      return original?.(options) ?? expect.unreachable()
    })
    await test.engine.initiateKyc(USER)
    expect(test.persona.calls.expire).toHaveBeenCalledExactlyOnceWith('inq_late')
  })

  it.each([400, 403, 404, 422])('of %i ends the call, and the next one uses the next key', async (status) => {
    const test = createTestEngine()
    test.persona.calls.create.mockImplementationOnce(test.persona.failAndStore(status))
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ status })
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_1')
    expect(keysOf(test)).toEqual([`kyc-${kycCase.id}-1`, `kyc-${kycCase.id}-2`])
  })

  it.each([
    [401, 'persona_unauthorized'],
    [429, 'persona_rate_limited'],
  ] as const)('does not include a %i, which comes before it: the key stays', async (status, code) => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(new PersonaApiError(code, { status }))
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ code })
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(keysOf(test)).toEqual([`kyc-${kycCase.id}-1`, `kyc-${kycCase.id}-1`])
  })
})

describe('a caller who finds another process at work', () => {
  it('waits for it and gets its inquiry', async () => {
    const test = createTestEngine()
    let finish = () => {}
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return original?.(options) ?? expect.unreachable()
    })
    const first = test.engine.initiateKyc(USER)
    test.sleep.mockImplementationOnce(async () => {
      finish()
      await first
    })
    const second = await test.createOther().initiateKyc(USER)
    expect(second.kycCase).toEqual((await first).kycCase)
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
  })

  it('is told to come again when the inquiry is never there', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(unreachable())
    await toRejection(test.engine.initiateKyc(USER))
    const { id } = await caseOf(test)
    const lastForever = { currentInquiryId: null, now: new Date(0), until: new Date(8e15) }
    expect(await test.storage.leaseInitiation(id, lastForever)).not.toBeNull()
    expect(await toRejection(test.engine.initiateKyc(USER))).toMatchObject({ code: 'initiation_in_progress' })
  })

  it('gives the right back when it fails itself, so that nobody has to wait', async () => {
    const test = createTestEngine()
    test.persona.calls.create.mockRejectedValueOnce(unreachable())
    await toRejection(test.engine.initiateKyc(USER))
    await test.createOther().initiateKyc(USER)
    expect(test.sleep).not.toHaveBeenCalled()
  })
})

describe('an inquiry that is made too late', () => {
  /** Gives the case another inquiry while its own is being created. */
  function attachMeanwhile(test: Engine) {
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      test.persona.inquiries.set('inq_other', createInquiry('inq_other', { referenceId: options.referenceId }))
      const other = { inquiryId: 'inq_other', replaces: null, personaStatus: 'created', sealedSessionToken: null }
      await test.storage.attachInquiry(options.referenceId ?? '', { ...other, now: new Date(test.clock.ms) })
      return original?.(options) ?? expect.unreachable()
    })
  }

  it('is expired, and the caller gets the one that the case has', async () => {
    const test = createTestEngine()
    attachMeanwhile(test)
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_other')
    expect(test.persona.calls.expire.mock.calls).toEqual([['inq_2']])
  })

  it.each([
    ['persona_server_error', 500],
    ['persona_conflict', 409],
    ['persona_unreachable', null],
  ] as const)('does no harm when it cannot be expired: %s', async (code, status) => {
    const test = createTestEngine()
    attachMeanwhile(test)
    test.persona.calls.expire.mockRejectedValueOnce(new PersonaApiError(code, { status }))
    const { kycCase } = await test.engine.initiateKyc(USER)
    expect(kycCase.personaInquiryId).toBe('inq_other')
    expect(test.persona.calls.create).toHaveBeenCalledOnce()
    expect(await caseOf(test)).toMatchObject({ inquiryAttempt: 1 })
  })
})
