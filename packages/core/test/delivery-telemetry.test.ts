import { describe, expect, it } from 'vitest'
import type { KycAlarm } from '../src/alarms.js'
import { createKycHandler } from '../src/http.js'
import { createEventBody } from './event-bodies.js'
import { after, createTestEngine, START, toDelivery, USER } from './test-engine.js'

const EVENT = { id: 'evt_1', name: 'inquiry.completed', createdAt: after(1), inquiryId: 'inq_1', status: 'completed' }

async function createDelivered() {
  const alarms: KycAlarm[] = []
  const test = createTestEngine({ onAlarm: (alarm) => alarms.push(alarm) })
  const { kycCase } = await test.engine.initiateKyc(USER)
  const handler = createKycHandler({ engine: test.engine, authorize: () => 'forbidden' })
  return {
    ...test,
    alarms,
    kycCase,
    /** Sends the event with these headers, signed that many seconds ago. */
    async post(headers: Record<string, string>, { signedSecondsAgo = 0, event = EVENT } = {}) {
      const { body, signature } = await toDelivery(createEventBody(event), test.clock.ms - signedSecondsAgo * 1000)
      const init = {
        method: 'POST',
        body: body as Uint8Array<ArrayBuffer>,
        headers: { 'persona-signature': String(signature), ...headers },
      }
      return handler.fetch(new Request('https://app.example/webhooks/persona/inquiry', init))
    },
  }
}

const toHeaders = (made: string, left: string, first = String(START / 1000)) => ({
  'persona-webhook-attempts-made': made,
  'persona-webhook-attempts-left': left,
  'persona-webhook-first-attempted-at': first,
})

describe('the headers of a delivery', () => {
  it('are recorded with the event', async () => {
    const { post, engine, kycCase } = await createDelivered()
    expect((await post(toHeaders('3', '5'))).status).toBe(200)
    const { items } = await engine.listCaseEvents(kycCase.id)
    expect(items).toMatchObject([{ delivery: { attemptsMade: 3, attemptsLeft: 5, firstAttemptedAt: new Date(START) } }])
  })

  it.each([{}, toHeaders('-1', '1e3', 'soon'), toHeaders('99999', '', '')])(
    'count as missing where they are %j',
    async (headers) => {
      const { post, engine, kycCase, alarms } = await createDelivered()
      expect((await post(headers)).status).toBe(200)
      expect((await engine.listCaseEvents(kycCase.id)).items).toMatchObject([{ delivery: null }])
      expect(alarms).toEqual([])
    },
  )

  it.each([
    ['3', false],
    ['2', true],
    ['1', true],
    ['0', true],
  ])('raise an alarm with %s attempts left: %s', async (left, isAlarm) => {
    const { post, alarms } = await createDelivered()
    await post(toHeaders('6', left))
    const alarm = {
      kind: 'delivery_nearly_given_up',
      eventId: 'evt_1',
      eventName: 'inquiry.completed',
      attemptsMade: 6,
    }
    expect(alarms).toEqual(isAlarm ? [{ ...alarm, attemptsLeft: Number(left) }] : [])
  })

  it('raise no alarm on a delivery that is not signed', async () => {
    const { post, alarms } = await createDelivered()
    const { status } = await post({ ...toHeaders('7', '1'), 'persona-signature': `t=1,v1=${'0'.repeat(64)}` })
    expect([status, alarms]).toEqual([401, []])
  })
})

describe('a correctly signed delivery that is too old', () => {
  it('raises its own alarm when it is a retry, and changes nothing', async () => {
    const { post, alarms, engine, kycCase, logger } = await createDelivered()
    const { status } = await post(toHeaders('4', '4'), { signedSecondsAgo: 301 })
    expect([status, alarms]).toEqual([
      401,
      [{ kind: 'stale_retry_refused', attemptsMade: 4, attemptsLeft: 4, firstAttemptedAt: new Date(START) }],
    ])
    expect((await engine.getCase(kycCase.id)).status).toBe('pending')
    const logged = logger.entries.filter(({ level }) => level === 'error')
    expect(logged).toMatchObject([{ message: 'alarm: stale_retry_refused' }])
  })

  it.each([toHeaders('1', '7'), {}])('raises none with %j: it may be a replay', async (headers) => {
    const { post, alarms } = await createDelivered()
    expect((await post(headers, { signedSecondsAgo: 301 })).status).toBe(401)
    expect(alarms).toEqual([])
  })

  it('is fetched by the reconciler all the same', async () => {
    const { post, persona, engine, kycCase } = await createDelivered()
    await post(toHeaders('4', '4'), { signedSecondsAgo: 301 })
    persona.change('inq_1', { status: 'completed' })
    const report = await engine.reconcile({ quietMs: 0 })
    expect(report.transitions).toMatchObject([{ caseId: kycCase.id, to: 'verified' }])
  })
})

describe('onAlarm', () => {
  it('may fail, at once or later, without harm', async () => {
    for (const onAlarm of [
      () => Promise.reject(new Error('later')),
      () => {
        throw new Error('at once')
      },
    ]) {
      const { engine, logger, clock } = createTestEngine({ onAlarm })
      const delivery = await toDelivery(createEventBody(EVENT), clock.ms)
      await engine.processWebhook({ ...delivery, attemptsLeft: 0 })
      await new Promise((resolve) => setImmediate(resolve))
      expect(logger.entries.map(({ message }) => message)).toContain('onAlarm failed')
      expect(JSON.stringify(logger.entries)).not.toMatch(/later|at once/)
    }
  })
})
