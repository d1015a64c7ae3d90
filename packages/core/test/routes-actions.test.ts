import { describe, expect, it, vi } from 'vitest'
import type { Authorization } from '../src/authorize.js'
import { StorageError } from '../src/errors.js'
import { PersonaApiError } from '../src/persona-error.js'
import { createEventBody } from './event-bodies.js'
import { after, START, toDelivery } from './test-engine.js'
import { CASE_PATH, createTestHandler, FORMED, HOST } from './test-handler.js'

const APPROVED = { id: 'evt_1', status: 'approved', createdAt: after(1) }
const WEBHOOK = '/webhooks/persona/inquiry'

async function startCase() {
  const test = createTestHandler()
  return { ...test, caseId: await test.initiate() }
}

const down = () => new StorageError('storage_unavailable', { problem: 'canary-9f31c7', fix: 'Wait.' })

describe('POST /compliance/kyc/:case_id/resume', () => {
  it('is 200 with a fresh token', async () => {
    const { call, caseId, persona } = await startCase()
    persona.change('inq_1', { status: 'expired' })
    const { status, json } = await call('POST', `${CASE_PATH}/${caseId}/resume`)
    expect(status).toBe(200)
    expect(json).toMatchObject({ case_id: caseId, persona_inquiry_id: 'inq_1', status: 'pending' })
    expect(json.persona_session_token).toEqual(expect.any(String))
  })

  it('is 409 when the case is decided', async () => {
    const { call, caseId, deliverEvent } = await startCase()
    await deliverEvent(APPROVED)
    const { status, json } = await call('POST', `${CASE_PATH}/${caseId}/resume`)
    expect([status, json.code]).toEqual([409, 'case_not_resumable'])
  })
})

describe('the decisions', () => {
  it.each([
    ['approve', 'verified', 1],
    ['decline', 'rejected', 0],
    ['mark-for-review', 'review', 0.5],
  ])('POST …/%s is 200 with the case, with a body or without', async (decision, status, score) => {
    for (const body of [undefined, {}, { comment: 'fine' }]) {
      const { call, caseId } = await startCase()
      const answer = await call('POST', `${CASE_PATH}/${caseId}/${decision}`, body)
      expect(answer.status).toBe(200)
      expect(answer.json).toMatchObject({ case_id: caseId, status, verification_score: score })
    }
  })

  it('are 400 with anything but a comment', async () => {
    const { call, caseId } = await startCase()
    for (const body of [{ comment: 5 }, { comment: 'x'.repeat(2001) }, { reason: 'x' }, null]) {
      expect((await call('POST', `${CASE_PATH}/${caseId}/approve`, body)).status).toBe(400)
    }
  })

  it('are 409 when Persona refuses them', async () => {
    const { call, caseId, persona } = await startCase()
    persona.calls.markForReview.mockRejectedValueOnce(new PersonaApiError('persona_conflict', { status: 409 }))
    const { status, json } = await call('POST', `${CASE_PATH}/${caseId}/mark-for-review`)
    expect([status, json.code]).toEqual([409, 'persona_conflict'])
  })
})

describe('the audit trail and the feed', () => {
  it('show what happened', async () => {
    const { call, caseId, deliverEvent } = await startCase()
    await deliverEvent(APPROVED)
    const transition = {
      case_id: caseId,
      revision: 1,
      from: 'pending',
      to: 'verified',
      verification_score: 1,
      persona_status: 'approved',
      event_id: 'evt_1',
      event_name: 'inquiry.approved',
      occurred_at: after(1),
      recorded_at: after(0),
    }
    const trail = await call('GET', `${CASE_PATH}/${caseId}/events`)
    expect(trail.json).toEqual({
      events: [
        {
          event_id: 'evt_1',
          event_name: 'inquiry.approved',
          outcome: 'applied',
          persona_status: 'approved',
          occurred_at: after(1),
          received_at: after(0),
          transition,
        },
      ],
      next_after: null,
    })
    const feed = await call('GET', '/compliance/events')
    expect(feed.json).toEqual({ events: [transition], next_after: expect.any(String) })
    const next = await call('GET', `/compliance/events?after=${feed.json.next_after}`)
    expect(next.json).toEqual({ events: [], next_after: feed.json.next_after })
  })

  it('are 404 and 400 as they should', async () => {
    const { call, caseId } = await startCase()
    expect((await call('GET', `${CASE_PATH}/nobody/events`)).status).toBe(404)
    for (const path of [`${CASE_PATH}/${caseId}/events`, '/compliance/events']) {
      for (const query of ['limit=0', 'limit=501', 'status=verified', 'after=']) {
        expect((await call('GET', `${path}?${query}`)).status).toBe(400)
      }
    }
  })
})

