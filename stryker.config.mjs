import groups from './mutation-groups.json' with { type: 'json' }

const { MUTATION_GROUP = 'rules' } = process.env

/** One group at a time (npm run test:mutation): each mutant is tried by the tests of its own group only. */
export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  inPlace: true,
  mutate: groups[MUTATION_GROUP].mutate,
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress', 'json'],
  jsonReporter: { fileName: `reports/mutation-${MUTATION_GROUP}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
}
