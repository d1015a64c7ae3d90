import { expect, it } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import { simulate, toRuns } from '../../../test-setup/simulation/simulate.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { useDatabase } from './test-database.js'

const HISTORIES = toRuns('SIMULATE_POSTGRES_HISTORIES', 25)
const TABLES = ['kyc_cases', 'kyc_events', 'kyc_transitions', 'kyc_consumers', 'kyc_dead_letters']
const database = useDatabase()

it(`${HISTORIES} random histories end as Persona has it, on PostgreSQL`, { timeout: 3_600_000 }, async () => {
  await migrateForApp(database.owner)
  const createStorage = async () => {
    await database.owner.raw(`truncate ${TABLES.map((table) => `persona_kyc.${table}`).join(', ')}`)
    return createKnexStorage({ knex: database.app })
  }
  await expect(simulate(HISTORIES, createStorage)).resolves.toBeUndefined()
})
