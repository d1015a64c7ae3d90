import { defineConfig } from 'vitest/config'
import { SummaryReporter } from './test-setup/summary-reporter.js'
import { sources } from './vitest.config.js'

/** The attacks: long, one at a time, each a command of its own (npm run attack:…). */
export default defineConfig({
  resolve: { alias: sources },
  test: {
    globalSetup: './test-setup/postgres.ts',
    include: ['attacks/*.attack.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
    reporters: ['default', new SummaryReporter()],
  },
})
