import { createMemoryStorage } from '@persona-kyc/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from '../examples/service/test/server-process.js'
import { createStage, type Stage } from '../examples/service/test/stage.js'
import type { History } from '../test-setup/simulation/history.js'
import { expectTruth } from '../test-setup/simulation/oracle.js'
import { withSynchronousSignatures } from '../test-setup/simulation/simulate.js'
import { play } from '../test-setup/simulation/world.js'
import { toRounds } from './rounds.js'

const USERS = 20
const INTERLEAVINGS = toRounds(10_000)

describe('50 parallel initiates', () => {
  let stage: Stage
  let servers: ServerProcess[]
  beforeAll(async () => {
    stage = await createStage()
    const environment = { ...stage.environment, LOG_LEVEL: 'info' }
    const names = ['hono-server', 'express-server', 'hono-server', 'express-server'] as const
    servers = await Promise.all(names.map((name) => startServer(name, environment)))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await stage.close()
  })

  it(`over four processes make one inquiry, for each of ${USERS} users`, async () => {
    for (let user = 0; user < USERS; user++) {
      const body = { user_id: `user-${user}`, document_type: 'passport' }
      const answers = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => servers[index % 4]?.call('POST', '/compliance/kyc', body)),
      )
      expect(answers.map((answer) => answer?.status).sort()).toEqual([...Array(49).fill(200), 201])
      expect(new Set(answers.map((answer) => answer?.json.persona_inquiry_id)).size).toBe(1)
      expect(stage.persona.fake.inquiries.list()).toHaveLength(user + 1)
    }
  })
})

it(`${INTERLEAVINGS} interleavings of webhooks and initiate end the same`, async () => {
  await withSynchronousSignatures(async () => {
    for (let seed = 0; seed < INTERLEAVINGS; seed++) {
      const world = await play(toHistory(seed), createMemoryStorage())
      await expectTruth(world)
      const { items } = await world.storage.listCases({ status: null, claim: null, after: null, limit: 10 })
      const through = items.filter(({ status }) => status === 'verified')
      expect(through).toMatchObject([{ personaInquiryId: world.persona.inquiries[0]?.id }])
      // Where the second caller comes when the first case is decided already, it begins another one.
      expect(world.persona.inquiries).toHaveLength(items.length)
      expect(items.length).toBeLessThanOrEqual(2)
    }
  })
})

/** The person is through before initiate has returned, and the webhooks arrive meanwhile, in an order that the seed draws. */
function toHistory(seed: number): History {
  const deliver = (index: number) => ({ kind: 'deliver', process: index % 2, index, copies: 2 }) as const
  return {
    seed,
    faultRate: 0,
    hidesReference: false,
    ending: 'nothing',
    commands: [
      { kind: 'initiate', process: 0, user: 0 },
      // The case is stored and Persona has created the inquiry, but nobody here knows it yet.
      { kind: 'run', turns: 3 },
      // Every third initiate never learns of it: then the webhook alone finds the case, by the reference id.
      seed % 3 === 0 ? { kind: 'crash', process: 0, afterTurns: 0 } : { kind: 'initiate', process: 1, user: 0 },
      { kind: 'run', turns: seed % 4 },
      { kind: 'act', index: 0, action: 'start' },
      { kind: 'act', index: 0, action: 'complete' },
      ...[0, 1, 2].map(deliver),
      { kind: 'run', turns: seed % 7 },
      { kind: 'act', index: 0, action: 'approve' },
      ...[3, 2].map(deliver),
    ],
  }
}
