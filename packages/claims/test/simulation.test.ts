import { randomBytes } from 'node:crypto'
import { createMemoryStorage, type KycStorage } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import fc from 'fast-check'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createAppDatabase, migrateForApp } from '../../../test-setup/app-database.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { histories } from './simulation/history.js'
import { expectTruth } from './simulation/oracle.js'
import { play } from './simulation/play.js'

const { SIMULATE_CLAIMS = '12', SIMULATE_CLAIMS_POSTGRES = '3', SIMULATE_SEED, SIMULATE_PATH } = process.env
const HOUR_MS = 3_600_000

describe.skipIf(SKIPPED !== null)(`the Identity Service in simulated worlds${toReason()}`, () => {
  let chain: TestChain
  let owner: Knex
  let knex: Knex
  let drop = async () => {}
  beforeAll(async () => {
    chain = await startTestChain()
    await chain.test.setAutomine(false)
    const database = await createAppDatabase()
    drop = database.drop
    owner = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 1 } })
    knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 10 } })
  })
  afterAll(async () => {
    await knex?.destroy()
    await owner?.destroy()
    await drop()
    await chain?.local.stop()
  })

  it('ends with one claim for each verified case and none for any other, whatever happens', { timeout: HOUR_MS }, () =>
    simulate(chain, Number(SIMULATE_CLAIMS), async () => createMemoryStorage()),
  )

  it('does so on PostgreSQL', { timeout: HOUR_MS }, () =>
    simulate(chain, Number(SIMULATE_CLAIMS_POSTGRES), async () => {
      const schema = `simulated_${randomBytes(6).toString('hex')}`
      await migrateForApp(owner, schema)
      return createKnexStorage({ knex, schema })
    }),
  )
})

/**
 * Plays histories, each on a storage of its own, and compares each with the oracle. One that fails is reduced to the
 * shortest that still fails, and told with its seed and path: SIMULATE_SEED and SIMULATE_PATH play it again.
 */
async function simulate(chain: TestChain, runs: number, createStorage: () => Promise<KycStorage>): Promise<void> {
  const startedAt = Date.now()
  let played = 0
  const trial = async (history: Parameters<typeof play>[0]) => {
    const snapshot = await chain.test.snapshot()
    try {
      await expectTruth(await play(history, { chain, storage: await createStorage(), log: [] }))
    } finally {
      await chain.test.revert({ id: snapshot })
    }
    played += 1
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    if (played % 50 === 0) process.stdout.write(`${played} of ${runs} histories in ${seconds} s\n`)
  }
  await fc.assert(fc.asyncProperty(histories, trial), {
    numRuns: runs,
    seed: SIMULATE_SEED === undefined ? 20_260_101 : Number(SIMULATE_SEED),
    ...(SIMULATE_PATH !== undefined && { path: SIMULATE_PATH }),
  })
}

function toReason(): string {
  return SKIPPED === null ? '' : ` (${SKIPPED})`
}
