import { createInquiryEvent, createSeededRandom, createShortEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signWithOpenssl } from './openssl.js'
import { SERVERS, type ServerProcess, startServer, WEBHOOK_SECRET } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

describe.each(SERVERS)('the whole flow over HTTP on %s', (name) => {
  let stage: Stage
  let server: ServerProcess
  let users = 0

  beforeAll(async () => {
    stage = await createStage()
    server = await startServer(name, stage.environment)
  })
  afterAll(async () => {
    await server?.stop()
    await stage?.close()
  })

  it('ends verified, with a claim reference', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId, persona_session_token: token, status } = await initiate()
    expect({ token: typeof token, status }).toEqual({ token: 'string', status: 'pending' })

    const body = toEvent({ inquiryId, name: 'inquiry.completed', second: 1 })
    expect(await deliver(server, body)).toEqual({ status: 200, json: { received: true, outcome: 'applied' } })
    const { json: verified } = await server.call('GET', `/compliance/kyc/${caseId}`)
    expect(verified).toMatchObject({
      status: 'verified',
      verification_score: 1,
      persona_status: 'completed',
      kyc_claim_id: null,
    })
    expect(verified).not.toHaveProperty('persona_session_token')
    expect(server.output()).toContain('ready to issue identity claim')

    const claim = { kyc_claim_id: '0xaa', kyc_claim_tx_hash: '0xbb' }
    expect(await server.call('PUT', `/compliance/kyc/${caseId}/claim`, claim)).toMatchObject({
      status: 200,
      json: claim,
    })
    expect((await server.call('PUT', `/compliance/kyc/${caseId}/claim`, claim)).status).toBe(200)
    const other = { ...claim, kyc_claim_id: '0xcc' }
    expect((await server.call('PUT', `/compliance/kyc/${caseId}/claim`, other)).status).toBe(409)
  })

  it('takes the short form', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    const event = createShortEvent({ type: 'inquiry.completed', inquiryId, status: 'completed', referenceId: caseId })
    expect((await deliver(server, JSON.stringify(event))).json.outcome).toBe('applied')
    expect((await server.call('GET', `/compliance/kyc/${caseId}`)).json.status).toBe('verified')
  })

  it('makes one transition of one event that arrives 50 times at once', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    const body = toEvent({ inquiryId, name: 'inquiry.approved', second: 1 })
    const signature = signWithOpenssl(body, WEBHOOK_SECRET)
    const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(server, body, signature)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const outcomes = answers.map(({ json }) => json.outcome).toSorted()
    expect(outcomes).toEqual(['applied', ...Array(49).fill('duplicate')])
    expect(await transitionsOf(caseId)).toEqual(['pending>verified'])
  })

  it('ends a shuffled history as the ordered one', async () => {
    const random = createSeededRandom(7)
    const history = [
      'inquiry.started',
      'inquiry.expired',
      'inquiry.started',
      'inquiry.completed',
      'inquiry.marked-for-review',
      'inquiry.declined',
    ]
    for (let round = 0; round < 5; round++) {
      const [ordered, shuffled] = [await initiate(), await initiate()]
      const bodies = (inquiryId: string) => history.map((name, second) => toEvent({ inquiryId, name, second }))
      for (const body of bodies(ordered.persona_inquiry_id)) await deliver(server, body)
      const keyed = bodies(shuffled.persona_inquiry_id).map((body) => ({ body, key: random() }))
      const mixed = keyed.toSorted((left, right) => left.key - right.key).map(({ body }) => body)
      await Promise.all([...mixed, ...mixed].map((body) => deliver(server, body)))
      const [expected, actual] = await Promise.all([ordered, shuffled].map(({ case_id }) => stateOf(case_id)))
      expect(actual).toEqual(expected)
      expect(actual).toMatchObject({ status: 'rejected', persona_status: 'declined' })
    }
  })

  it('changes nothing for a wrong byte, a wrong secret, a stale time, an empty or a 2 MB body', async () => {
    const { persona_inquiry_id: inquiryId } = await initiate()
    const body = toEvent({ inquiryId, name: 'inquiry.approved', second: 1 })
    const before = await stage.dump()
    const wrongByte = body.replace('"approved"', '"approveD"')
    const large = JSON.stringify({ padding: 'x'.repeat(2 * 1024 * 1024) })
    const staleTime = Math.floor(Date.now() / 1000) - 301
    const attempts = [
      deliver(server, wrongByte, signWithOpenssl(body, WEBHOOK_SECRET)),
      deliver(server, body, signWithOpenssl(body, 'wbhsec_other')),
      deliver(server, body, signWithOpenssl(body, WEBHOOK_SECRET, staleTime)),
      deliver(server, body, ''),
      deliver(server, ''),
      deliver(server, '', signWithOpenssl('x', WEBHOOK_SECRET)),
      deliver(server, large),
    ]
    const answers = await Promise.all(attempts)
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 400, 401, 413])
    const refusals = answers.filter(({ status }) => status === 401).map(({ json }) => JSON.stringify(json))
    expect(new Set(refusals).size).toBe(1)
    expect(await stage.dump()).toBe(before)
  })

  it('passes a decision to Persona and applies it', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    stage.persona.fake.inquiries.simulate(inquiryId, 'start_inquiry', 'complete_inquiry')
    const path = `/compliance/kyc/${caseId}`
    expect((await server.call('POST', `${path}/mark-for-review`)).json).toMatchObject({
      status: 'review',
      verification_score: 0.5,
    })
    expect((await server.call('POST', `${path}/approve`, { comment: 'looks fine' })).json).toMatchObject({
      status: 'verified',
    })
    expect((await server.call('POST', `${path}/mark-for-review`)).status).toBe(409)
  })

  it('erases a case here and at Persona', async () => {
    const { case_id: caseId, persona_inquiry_id: inquiryId } = await initiate()
    expect((await server.call('DELETE', `/compliance/kyc/${caseId}`)).json.erased_at).toEqual(expect.any(String))
    expect(stage.persona.fake.inquiries.get(inquiryId)?.attributes['redacted-at']).toEqual(expect.any(String))
    expect((await server.call('DELETE', `/compliance/kyc/${caseId}`)).status).toBe(200)
    expect((await server.call('POST', `/compliance/kyc/${caseId}/resume`)).json.code).toBe('case_erased')
  })

  it('answers strangers with 401 and unknown cases with 404', async () => {
    const strangers = { authorization: 'Bearer somebody-elses-token' }
    expect((await server.call('GET', '/compliance/kyc', undefined, strangers)).status).toBe(401)
    expect((await server.call('GET', '/compliance/kyc/none')).json.code).toBe('case_not_found')
  })

  async function initiate() {
    users += 1
    const { status, json } = await server.call('POST', '/compliance/kyc', {
      user_id: `user_${users}`,
      document_type: 'passport',
    })
    expect(status).toBe(201)
    return json
  }

  function toEvent({
    inquiryId,
    name: eventName,
    second,
  }: {
    inquiryId: string
    name: string
    second: number
  }): string {
    const createdAt = Date.parse('2026-01-02T03:04:05.000Z') + second * 1000
    return JSON.stringify(createInquiryEvent({ name: eventName, inquiryId, createdAt, templateId: 'itmpl_test' }))
  }

  /** The feed waits for the oldest transaction of the cluster, where other tests run too; the audit trail does not. */
  async function transitionsOf(caseId: string): Promise<string[]> {
    const trail = await server.call('GET', `/compliance/kyc/${caseId}/events?limit=500`)
    const causes = trail.json.events.filter((event: { transition: object | null }) => event.transition !== null)
    return vi.waitFor(
      async () => {
        const { json } = await server.call('GET', '/compliance/events?limit=500')
        const own = json.events.filter((event: { case_id: string }) => event.case_id === caseId)
        expect(own).toHaveLength(causes.length)
        return own.map(({ from, to }: { from: string; to: string }) => `${from}>${to}`)
      },
      { timeout: 20_000 },
    )
  }

  async function stateOf(caseId: string): Promise<object> {
    const { json } = await server.call('GET', `/compliance/kyc/${caseId}`)
    return { status: json.status, persona_status: json.persona_status, verification_score: json.verification_score }
  }
})
