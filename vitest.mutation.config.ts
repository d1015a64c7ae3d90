import { defineConfig } from 'vitest/config'
import groups from './mutation-groups.json' with { type: 'json' }
import { sources } from './vitest.config.js'

const { MUTATION_GROUP = 'rules' } = process.env

/** What the mutants of a group must not survive. */
export default defineConfig({
  resolve: { alias: sources },
  test: {
    include: groups[MUTATION_GROUP as keyof typeof groups].tests,
    env: { SIMULATE_HISTORIES: '60' },
    isolate: false,
    maxWorkers: 1,
    testTimeout: 30_000,
  },
})
