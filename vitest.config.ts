import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import type {} from './test-setup/postgres.js'
import { SummaryReporter } from './test-setup/summary-reporter.js'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Tests run against the sources: no build first. */
export const sources = [
  { find: '@persona-kyc/example-service', replacement: `${root}examples/service/src/index.ts` },
  { find: /^@persona-kyc\/([^/]+)$/, replacement: `${root}packages/$1/src/index.ts` },
  { find: /^@persona-kyc\/([^/]+)\/(.+)$/, replacement: `${root}packages/$1/src/$2.ts` },
]

/** The second run of the Express adapter's tests: what they import as express is Express 4. */
const express4 = { find: /^express$/, replacement: 'express4' }

// Projects do not extend the root: what they inherited of it, the global setup, would run once in each.
function defineTests(name: string, include: string, alias = sources): TestProjectInlineConfiguration {
  return {
    root,
    resolve: { alias },
    test: { name, include: [include], pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 },
  }
}

function definePackageTests(name: string, alias = sources): TestProjectInlineConfiguration {
  return defineTests(name, `packages/${name.replace(/-4$/, '')}/test/**/*.test.ts`, alias)
}

export default defineConfig({
  resolve: { alias: sources },
  test: {
    globalSetup: './test-setup/postgres.ts',
    maxWorkers: 2,
    reporters: ['default', new SummaryReporter()],
    projects: [
      definePackageTests('core'),
      definePackageTests('storage-knex'),
      definePackageTests('express-adapter'),
      definePackageTests('express-adapter-4', [...sources, express4]),
      definePackageTests('hono-adapter'),
      definePackageTests('testing'),
      definePackageTests('cli'),
      definePackageTests('claims'),
      defineTests('examples', 'examples/*/test/**/*.test.ts'),
      defineTests('attacks-express-4', 'examples/service/test/attacks/express-4-attacks.ts', [...sources, express4]),
    ],
  },
})
