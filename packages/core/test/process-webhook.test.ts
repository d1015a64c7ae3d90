import { describe, expect, it, vi } from 'vitest'
import { EventError, SignatureError, StorageError } from '../src/errors.js'
import type { JsonObject } from '../src/inflection.js'
import { toRejection } from './canaries.js'
import { createEventBody, INFLECTIONS, inflect } from './event-bodies.js'
import { after, createTestEngine, START, toDelivery, USER } from './test-engine.js'

const APPROVED = { id: 'evt_approved', name: 'inquiry.approved', status: 'approved', createdAt: after(10) }

async function startCase(options: Parameters<typeof createTestEngine>[0] = {}) {
  const test = createTestEngine(options)
  const { kycCase } = await test.engine.initiateKyc(USER)
  return { ...test, kycCase }
}

describe('a webhook', () => {
  it.each(INFLECTIONS)('in %s moves its case', async (inflection) => {
    const { engine, deliverBody, kycCase } = await startCase()
    const result = await deliverBody(inflect(createEventBody(APPROVED), inflection) as JsonObject)
    expect(result).toEqual({
      outcome: 'applied',
      eventId: 'evt_approved',
      caseId: kycCase.id,
      transition: {
        caseId: kycCase.id,
        revision: 1,
        from: 'pending',
        to: 'verified',
        score: 1,
        personaStatus: 'approved',
        eventId: 'evt_approved',
        eventName: 'inquiry.approved',
        occurredAt: new Date(after(10)),
        recordedAt: new Date(START),
      },
    })
    expect(await engine.getCase(kycCase.id)).toMatchObject({
      status: 'verified',
      verificationScore: 1,
      personaStatus: 'approved',
      verifiedAt: new Date(after(10)),
      personaSessionToken: null,
    })
  })

  it.each([
    ['inquiry.started', 'pending', 'pending', null],
    ['inquiry.completed', 'completed', 'verified', 1],
    ['inquiry.failed', 'failed', 'rejected', 0],
    ['inquiry.declined', 'declined', 'rejected', 0],
    ['inquiry.expired', 'expired', 'pending', null],
    ['inquiry.marked-for-review', 'needs_review', 'review', 0.5],
    ['inquiry.transitioned', 'approved', 'verified', 1],
    ['inquiry.approved', 'declined', 'rejected', 0],
    ['inquiry.approved', null, 'verified', 1],
  ])('%s with the status %s leaves the case %s', async (name, status, expected, score) => {
    const { engine, deliver, kycCase } = await startCase()
    expect((await deliver({ name, status, createdAt: after(1) })).outcome).toBe('applied')
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: expected, verificationScore: score })
  })

  it('in the short form moves its case', async () => {
    const { engine, deliverBody, kycCase } = await startCase()
    const body = { type: 'inquiry.completed', data: { id: 'inq_1', attributes: { status: 'completed' } } }
    const first = await deliverBody(body)
    expect(first).toMatchObject({ outcome: 'applied', eventId: expect.stringMatching(/^short_[0-9a-f]{64}$/) })
    expect(await deliverBody(body)).toMatchObject({ outcome: 'duplicate', transition: null })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', verifiedAt: new Date(START + 999) })
  })
})

