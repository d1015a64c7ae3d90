import { describe, expect, it } from 'vitest'
import { createEventBody } from './event-bodies.js'
import { after, createTestEngine, toDelivery, USER } from './test-engine.js'

const EVENT = { id: 'evt_1', name: 'inquiry.approved', createdAt: after(1), inquiryId: 'inq_1', status: 'approved' }

/** Finds an entry by its message. */
function find(logger: ReturnType<typeof createTestEngine>['logger'], message: string) {
  return logger.entries.filter((entry) => entry.message === message)
}

describe('the log tells by ids and states', () => {
  it('of an event that was recorded, and of the case that it moved', async () => {
    const { engine, deliver, logger } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    await deliver(EVENT)
    const names = { eventId: 'evt_1', eventName: 'inquiry.approved' }
    expect(find(logger, 'event recorded')).toEqual([
      { level: 'debug', message: 'event recorded', fields: { ...names, outcome: 'applied', caseId: kycCase.id } },
    ])
    const fields = { caseId: kycCase.id, revision: 1, from: 'pending', to: 'verified', ...names }
    expect(find(logger, 'case moved')).toEqual([{ level: 'info', message: 'case moved', fields }])
    expect(find(logger, 'ready to issue identity claim')).toMatchObject([
      { fields: { caseId: kycCase.id, revision: 1 } },
    ])
  })

  it('of an event that belongs to no case', async () => {
    const { deliver, logger } = createTestEngine()
    await deliver(EVENT)
    expect(find(logger, 'event recorded')).toMatchObject([{ fields: { outcome: 'unmatched', caseId: null } }])
  })

  it('of an event about anything but an inquiry', async () => {
    const { deliverBody, logger } = createTestEngine()
    const data = { type: 'account', id: 'act_1' }
    const attributes = { name: 'account.created', 'created-at': after(1), payload: { data } }
    await deliverBody({ data: { type: 'event', id: 'evt_a', attributes } })
    expect(find(logger, 'event recorded')).toMatchObject([
      { fields: { eventName: 'account.created', outcome: 'ignored' } },
    ])
  })

  it('of a webhook that was refused, and why', async () => {
    const { engine, logger, clock } = createTestEngine()
    const { body } = await toDelivery(createEventBody(EVENT), clock.ms)
    await engine.processWebhook({ body, signature: null }).catch(() => {})
    expect(find(logger, 'webhook refused')).toEqual([
      { level: 'warn', message: 'webhook refused', fields: { reason: 'missing', bytes: body.length } },
    ])
  })

  it('of a signed webhook that cannot be read', async () => {
    const { engine, logger, clock } = createTestEngine()
    const delivery = await toDelivery({ data: null }, clock.ms)
    await engine.processWebhook(delivery).catch(() => {})
    expect(find(logger, 'webhook is signed but cannot be read')).toMatchObject([
      { level: 'warn', fields: { code: 'event_malformed', bytes: delivery.body.length } },
    ])
  })

  it('of an inquiry of an erased case, whether it was redacted or not', async () => {
    const { engine, deliver, logger, persona } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    await engine.eraseCase(kycCase.id)
    persona.inquiries.set('inq_late', { ...persona.change('inq_1', {}), id: 'inq_late' })
    persona.calls.redact.mockClear()
    const late = { ...EVENT, inquiryId: 'inq_late', referenceId: kycCase.id }
    persona.calls.redact.mockRejectedValueOnce(new Error('canary'))
    await expect(deliver(late)).rejects.toMatchObject({ code: 'persona_timeout' })
    const fields = { caseId: kycCase.id, inquiryId: 'inq_late' }
    expect(find(logger, 'inquiry of an erased case not redacted')).toMatchObject([{ level: 'error', fields }])
    await deliver(late)
    expect(persona.calls.redact).toHaveBeenCalledTimes(2)
    expect(find(logger, 'inquiry of an erased case redacted')).toMatchObject([{ level: 'warn', fields }])
    expect(JSON.stringify(logger.entries)).not.toContain('canary')
    await deliver({ ...late, id: 'evt_redacted', name: 'inquiry.redacted' })
    await deliver({ ...EVENT, id: 'evt_own', name: 'inquiry.approved' })
    expect(persona.calls.redact, 'neither what is redacted, nor the case’s own inquiry').toHaveBeenCalledTimes(2)
  })

  it('of a hook that takes long', async () => {
    const { engine, deliver, logger } = createTestEngine({ onTransition: () => new Promise(() => {}) })
    const { kycCase } = await engine.initiateKyc(USER)
    await deliver(EVENT)
    expect(find(logger, 'onTransition takes long')).toMatchObject([{ fields: { caseId: kycCase.id, revision: 1 } }])
  })
})

describe('what a delivery says about attempts is stored as far as it says it', () => {
  it.each([
    [{ attemptsMade: 2 }, { attemptsMade: 2, attemptsLeft: null, firstAttemptedAt: null }],
    [{ attemptsLeft: 5 }, { attemptsMade: null, attemptsLeft: 5, firstAttemptedAt: null }],
    [{ firstAttemptedAtSeconds: 7 }, { attemptsMade: null, attemptsLeft: null, firstAttemptedAt: new Date(7000) }],
    [{}, null],
  ])('%j', async (headers, delivery) => {
    const { engine, clock } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    await engine.processWebhook({ ...(await toDelivery(createEventBody(EVENT), clock.ms)), ...headers })
    expect((await engine.listCaseEvents(kycCase.id)).items).toMatchObject([{ delivery }])
  })

  it('raises no alarm for a first delivery, nor for another refusal than stale', async () => {
    const alarms: unknown[] = []
    const { engine, clock } = createTestEngine({ onAlarm: (alarm) => alarms.push(alarm) })
    const stale = await toDelivery(createEventBody(EVENT), clock.ms - 400_000)
    for (const attemptsMade of [null, 0, 1]) await engine.processWebhook({ ...stale, attemptsMade }).catch(() => {})
    await engine.processWebhook({ ...stale, signature: 'odd', attemptsMade: 5 }).catch(() => {})
    expect(alarms).toEqual([])
    await engine.processWebhook({ ...stale, attemptsMade: 2 }).catch(() => {})
    expect(alarms).toHaveLength(1)
  })
})
