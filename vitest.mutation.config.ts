import { defineConfig } from 'vitest/config'
import { sources } from './vitest.config.js'

/** What mutants must not survive: the tests of the core, with few simulated histories. */
export default defineConfig({
  resolve: { alias: sources },
  test: {
    include: ['packages/core/test/**/*.test.ts'],
    env: { SIMULATE_HISTORIES: '60' },
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 30_000,
  },
})
