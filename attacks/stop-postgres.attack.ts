import { createKnexStorage } from '@persona-kyc/storage-knex'
import { startFakePersonaServer } from '@persona-kyc/testing'
import createKnex from 'knex'
import { expect, it, onTestFinished } from 'vitest'
import { startServer } from '../examples/service/test/server-process.js'
import { startCluster } from './clusters.js'
import { expectNothingLost, startWitness } from './feed-witness.js'
import { pause, seedCases, startLoad } from './load.js'
import { requireAvailable, tell, toRounds } from './rounds.js'

const ROUNDS = toRounds(100)

it(`${ROUNDS} immediate stops of PostgreSQL under 500 events a second lose nothing that was acknowledged`, async (context) => {
  const cluster = await requireAvailable(context, startCluster)
  onTestFinished(() => cluster.remove())
  const persona = await startFakePersonaServer()
  onTestFinished(() => persona.close())
  const silent = { warn() {}, error() {} }
  const knex = createKnex({ client: 'pg', connection: cluster.url, pool: { min: 0, max: 4 }, log: silent })
  onTestFinished(() => knex.destroy())
  const inquiryIds = await seedCases(knex, 200)
  const environment = {
    DATABASE_URL: cluster.url,
    PERSONA_API_KEY: persona.fake.apiKey,
    PERSONA_BASE_URL: persona.baseUrl,
    PERSONA_TEMPLATE_ID: 'itmpl_attack',
    LOG_LEVEL: 'info',
  }
  const servers = await Promise.all([
    startServer('hono-server', environment),
    startServer('express-server', environment),
  ])
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop('SIGKILL')))))
  const witness = startWitness(createKnexStorage({ knex }))
  const load = startLoad({ inquiryIds, eventsPerSecond: 500, servers: () => servers.map(({ url }) => url) })
  for (let round = 1; round <= ROUNDS; round++) {
    const before = load.acknowledged.size
    // They go on by themselves.
    while (load.acknowledged.size < before + 100) await pause(10)
    await pause(Math.random() * 200)
    await cluster.stopImmediately()
    await cluster.start()
    if (round % 10 === 0) tell(`${round} stops, ${load.acknowledged.size} events acknowledged`)
  }
  await load.finish()
  const transitions = await expectNothingLost(knex, load.acknowledged, await witness.finish())
  tell(`${load.acknowledged.size} events acknowledged, ${transitions} transitions`)
  expect(load.acknowledged.size).toBeGreaterThan(ROUNDS * 100)
})
