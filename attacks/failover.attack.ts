import { createKnexStorage } from '@persona-kyc/storage-knex'
import { startFakePersonaServer } from '@persona-kyc/testing'
import createKnex from 'knex'
import { expect, it, onTestFinished } from 'vitest'
import { startServer } from '../examples/service/test/server-process.js'
import { startReplicatedCluster } from './clusters.js'
import { expectNothingLost, startWitness } from './feed-witness.js'
import { pause, seedCases, startLoad } from './load.js'
import { requireAvailable, tell, toRounds } from './rounds.js'
import { startSwitch } from './switch.js'

const ROUNDS = toRounds(3)

for (let round = 1; round <= ROUNDS; round++) {
  it(`round ${round}: promoting the synchronous standby under load loses nothing that was acknowledged`, async (context) => {
    const { primary, standby } = await requireAvailable(context, startReplicatedCluster)
    onTestFinished(async () => void (await Promise.all([primary.remove(), standby.remove()])))
    const address = await startSwitch(portOf(primary.url))
    onTestFinished(() => address.close())
    const persona = await startFakePersonaServer()
    onTestFinished(() => persona.close())
    const url = primary.url.replace(/:\d+\//, `:${address.port}/`)
    const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 4 }, log: { warn() {}, error() {} } })
    onTestFinished(() => knex.destroy())
    const inquiryIds = await seedCases(knex, 200)
    const server = await startServer('hono-server', {
      DATABASE_URL: url,
      PERSONA_API_KEY: persona.fake.apiKey,
      PERSONA_BASE_URL: persona.baseUrl,
      PERSONA_TEMPLATE_ID: 'itmpl_attack',
      LOG_LEVEL: 'info',
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const witness = startWitness(createKnexStorage({ knex }))
    const load = startLoad({ inquiryIds, eventsPerSecond: 500, servers: () => [server.url] })
    while (load.acknowledged.size < 1000) await pause(10)
    const before = load.acknowledged.size
    await primary.stopImmediately()
    await standby.promote()
    address.turnTo(portOf(standby.url))
    while (load.acknowledged.size < before + 1000) await pause(10)
    await load.finish()
    const transitions = await expectNothingLost(knex, load.acknowledged, await witness.finish())
    tell(`${before} events acknowledged before, ${load.acknowledged.size} in all, ${transitions} transitions`)
    expect(await server.call('GET', '/compliance/kyc')).toMatchObject({ status: 200 })
  })
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
