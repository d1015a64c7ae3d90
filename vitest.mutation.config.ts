import { defineConfig } from 'vitest/config'
import { sources } from './vitest.config.js'

/** What mutants must not survive: the tests of the core and of the storage, on PostgreSQL, with few simulated histories. */
export default defineConfig({
  resolve: { alias: sources },
  test: {
    globalSetup: './test-setup/postgres.ts',
    include: ['packages/core/test/**/*.test.ts', 'packages/storage-knex/test/knex-storage.test.ts'],
    env: { SIMULATE_HISTORIES: '60' },
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 30_000,
  },
})
