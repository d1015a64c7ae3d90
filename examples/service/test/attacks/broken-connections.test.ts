import { randomUUID } from 'node:crypto'
import { createInquiryEvent, type Fault } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { connectRaw, toHead } from '../../../../test-setup/raw-client.js'
import { type Answer, parseAnswers } from './answers.js'
import {
  ask,
  CASES,
  HEALTH,
  OPERATOR,
  type Question,
  toInitiation,
  toProblem,
  toQuestionBytes,
  toWebhook,
} from './ask.js'
import { createListener, SERVER_NAMES, startAttackServer } from './attack-servers.js'
import { createAttackStage, type Stage, type StagedCase } from './attack-stage.js'

/** More than any of these takes that is bounded. */
const BOUND_MS = 15_000

describe.each(SERVER_NAMES)('a connection to %s that is broken off', (name) => {
  let stage: Stage

  beforeAll(async () => {
    stage = await createAttackStage()
  })
  afterAll(() => stage?.close())

  const start = async (options: Parameters<typeof startAttackServer>[1] = {}) => {
    const server = await startAttackServer(createListener(name, stage.options), options)
    onTestFinished(() => server.close())
    return server
  }
  type Server = Awaited<ReturnType<typeof start>>

  /** Sends a request whole or in part, and breaks off with a RST once the server has it, or later if so. */
  const breakOff = async (
    server: Server,
    question: Question,
    { until = async (): Promise<unknown> => null, share = 1 } = {},
  ) => {
    const id = randomUUID()
    const client = await connectRaw(server.port)
    const bytes = toQuestionBytes({ ...question, headers: [...(question.headers ?? []), ['X-Attack-Id', id]] })
    client.send(bytes.subarray(0, Math.ceil(bytes.length * share)))
    await server.arrived(id)
    await until()
    client.reset()
    await server.idle()
    await stage.settle()
  }

  /** Has Persona fail, and returns what resolves once it has a call of that kind. */
  const failAtPersona = (fault: Fault) => {
    const { fake } = stage.persona
    const asked = fake.requests.length
    fake.fail(fault)
    return () => vi.waitUntil(() => fake.requests.length > asked, { timeout: BOUND_MS, interval: 1 })
  }

  const toJson = ({ body }: Answer) => JSON.parse(body) as Record<string, unknown>
  const read = async (server: Server, { id }: StagedCase) =>
    toJson(await ask(server, { path: `${CASES}/${id}`, headers: [OPERATOR] }))
  const countTransitions = async ({ id }: StagedCase) =>
    Number((await stage.knex('persona_kyc.kyc_transitions').where({ case_id: id }).count())[0]?.count)

  it.each<Fault['kind']>(['slow_answer', 'delay', 'connection_reset_after', 'connection_reset', 'server_error'])(
    'leaves a start that the next call completes: %s at Persona',
    async (kind) => {
      const server = await start()
      const initiation = toInitiation(`user_broken_${kind}`)
      const until = failAtPersona({ kind, method: 'POST', path: '/inquiries', delayMs: 50 })
      await breakOff(server, initiation, { until })
      const [first, second] = [await ask(server, initiation), await ask(server, initiation)]
      expect([first.status, second.status]).toEqual([200, 200])
      const { case_id: caseId, persona_inquiry_id: inquiryId } = toJson(second)
      expect(toJson(first)).toMatchObject({ case_id: caseId, persona_inquiry_id: inquiryId, status: 'pending' })
      const inquiries = stage.persona.fake.inquiries.list()
      const own = inquiries.filter(({ attributes }) => attributes['reference-id'] === caseId)
      expect(own.map(({ id }) => id)).toEqual([inquiryId])
    },
  )

  it.each([0.1, 0.5, 0.9, 1])(
    'leaves a webhook that counts once when it comes again: %d of it was sent',
    async (share) => {
      const server = await start()
      const staged = await stage.createCase()
      const event = createInquiryEvent({
        name: 'inquiry.approved',
        inquiryId: staged.inquiryId,
        createdAt: stage.nowMs,
      })
      const webhook = toWebhook(stage, event)
      const { headers = [], body = '' } = webhook
      const headLength = toQuestionBytes(webhook).length - body.length + `X-Attack-Id: ${randomUUID()}\r\n`.length
      await breakOff(
        server,
        { ...webhook, headers },
        { share: (headLength + share * body.length) / (headLength + body.length) },
      )
      const isWhole = share === 1
      if (!isWhole) expect(await read(server, staged)).toMatchObject({ status: 'pending', revision: 0 })
      const again = await ask(server, webhook)
      expect(toJson(again)).toEqual({
        received: true,
        outcome: expect.stringMatching(isWhole ? /^(applied|duplicate)$/ : /^applied$/),
      })
      expect(toJson(await ask(server, webhook)).outcome).toBe('duplicate')
      expect(await read(server, staged)).toMatchObject({ status: 'verified', revision: 1 })
      expect(await countTransitions(staged)).toBe(1)
    },
  )

  it.each([
    ['approve', 'verified', 'approved'],
    ['decline', 'rejected', 'declined'],
    ['mark-for-review', 'review', 'needs_review'],
  ])(
    'leaves a decision that Persona has taken, and the case as Persona has it: %s',
    async (decision, status, personaStatus) => {
      const server = await start()
      const staged = await stage.createCase()
      const question = toDecision(staged.id, decision)
      const until = failAtPersona({
        kind: 'slow_answer',
        method: 'POST',
        path: `/inquiries/*/${decision}`,
        delayMs: 50,
      })
      await breakOff(server, question, { until })
      expect(stage.persona.fake.inquiries.get(staged.inquiryId)?.attributes.status).toBe(personaStatus)
      expect(await read(server, staged)).toMatchObject({ status, persona_status: personaStatus, revision: 1 })
      expect(await countTransitions(staged)).toBe(1)
    },
  )

  it.each(['approve', 'decline', 'mark-for-review'])(
    'leaves no decision whose body did not come: %s',
    async (decision) => {
      const server = await start()
      const staged = await stage.createCase()
      const question = toDecision(staged.id, decision)
      const asked = stage.persona.fake.requests.length
      await breakOff(server, question, { share: 0.98 })
      expect(stage.persona.fake.requests.length).toBe(asked)
      expect(await read(server, staged)).toMatchObject({ status: 'pending', revision: 0 })
    },
  )

  it('leaves an erasure that the next call completes', async () => {
    const server = await start()
    const staged = await stage.createCase()
    const question = { method: 'DELETE', path: `${CASES}/${staged.id}`, headers: [OPERATOR] }
    const until = failAtPersona({ kind: 'connection_reset', method: 'GET', path: '/inquiries' })
    await breakOff(server, question, { until })
    const again = await ask(server, question)
    expect(toJson(again)).toMatchObject({ erased_at: expect.any(String) })
    expect(stage.persona.fake.inquiries.get(staged.inquiryId)?.attributes['redacted-at']).toEqual(expect.any(String))
    const [row] = await stage.knex('persona_kyc.kyc_cases').where({ id: staged.id })
    expect([row.personal_data, row.persona_session_token]).toEqual([null, null])
  })

  it('answers 100 pipelined requests in their order, and takes no bytes of one for another', async () => {
    const server = await start()
    const requests = Array.from({ length: 100 }, (_, index) => {
      const event = createInquiryEvent({
        name: 'account.created',
        inquiryId: 'inq_pipe',
        eventId: `evt_pipe_${name}_${index}`,
      })
      const webhook = toWebhook(stage, event)
      // Every other one has lost its signature, and has a request in its body.
      const body = Buffer.from(toHead('DELETE', CASES, { authorization: OPERATOR[1] }))
      return toQuestionBytes(index % 2 === 0 ? webhook : { ...webhook, headers: [], body })
    })
    const client = await connectRaw(server.port)
    client.send(Buffer.concat([...requests, Buffer.from(toHead('GET', HEALTH, { connection: 'close' }))]))
    const answers = parseAnswers(await client.closed)
    expect(answers.map(toProblem)).toEqual([
      ...requests.map((_, index) => (index % 2 === 0 ? '200' : '401 signature_invalid')),
      '200',
    ])
    const events = stage.knex('persona_kyc.kyc_events').where('id', 'like', `evt_pipe_${name}_%`)
    expect(Number((await events.count())[0]?.count)).toBe(50)
  })

  it('keeps nobody waiting for 200 that drip', async () => {
    const server = await start({ headersTimeout: 500, requestTimeout: 1000, connectionsCheckingInterval: 50 })
    const startedAt = performance.now()
    const drips = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const client = await connectRaw(server.port)
        const headers = { 'content-length': 50_000, 'content-type': 'application/json', authorization: OPERATOR[1] }
        const head = toHead('POST', CASES, headers)
        client.send(index % 2 === 0 ? head : head.slice(0, -2))
        client.drip(() => 'x', 20)
        return { closed: client.closed }
      }),
    )
    expect((await ask(server, { path: HEALTH })).status).toBe(200)
    expect((await ask(server, toInitiation(`user_between_${name}`))).status).toBe(201)
    const statuses = (await Promise.all(drips.map(({ closed }) => closed))).map((text) =>
      parseAnswers(text).map(toProblem).join(),
    )
    // TCP may take an answer back from a client that goes on sending, where all of them are in one busy process.
    expect(statuses.filter((status) => !['408 body_timeout', '408', ''].includes(status))).toEqual([])
    expect(statuses.filter((status) => status !== '').length).toBeGreaterThan(100)
    expect(performance.now() - startedAt).toBeLessThan(BOUND_MS)
  })
})

function toDecision(caseId: string, decision: string) {
  return { method: 'POST', path: `${CASES}/${caseId}/${decision}`, headers: [OPERATOR], body: '{"comment":"x"}' }
}