describe('POST /webhooks/persona/inquiry', () => {
  it('is 200 with the outcome', async () => {
    const { deliverEvent } = await startCase()
    const outcomes = []
    const events = [
      APPROVED,
      APPROVED,
      { id: 'evt_0', name: 'inquiry.started', status: 'pending', createdAt: after(0) },
      { id: 'evt_2', name: 'inquiry.updated-tags' },
      { id: 'evt_3', inquiryId: 'inq_unknown' },
    ]
    for (const event of events) {
      const { status, json } = await deliverEvent(event)
      expect([status, json.received]).toEqual([200, true])
      outcomes.push(json.outcome)
    }
    expect(outcomes).toEqual(['applied', 'duplicate', 'stale', 'ignored', 'unmatched'])
  })

  it.each(['', 'canary', '-1', '1.5', '1e99', '9'.repeat(400), 'NaN', '1767323045, 1767323045'])(
    'is 200 also when Persona-Webhook-First-Attempted-At is %j',
    async (value) => {
      const { send, clock } = await startCase()
      const body = { type: 'inquiry.completed', data: { id: 'inq_1' } }
      const delivery = await toDelivery(body, clock.ms)
      const headers = {
        'persona-signature': String(delivery.signature),
        'persona-webhook-first-attempted-at': value,
      }
      const init = { method: 'POST', body: new Uint8Array(delivery.body), headers }
      const { status, json } = await send(new Request(HOST + WEBHOOK, init))
      expect([status, json.outcome]).toEqual([200, 'applied'])
    },
  )

  it('needs no authorisation', async () => {
    const { deliverEvent, authorize } = await startCase()
    authorize.mockReturnValue('unauthenticated')
    authorize.mockClear()
    expect((await deliverEvent(APPROVED)).status).toBe(200)
    expect(authorize).not.toHaveBeenCalled()
  })

  it('is the same 401 for every reason, and changes nothing', async () => {
    const { send, engine, caseId, clock } = await startCase()
    const sign = async (ms: number) => String((await toDelivery(createEventBody(APPROVED), ms)).signature)
    const body = new Uint8Array((await toDelivery(createEventBody(APPROVED), clock.ms)).body)
    const headers: Record<string, string>[] = [
      {},
      { 'persona-signature': 'nonsense' },
      { 'persona-signature': await sign(START - 301_000) },
      { 'persona-signature': await sign(START + 302_000) },
      { 'persona-signature': (await sign(START)).replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) },
    ]
    const answers = []
    for (const header of headers) {
      const answer = await send(new Request(`${HOST}${WEBHOOK}`, { method: 'POST', body, headers: header }))
      answers.push(JSON.stringify([answer.status, answer.text, [...answer.headers]]))
    }
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('401')
    expect(answers[0]).not.toMatch(/stale|future|mismatch|missing|malformed/)
    expect((await engine.getCase(caseId)).status).toBe('pending')
  })

  it('is 400 for what is signed, but no event', async () => {
    const { send, clock } = await startCase()
    const { body, signature } = await toDelivery({ canary: 1 }, clock.ms)
    const headers = { 'persona-signature': String(signature) }
    const request = new Request(`${HOST}${WEBHOOK}`, { method: 'POST', body: new Uint8Array(body), headers })
    const { status, json, text } = await send(request)
    expect([status, json.code]).toEqual([400, 'event_malformed'])
    expect(text).not.toContain('canary')
  })

  it('is 503 while the storage is down, so that Persona comes again', async () => {
    const { deliverEvent, storage } = await startCase()
    vi.spyOn(storage, 'recordEvent').mockRejectedValueOnce(down())
    const { status, json, text } = await deliverEvent(APPROVED)
    expect([status, json.code]).toEqual([503, 'storage_unavailable'])
    expect(text).not.toContain('canary')
    expect((await deliverEvent(APPROVED)).json.outcome).toBe('applied')
  })

  it('is 413 above 1 MiB', async () => {
    const { send } = await startCase()
    const init = { method: 'POST', body: 'x'.repeat(1_048_577), headers: FORMED }
    expect((await send(new Request(`${HOST}${WEBHOOK}`, init))).status).toBe(413)
  })

  it('is 401 by its header alone, and reads nothing of the body', async () => {
    const { send } = await startCase()
    const body = new ReadableStream({ pull: () => expect.unreachable() }, { highWaterMark: 0 })
    for (const header of ['', 't=1', 'v1=00', `t=1,v1=${'0'.repeat(63)}`]) {
      const init = { method: 'POST', body, duplex: 'half', headers: { 'persona-signature': header } }
      expect((await send(new Request(`${HOST}${WEBHOOK}`, init as RequestInit))).status).toBe(401)
    }
  })
})

