import { describe, expect, it, vi } from 'vitest'
import { createKycEngine } from '../src/engine.js'
import { ConfigurationError } from '../src/errors.js'
import { after, createTestEngine, USER } from './test-engine.js'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('a new user', () => {
  it('gets a case with an inquiry and a session', async () => {
    const { engine, persona } = createTestEngine()
    const { created, kycCase } = await engine.initiateKyc(USER)
    expect(created).toBe(true)
    expect(kycCase).toMatchObject({
      id: expect.stringMatching(UUID),
      ...USER,
      status: 'pending',
      verificationScore: null,
      personaInquiryId: 'inq_1',
      personaStatus: 'created',
      kycClaimId: null,
      kycClaimTxHash: null,
      createdAt: new Date(after(0)),
      verifiedAt: null,
      erasedAt: null,
      personaSessionToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.signature$/),
    })
    expect(Object.keys(kycCase).filter((key) => /sealed|initiating|attempt/i.test(key))).toEqual([])
    expect(persona.calls.create).toHaveBeenCalledOnce()
  })

  it('is an account of that reference id at Persona, and the case the inquiry’s', async () => {
    const { engine, persona } = createTestEngine({ redirectUri: 'https://app.example/done' })
    const { kycCase } = await engine.initiateKyc(USER)
    expect(persona.calls.create).toHaveBeenCalledWith({
      inquiryTemplateId: 'itmpl_main',
      referenceId: kycCase.id,
      accountReferenceId: 'user_1',
      createSession: true,
      redirectUri: 'https://app.example/done',
      idempotencyKey: `kyc-${kycCase.id}-1`,
    })
  })

  it.each([
    ['itmpl_x', 'inquiryTemplateId'],
    ['itmplv_x', 'inquiryTemplateVersionId'],
    ['tmpl_x', 'templateId'],
    ['another-form', 'inquiryTemplateId'],
  ])('gets an inquiry of the template %s', async (templateId, member) => {
    const { engine, persona } = createTestEngine({ templateId })
    await engine.initiateKyc(USER)
    const names = ['inquiryTemplateId', 'inquiryTemplateVersionId', 'templateId']
    const [options = {}] = persona.calls.create.mock.calls[0] ?? []
    expect(Object.entries(options).filter(([name]) => names.includes(name))).toEqual([[member, templateId]])
  })

  it('has the prefilled fields that the app makes, and none otherwise', async () => {
    const input = { ...USER, personalInfo: { first: 'Ada' }, documentData: { number: 'X1' } }
    const toInquiryFields = vi.fn(() => ({ 'name-first': 'Ada' }))
    const { engine, persona } = createTestEngine({ toInquiryFields })
    await engine.initiateKyc(input)
    const { userId, ...told } = input
    expect(toInquiryFields).toHaveBeenCalledExactlyOnceWith(told)
    expect(persona.calls.create).toHaveBeenCalledWith(expect.objectContaining({ fields: { 'name-first': 'Ada' } }))
    const plain = createTestEngine()
    await plain.engine.initiateKyc(input)
    expect(plain.persona.calls.create.mock.calls[0]?.[0]).not.toHaveProperty('fields')
  })
})

describe('a user with an open case', () => {
  it('gets the same case and token again, without another word to Persona', async () => {
    const { engine, persona, clock } = createTestEngine()
    const first = await engine.initiateKyc(USER)
    clock.ms += 3_600_000
    const second = await engine.initiateKyc(USER)
    expect(second).toEqual({ created: false, kycCase: first.kycCase })
    expect(persona.calls.create).toHaveBeenCalledOnce()
    expect(persona.calls.retrieve).not.toHaveBeenCalled()
    expect(persona.calls.resume).not.toHaveBeenCalled()
  })

  it('gets it also from another process', async () => {
    const { engine, createOther, persona } = createTestEngine()
    const first = await engine.initiateKyc(USER)
    expect((await createOther().initiateKyc(USER)).kycCase).toEqual(first.kycCase)
    expect(persona.calls.create).toHaveBeenCalledOnce()
  })

  it('that is in review gets it as it is, without a token', async () => {
    const { engine, deliver, persona } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    await deliver({ name: 'inquiry.marked-for-review', status: 'needs_review', createdAt: after(1) })
    const again = await engine.initiateKyc(USER)
    expect(again).toMatchObject({
      created: false,
      kycCase: { id: kycCase.id, status: 'review', verificationScore: 0.5, personaSessionToken: null },
    })
    expect(persona.calls.create).toHaveBeenCalledOnce()
    expect(persona.calls.retrieve).not.toHaveBeenCalled()
  })
})

