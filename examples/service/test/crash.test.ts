import { createInquiryEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SERVERS, type ServerProcess, startServer } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

describe.each(SERVERS)('kill -9 of %s', (name) => {
  let stage: Stage
  const running = new Set<ServerProcess>()

  beforeAll(async () => {
    stage = await createStage()
  })
  afterAll(async () => {
    await Promise.all([...running].map((server) => server.stop('SIGKILL')))
    await stage?.close()
  })

  it('right after a 200 loses nothing', async () => {
    const first = await start()
    const { case_id: caseId, persona_inquiry_id: inquiryId } = (await initiate(first, 'acknowledged')).json
    const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId, createdAt: Date.now() })
    expect((await deliver(first, JSON.stringify(event))).status).toBe(200)
    await first.stop('SIGKILL')
    const second = await start()
    expect((await second.call('GET', `/compliance/kyc/${caseId}`)).json.status).toBe('verified')
    expect((await deliver(second, JSON.stringify(event))).json.outcome).toBe('duplicate')
  })

  it('before Persona creates the inquiry leaves a case that the next POST completes', async () => {
    const { fake } = stage.persona
    fake.fail({ kind: 'timeout', method: 'POST', path: '/inquiries' })
    await killDuringInitiation('before')
    const { status, json } = await initiate(await start(), 'before')
    expect({ status, inquiry: json.persona_inquiry_id }).toEqual({ status: 200, inquiry: expect.any(String) })
    expect(inquiriesOf(json.case_id)).toEqual([json.persona_inquiry_id])
  })

  it('after Persona created the inquiry leaves a case that the next POST completes with it', async () => {
    const { fake } = stage.persona
    fake.fail({ kind: 'slow_answer', method: 'POST', path: '/inquiries', delayMs: 60_000 })
    await killDuringInitiation('after')
    const { status, json } = await initiate(await start(), 'after')
    expect({ status, inquiry: json.persona_inquiry_id }).toEqual({ status: 200, inquiry: expect.any(String) })
    expect(inquiriesOf(json.case_id)).toEqual([json.persona_inquiry_id])
  })

  it('never makes a second inquiry when the answer is lost', async () => {
    const { fake } = stage.persona
    fake.fail({ kind: 'connection_reset_after', method: 'POST', path: '/inquiries' })
    const { status, json } = await initiate(await start(), 'lost')
    expect(status).toBe(201)
    expect(inquiriesOf(json.case_id)).toEqual([json.persona_inquiry_id])
  })

  async function start(): Promise<ServerProcess> {
    const server = await startServer(name, stage.environment)
    running.add(server)
    return server
  }

  function initiate(server: ServerProcess, userId: string) {
    return server.call('POST', '/compliance/kyc', { user_id: `${name} ${userId}`, document_type: 'passport' })
  }

  /** Kills the server when its request for an inquiry has arrived at Persona and is not answered yet. */
  async function killDuringInitiation(userId: string): Promise<void> {
    const { fake } = stage.persona
    const server = await start()
    const requestsBefore = fake.requests.length
    const unanswered = initiate(server, userId).catch(() => 'cut off')
    await vi.waitUntil(() => fake.requests.slice(requestsBefore).some(({ method }) => method === 'POST'), {
      timeout: 10_000,
    })
    await server.stop('SIGKILL')
    expect(await unanswered).toBe('cut off')
  }

  function inquiriesOf(caseId: string): string[] {
    const all = stage.persona.fake.inquiries.list()
    return all.filter(({ attributes }) => attributes['reference-id'] === caseId).map(({ id }) => id)
  }
})