describe('GET /webhooks/persona/health', () => {
  it.each([
    ['ok', 200, 'ok'],
    ['slow', 200, 'ok'],
    ['unreachable', 503, 'unavailable'],
    ['unauthorized', 503, 'unavailable'],
    ['failing', 503, 'unavailable'],
  ] as const)('with Persona %s is %i', async (health, status, word) => {
    const { call, persona } = createTestHandler()
    persona.health.mockResolvedValueOnce({ status: health, latencyMs: 1 })
    const answer = await call('GET', '/webhooks/persona/health')
    expect(answer.status).toBe(status)
    expect(answer.json).toEqual({ status: word, storage: 'ok', persona: health })
  })

  it('is 503 while the storage is down', async () => {
    const { call, storage } = createTestHandler()
    vi.spyOn(storage, 'ping').mockRejectedValueOnce(down())
    const { status, json } = await call('GET', '/webhooks/persona/health')
    expect(status).toBe(503)
    expect(json).toEqual({ status: 'unavailable', storage: 'unreachable', persona: 'ok' })
  })

  it.each<Authorization | Error>([
    'unauthenticated',
    'forbidden',
    { principal: 'test', cases: 'none' },
    { principal: 'test', cases: 'claimable' },
    { principal: 'test', cases: 'own', userId: 'user_1' },
    new Error('authorize is broken'),
  ])('tells whom authorize answers with %j the status only', async (verdict) => {
    const { call, authorize, persona } = createTestHandler()
    authorize.mockImplementation(() => {
      if (verdict instanceof Error) throw verdict
      return verdict
    })
    persona.health.mockResolvedValueOnce({ status: 'unauthorized', latencyMs: 1 })
    const { status, json } = await call('GET', '/webhooks/persona/health')
    expect([status, json]).toEqual([503, { status: 'unavailable' }])
  })
})

describe('every route that needs the storage', () => {
  it.each([
    ['GET', CASE_PATH],
    ['GET', `${CASE_PATH}/x`],
    ['POST', `${CASE_PATH}/x/resume`],
    ['POST', `${CASE_PATH}/x/approve`],
    ['DELETE', `${CASE_PATH}/x`],
    ['GET', `${CASE_PATH}/x/events`],
    ['GET', '/compliance/events'],
  ])('%s %s is 503 while it is down', async (method, path) => {
    const { call, storage } = createTestHandler()
    for (const name of ['getCase', 'listCases', 'readFeed'] as const) vi.spyOn(storage, name).mockRejectedValue(down())
    const { status, json, text } = await call(method, path)
    expect([status, json.code]).toEqual([503, 'storage_unavailable'])
    expect(text).not.toContain('canary')
  })
})
