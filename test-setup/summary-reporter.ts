import type { Reporter, TestModule, TestRunEndReason, Vitest } from 'vitest/node'

/**
 * Prints why tests were skipped, where a test said so (`context.skip(reason)`), and then, as the very last line of the run,
 * `<N> passed, <N> failed, <N> skipped`. A file or hook that failed outside a test and an unhandled error count as failed.
 */
export class SummaryReporter implements Reporter {
  #isWatching = false

  onInit(vitest: Vitest): void {
    this.#isWatching = vitest.config.watch
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], _reason: TestRunEndReason): void {
    const summary = summarise(modules, unhandledErrors.length)
    // Coverage is printed after this event, teardown messages too.
    if (this.#isWatching) process.stdout.write(summary)
    else process.once('exit', () => process.stdout.write(summary))
  }
}

function summarise(modules: readonly TestModule[], unhandledErrors: number): string {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const count = (state: string) => tests.filter((test) => test.result().state === state).length
  const failedOutside = modules
    .flatMap((module) => [module, ...module.children.allSuites()])
    .filter((suite) => suite.errors().length > 0)
  const notes = tests.flatMap((test) => {
    const result = test.result()
    return result.state === 'skipped' && result.note !== undefined ? [result.note] : []
  })
  const reasons = [...new Set(notes)].map((note) => {
    const { length } = notes.filter((other) => other === note)
    return `skipped ${length}: ${note}`
  })
  const failed = count('failed') + failedOutside.length + unhandledErrors
  return ['', ...reasons, `${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`, ''].join('\n')
}