describe('a webhook in the short form, which does not say when it happened', () => {
  const DECLINED = { type: 'inquiry.declined', data: { id: 'inq_1', attributes: { status: 'declined' } } }

  /** What becomes of a short form sent at that second, after an event of the tenth second. */
  async function deliverShort(signedAt: number, firstAttemptedAt?: number) {
    const { engine, deliver, clock, kycCase } = await startCase()
    await deliver(APPROVED)
    clock.ms = START + signedAt * 1000
    const delivery = await toDelivery(DECLINED, clock.ms)
    const firstAttemptedAtSeconds = firstAttemptedAt === undefined ? null : START / 1000 + firstAttemptedAt
    const { outcome } = await engine.processWebhook({ ...delivery, firstAttemptedAtSeconds })
    return { outcome, status: (await engine.getCase(kycCase.id)).status }
  }

  it('has its place at the second in which it was signed', async () => {
    expect(await deliverShort(9)).toEqual({ outcome: 'stale', status: 'verified' })
    expect(await deliverShort(10)).toEqual({ outcome: 'applied', status: 'rejected' })
    expect(await deliverShort(11)).toEqual({ outcome: 'applied', status: 'rejected' })
  })

  it('keeps the place of its first attempt when it is sent again', async () => {
    expect(await deliverShort(200, 9)).toEqual({ outcome: 'stale', status: 'verified' })
    expect(await deliverShort(200, 11)).toEqual({ outcome: 'applied', status: 'rejected' })
  })

  /** Sends approved, declined and approved again, a minute apart, and says where the case ends. */
  async function sendThrice(toHeader: (seconds: number) => number | null) {
    const { engine, clock, kycCase } = await startCase()
    const outcomes: string[] = []
    for (const status of ['approved', 'declined', 'approved']) {
      clock.ms += 60_000
      const body = { type: `inquiry.${status}`, data: { id: 'inq_1', attributes: { status } } }
      const firstAttemptedAtSeconds = toHeader(clock.ms / 1000)
      outcomes.push(
        (await engine.processWebhook({ ...(await toDelivery(body, clock.ms)), firstAttemptedAtSeconds })).outcome,
      )
    }
    return { outcomes, status: (await engine.getCase(kycCase.id)).status }
  }

  it('counts again where a header tells that it was first sent later', async () => {
    expect(await sendThrice((seconds) => seconds)).toEqual({
      outcomes: ['applied', 'applied', 'applied'],
      status: 'verified',
    })
  })

  it('is taken for a retry where no header tells, so that no old event turns the case around', async () => {
    expect(await sendThrice(() => null)).toEqual({ outcomes: ['applied', 'applied', 'duplicate'], status: 'rejected' })
  })

  it('is never later than its signature, whatever the header says', async () => {
    expect(await deliverShort(9, 999_999)).toEqual({ outcome: 'stale', status: 'verified' })
  })
})

describe('the policy for decisions', () => {
  it('leaves a completed inquiry pending until it is decided', async () => {
    const { engine, deliver, kycCase } = await startCase({ statusPolicy: 'decision' })
    const completed = { id: 'evt_1', name: 'inquiry.completed', status: 'completed', createdAt: after(1) }
    expect(await deliver(completed)).toMatchObject({ outcome: 'applied', transition: null })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'pending', personaStatus: 'completed' })
    expect((await deliver(APPROVED)).transition).toMatchObject({ from: 'pending', to: 'verified', revision: 1 })
  })
})

