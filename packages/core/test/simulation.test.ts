import { expect, it } from 'vitest'
import { simulate, toRuns } from '../../../test-setup/simulation/simulate.js'
import { createMemoryStorage } from '../src/memory-storage.js'

const HISTORIES = toRuns('SIMULATE_HISTORIES', 500)

it(`${HISTORIES} random histories end as Persona has it`, { timeout: 3_600_000 }, async () => {
  await expect(simulate(HISTORIES, async () => createMemoryStorage())).resolves.toBeUndefined()
})
