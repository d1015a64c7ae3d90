import type { KycStorage, NewEvent } from '@persona-kyc/core'
import { createKnexStorage, migrate } from '@persona-kyc/storage-knex'
import { createDatabase } from '@persona-kyc/testing/postgres'
import { storageConformance } from '@persona-kyc/testing/storage-conformance'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { expectNothingLost, startWitness } from './feed-witness.js'
import { seedCases } from './load.js'
import { type Pooler, startPooler } from './pgbouncer.js'
import { Unavailable } from './programs.js'

/** Why there is no pooler; null where there is one. */
let reason: string | null = null
let pooler: Pooler | null = null
let knex: Knex
let drop = async () => {}
let schemas = 0
const schemaOf = new Map<KycStorage, string>()

beforeAll(async () => {
  const database = await createDatabase(inject('databaseUrl'))
  drop = database.drop
  pooler = await startPooler(database.url).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error
    reason = error.message
    return null
  })
  const url = pooler?.urlOf(new URL(database.url).pathname.slice(1)) ?? database.url
  knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 20 } })
})
afterAll(async () => {
  await knex.destroy()
  await pooler?.stop()
  await drop()
})

const harness = {
  async create() {
    const schema = `suite_${++schemas}`
    await migrate({ knex, schema })
    const storage = createKnexStorage({ knex, schema })
    schemaOf.set(storage, schema)
    return storage
  },
  async beginTransaction(storage: KycStorage) {
    const transaction = await knex.transaction()
    return {
      storage: createKnexStorage({ knex: transaction, schema: schemaOf.get(storage) ?? '' }),
      commit: async () => void (await transaction.commit()),
      rollback: async () => void (await transaction.rollback()),
    }
  },
}

// Who listens through a pooler in transaction mode hears nothing: followers find out by asking.
const HEARD = 'watchFeed calls after the feed has grown, until it is ended'

for (const { name, run } of storageConformance.filter((conformance) => conformance.name !== HEARD)) {
  it(`through pgbouncer: ${name}`, async (context) => {
    if (reason !== null) context.skip(reason)
    await run(harness)
  })
}

it('2,000 events of 200 cases from 16 writers through pgbouncer are recorded once each', async (context) => {
  if (reason !== null) context.skip(reason)
  const inquiryIds = await seedCases(knex, 200)
  const storage = createKnexStorage({ knex })
  const witness = startWitness(storage)
  const events = Array.from({ length: 2000 }, (_, index) => toEvent(index, inquiryIds))
  let next = 0
  const write = async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) await storage.recordEvent(event)
  }
  await Promise.all(Array.from({ length: 16 }, write))
  const outcomes = await Promise.all(events.map((event) => storage.recordEvent(event)))
  expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['duplicate']))
  const ids = new Set(events.map(({ id }) => id))
  expect(await expectNothingLost(knex, ids, await witness.finish())).toBeGreaterThanOrEqual(200)
})

function toEvent(index: number, inquiryIds: readonly string[]): NewEvent {
  const isApproved = Math.floor(index / inquiryIds.length) % 2 === 0
  return {
    id: `evt_${index}`,
    name: 'inquiry.transitioned',
    inquiryId: inquiryIds[index % inquiryIds.length] ?? null,
    referenceId: null,
    effect: {
      personaStatus: isApproved ? 'approved' : 'declined',
      status: isApproved ? 'verified' : 'rejected',
      score: isApproved ? 1 : 0,
      occurredAt: new Date(1_700_000_000_000 + index),
      rank: 6,
    },
    createdAt: new Date(1_700_000_000_000 + index),
    receivedAt: new Date(),
    delivery: null,
  }
}