describe('a webhook that comes again, late or for nobody', () => {
  it('is a duplicate by its id and time, whatever else it says', async () => {
    const { engine, deliver, kycCase } = await startCase()
    await deliver(APPROVED)
    const again = { ...APPROVED, status: 'declined' }
    expect(await deliver(again)).toMatchObject({ outcome: 'duplicate', transition: null, caseId: null })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
    expect((await engine.readFeed({})).items).toHaveLength(1)
  })

  it('is stale when it is older than what the case holds', async () => {
    const { engine, deliver, kycCase } = await startCase()
    await deliver(APPROVED)
    const early = { id: 'evt_started', name: 'inquiry.started', status: 'pending', createdAt: after(9) }
    expect(await deliver(early)).toMatchObject({ outcome: 'stale', caseId: kycCase.id, transition: null })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('is decided by rank at one time, then by the id', async () => {
    const at = (id: string, status: string) => ({ id, name: `inquiry.${status}`, status, createdAt: after(5) })
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const { engine, deliver, kycCase } = await startCase()
      const events = [at('evt_z', 'completed'), at('evt_a', 'declined'), at('evt_b', 'approved')]
      for (const index of order) await deliver(events[index] ?? expect.unreachable())
      expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', personaStatus: 'approved' })
    }
  })

  it('is unmatched when no case has its inquiry', async () => {
    const { deliver } = createTestEngine()
    expect(await deliver(APPROVED)).toMatchObject({ outcome: 'unmatched', caseId: null, transition: null })
  })

  it.each(['inquiry.updated-tags', 'inquiry-session.started', 'account.created', '__proto__'])(
    'is ignored when it is %s, which moves no case',
    async (name) => {
      const { engine, deliver, kycCase } = await startCase()
      expect(await deliver({ name, status: 'approved', createdAt: after(5) })).toMatchObject({ outcome: 'ignored' })
      expect((await engine.getCase(kycCase.id)).status).toBe('pending')
    },
  )
})

describe('a webhook that is there before Persona’s answer', () => {
  /** Delivers an event while the inquiry is being created. */
  async function deliverEarly(
    event: (caseId: string) => Parameters<ReturnType<typeof createTestEngine>['deliver']>[0],
  ) {
    const test = createTestEngine()
    const outcomes: string[] = []
    const original = test.persona.calls.create.getMockImplementation()
    test.persona.calls.create.mockImplementationOnce(async (options) => {
      const answer = (await original?.(options)) ?? expect.unreachable()
      outcomes.push((await test.deliver(event(options.referenceId ?? ''))).outcome)
      return answer
    })
    const { kycCase } = await test.engine.initiateKyc(USER)
    return { ...test, kycCase, outcomes }
  }

  it('finds its case by the reference id', async () => {
    const { kycCase, outcomes } = await deliverEarly((referenceId) => ({ ...APPROVED, referenceId }))
    expect(outcomes).toEqual(['applied'])
    expect(kycCase).toMatchObject({ status: 'verified', personaInquiryId: 'inq_1', personaSessionToken: null })
  })

  it('leaves the case its session token while it is pending', async () => {
    const started = { name: 'inquiry.started', status: 'pending', createdAt: after(1) }
    const { kycCase } = await deliverEarly((referenceId) => ({ ...started, referenceId }))
    expect(kycCase).toMatchObject({ status: 'pending', personaStatus: 'pending' })
    expect(kycCase.personaSessionToken).not.toBeNull()
  })

  it('does not find it for an inquiry of another template, which anybody may make', async () => {
    const { kycCase, outcomes } = await deliverEarly((referenceId) => ({
      ...APPROVED,
      referenceId,
      templateId: 'itmpl_lax',
    }))
    expect(outcomes).toEqual(['unmatched'])
    expect(kycCase.status).toBe('pending')
  })

  it('does not find it by a reference id that is no case id', async () => {
    const { deliver, storage, kycCase } = await startCase()
    const record = vi.spyOn(storage, 'recordEvent')
    for (const referenceId of ['user_1', kycCase.id.toUpperCase(), `${kycCase.id}\n`, '']) {
      await deliver({ ...APPROVED, id: `evt_${referenceId}`, inquiryId: 'inq_foreign', referenceId })
    }
    expect(record.mock.calls.map(([event]) => event.referenceId)).toEqual([null, null, null, null])
  })

  it('does not take a case that has another inquiry', async () => {
    const { engine, deliver, kycCase } = await startCase()
    const foreign = { ...APPROVED, inquiryId: 'inq_foreign', referenceId: kycCase.id }
    expect(await deliver(foreign)).toMatchObject({ outcome: 'stale', transition: null })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'pending', personaInquiryId: 'inq_1' })
  })
})

describe('a webhook that is refused', () => {
  it('changes nothing when its signature is wrong', async () => {
    const { engine, storage, kycCase } = await startCase()
    const record = vi.spyOn(storage, 'recordEvent')
    const delivery = await toDelivery(createEventBody(APPROVED), START)
    for (const signature of [null, 'x', `t=1,v1=${'0'.repeat(64)}`]) {
      const error = await toRejection(engine.processWebhook({ ...delivery, signature }))
      expect(error).toBeInstanceOf(SignatureError)
    }
    const body = new TextEncoder().encode(new TextDecoder().decode(delivery.body).replace('inq_1', 'inq_2'))
    expect(await toRejection(engine.processWebhook({ ...delivery, body }))).toMatchObject({ reason: 'mismatch' })
    expect(record).not.toHaveBeenCalled()
    expect((await engine.getCase(kycCase.id)).status).toBe('pending')
  })

  it('changes nothing when it is out of the window', async () => {
    const { engine, clock } = await startCase()
    const delivery = await toDelivery(createEventBody(APPROVED), START)
    clock.ms += 301_000
    expect(await toRejection(engine.processWebhook(delivery))).toMatchObject({ reason: 'stale' })
  })

  it('changes nothing when it is signed, but no event', async () => {
    const { storage, deliverBody } = await startCase()
    const record = vi.spyOn(storage, 'recordEvent')
    expect(await toRejection(deliverBody({ data: { type: 'event' } }))).toBeInstanceOf(EventError)
    expect(record).not.toHaveBeenCalled()
  })

  it('is not acknowledged when the storage fails', async () => {
    const { storage, deliver } = await startCase()
    const down = new StorageError('storage_unavailable', { problem: 'It is down.', fix: 'Wait.' })
    vi.spyOn(storage, 'recordEvent').mockRejectedValueOnce(down)
    expect(await toRejection(deliver(APPROVED))).toBe(down)
    expect(await deliver(APPROVED)).toMatchObject({ outcome: 'applied' })
  })
})