describe('a user whose case is closed', () => {
  it.each(['approved', 'declined', 'failed', 'completed'])('by %s gets a new one', async (status) => {
    const { engine, deliver, persona } = createTestEngine()
    const first = await engine.initiateKyc(USER)
    await deliver({ name: `inquiry.${status}`, status, createdAt: after(1) })
    const second = await engine.initiateKyc(USER)
    expect(second.created).toBe(true)
    expect(second.kycCase.id).not.toBe(first.kycCase.id)
    expect(second.kycCase.personaInquiryId).toBe('inq_2')
    expect(persona.calls.create).toHaveBeenCalledTimes(2)
  })

  it('by erasure gets a new one', async () => {
    const { engine } = createTestEngine()
    const first = await engine.initiateKyc(USER)
    await engine.eraseCase(first.kycCase.id)
    const second = await engine.initiateKyc(USER)
    expect(second.created).toBe(true)
    expect(second.kycCase.id).not.toBe(first.kycCase.id)
  })
})

describe('the caller’s idempotency key', () => {
  const keyed = { ...USER, idempotencyKey: 'request-1' }

  it('gives the same case again, also when it is closed', async () => {
    const { engine, deliver, persona } = createTestEngine()
    const first = await engine.initiateKyc(keyed)
    await deliver({ status: 'approved', createdAt: after(1) })
    const again = await engine.initiateKyc(keyed)
    expect(again).toMatchObject({ created: false, kycCase: { id: first.kycCase.id, status: 'verified' } })
    expect(persona.calls.create).toHaveBeenCalledOnce()
    const other = await engine.initiateKyc({ ...USER, idempotencyKey: 'request-2' })
    expect(other.created).toBe(true)
  })

  it('belongs to one user', async () => {
    const { engine } = createTestEngine()
    const first = await engine.initiateKyc(keyed)
    const second = await engine.initiateKyc({ ...keyed, userId: 'user_2' })
    expect(second.created).toBe(true)
    expect(second.kycCase.id).not.toBe(first.kycCase.id)
  })

  it('reaches the storage as a digest only', async () => {
    const { engine, storage } = createTestEngine()
    const createCase = vi.spyOn(storage, 'createCase')
    await engine.initiateKyc({ ...USER, idempotencyKey: 'canary-9f31c7' })
    expect(createCase.mock.calls[0]?.[0].idempotencyKey).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(createCase.mock.calls)).not.toContain('canary')
  })
})

describe('concurrent callers', () => {
  it('make one case and one inquiry, and all of them get it', async () => {
    const { engine, persona } = createTestEngine()
    const results = await Promise.all(Array.from({ length: 50 }, () => engine.initiateKyc(USER)))
    expect(persona.calls.create).toHaveBeenCalledOnce()
    expect(results.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(results.map(({ kycCase }) => JSON.stringify(kycCase))).size).toBe(1)
  })

  it('in several processes make one case and one inquiry', async () => {
    const { engine, createOther, persona } = createTestEngine()
    const engines = [engine, ...Array.from({ length: 4 }, createOther)]
    const calls = Array.from({ length: 50 }, (_, index) => engines[index % 5]?.initiateKyc(USER))
    const results = await Promise.all(calls)
    expect(persona.inquiries.size).toBe(1)
    expect(new Set(results.map((result) => result?.kycCase.personaInquiryId))).toEqual(new Set(['inq_1']))
    expect(results.filter((result) => result?.created)).toHaveLength(1)
  })

  it('that share a failure can all call again', async () => {
    const { engine, persona } = createTestEngine()
    persona.calls.create.mockRejectedValueOnce(new TypeError('a bug'))
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => engine.initiateKyc(USER)))
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'))
    expect(await engine.initiateKyc(USER)).toMatchObject({ created: false, kycCase: { personaInquiryId: 'inq_1' } })
  })

  it('of different users do not wait for each other', async () => {
    const { engine, persona } = createTestEngine()
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const original = persona.calls.create.getMockImplementation()
    persona.calls.create.mockImplementationOnce(async (options) => {
      await gate
      return original?.(options) ?? expect.unreachable()
    })
    const slow = engine.initiateKyc(USER)
    const fast = await engine.initiateKyc({ ...USER, userId: 'user_2' })
    expect(fast.created).toBe(true)
    release()
    expect((await slow).created).toBe(true)
  })
})

describe('an engine’s options', () => {
  it.each([
    ['an empty template id', { templateId: ' ' }],
    ['no webhook secret', { webhookSecrets: [] }],
    ['a tolerance of 0', { toleranceSeconds: 0 }],
    ['a short key', { encryptionKeys: [{ id: 'k1', key: 'c2hvcnQ=' }] }],
    ['an unknown policy', { statusPolicy: 'lenient' as 'decision' }],
    ['a table with a bad row', { statusPolicy: { approved: { status: 'verified' as const, score: 2 } } }],
  ])('are refused at once with %s', (_name, options) => {
    const { settings } = createTestEngine()
    expect(() => createKycEngine({ ...settings, ...options })).toThrow(ConfigurationError)
  })
})
