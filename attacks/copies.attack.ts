import { createKnexStorage } from '@persona-kyc/storage-knex'
import { createInquiryEvent, createSignedDelivery } from '@persona-kyc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ServerProcess, startServer, WEBHOOK_SECRET } from '../examples/service/test/server-process.js'
import { createStage, type Stage } from '../examples/service/test/stage.js'
import { expectNothingLost, startWitness } from './feed-witness.js'
import { seedCases } from './load.js'
import { tell } from './rounds.js'

const EVENTS = 1000
const COPIES = 64
let stage: Stage
let servers: ServerProcess[]

beforeAll(async () => {
  stage = await createStage()
  const environment = { ...stage.environment, LOG_LEVEL: 'info' }
  servers = await Promise.all([startServer('hono-server', environment), startServer('express-server', environment)])
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  await stage.close()
})

it(`${COPIES} parallel copies of ${EVENTS} events over two processes count once each`, async () => {
  const inquiryIds = await seedCases(stage.knex, EVENTS)
  const witness = startWitness(createKnexStorage({ knex: stage.knex }))
  const outcomes = new Map<string, number>()
  const ids = new Set<string>()
  for (const [index, inquiryId] of inquiryIds.entries()) {
    const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId, createdAt: Date.now() })
    ids.add(event.data.id)
    const { body, headers } = await createSignedDelivery({ event, secrets: WEBHOOK_SECRET })
    const answers = await Promise.all(
      Array.from({ length: COPIES }, async (_, copy) => {
        const url = `${servers[copy % 2]?.url}/webhooks/persona/inquiry`
        const response = await fetch(url, { method: 'POST', body, headers })
        expect(response.status).toBe(200)
        return (await response.json()) as { outcome: string }
      }),
    )
    const applied = answers.filter(({ outcome }) => outcome === 'applied')
    expect(applied, 'one copy is applied').toHaveLength(1)
    for (const { outcome } of answers) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if ((index + 1) % 250 === 0) tell(`${index + 1} events`)
  }
  expect(Object.fromEntries(outcomes)).toEqual({ applied: EVENTS, duplicate: EVENTS * (COPIES - 1) })
  expect(await expectNothingLost(stage.knex, ids, await witness.finish())).toBe(EVENTS)
})
