import { createKnexStorage } from '@persona-kyc/storage-knex'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SERVERS, type ServerProcess, startServer } from '../examples/service/test/server-process.js'
import { createStage, type Stage } from '../examples/service/test/stage.js'
import { expectNothingLost, startWitness } from './feed-witness.js'
import { pause, seedCases, startLoad } from './load.js'
import { tell, toRounds } from './rounds.js'

const ROUNDS = toRounds(100)
let stage: Stage

beforeAll(async () => {
  stage = await createStage()
})
afterAll(() => stage.close())

it(`${ROUNDS} times kill -9 of a server under 500 events a second loses nothing that was acknowledged`, async () => {
  const inquiryIds = await seedCases(stage.knex, 200)
  const start = (round: number) =>
    startServer(SERVERS[round % 2] ?? SERVERS[0], { ...stage.environment, LOG_LEVEL: 'info' })
  let current: ServerProcess = await start(0)
  const witness = startWitness(createKnexStorage({ knex: stage.knex }))
  const load = startLoad({ inquiryIds, eventsPerSecond: 500, servers: () => [current.url] })
  for (let round = 1; round <= ROUNDS; round++) {
    const successor = await start(round)
    await pause(Math.random() * 300)
    await current.stop('SIGKILL')
    current = successor
    if (round % 10 === 0) tell(`${round} kills, ${load.acknowledged.size} events acknowledged`)
  }
  await load.finish()
  await current.stop('SIGKILL')
  const transitions = await expectNothingLost(stage.knex, load.acknowledged, await witness.finish())
  tell(`${load.acknowledged.size} events acknowledged, ${transitions} transitions`)
  expect(load.acknowledged.size).toBeGreaterThan(ROUNDS * 100)
})
