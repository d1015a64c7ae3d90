import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { ADAPTERS } from './canary-adapters.js'
import { LEVELS } from './log-recorder.js'
import { FAILING_CALLS, PROVOCATIONS } from './provocations.js'
import { listAdapters, listAnswerCodes, listErrorClasses, listKeys, listMethods, listUnion } from './source-lists.js'
import { SQL_STATES, STORAGE_PROVOCATIONS } from './storage-provocations.js'

/** What the sources have, and the canaries do not reach. */
function findMissing(wanted: readonly string[], reached: readonly (string | null | undefined)[]): string[] {
  return wanted.filter((one) => !reached.includes(one))
}

describe('canaries reach', () => {
  it('every adapter, in every version of its framework', () => {
    expect(
      findMissing(
        [...listAdapters(), 'core'],
        ADAPTERS.map(({ of }) => of),
      ),
    ).toEqual([])
  })

  it.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))(
    'every code of an answer by %s',
    (_, adapter) => {
      const possible = PROVOCATIONS.filter(({ isFor = () => true }) => isFor(adapter))
      const foreign = adapter.ownsAllPaths ? [] : ['not_found']
      const codes = [...possible, ...STORAGE_PROVOCATIONS].map(({ code }) => code)
      expect(findMissing(listAnswerCodes(), [...codes, ...foreign])).toEqual([])
    },
  )

  it('every code of an error', () => {
    const codes = [...FAILING_CALLS.map(({ code }) => code), ...PROVOCATIONS.map(({ error }) => error)]
    expect(findMissing(listUnion('errors.ts', 'KycErrorCode'), [...codes, ...Object.keys(SQL_STATES)])).toEqual([])
  })

  it('every reason that an error tells', () => {
    const reasons = [...listUnion('errors.ts', 'SignatureRejection'), ...listKeys('kyc-api-error.ts', 'FAILURES')]
    expect(
      findMissing(
        reasons,
        FAILING_CALLS.map(({ reason }) => reason),
      ),
    ).toEqual([])
  })

  it('every class of errors', () => {
    const names = FAILING_CALLS.map(({ errorName = 'KycError' }) => errorName)
    expect(findMissing(listErrorClasses(), [...names, 'StorageError'])).toEqual([])
  })

  it('every level of a log', () => {
    const levels = [...listMethods('logger.ts', 'Logger'), ...Object.keys(pino.levels.values)]
    expect(findMissing(levels, LEVELS)).toEqual([])
  })
})

describe('the lists of the sources', () => {
  it.each([
    ['adapters', listAdapters(), 3],
    ['codes of answers', listAnswerCodes(), 35],
    ['codes of errors', listUnion('errors.ts', 'KycErrorCode'), 36],
    ['classes of errors', listErrorClasses(), 9],
    ['levels', listMethods('logger.ts', 'Logger'), 4],
  ])('are not shorter than they were: %s', (_, list, length) => {
    expect(new Set(list).size).toBeGreaterThanOrEqual(length)
  })
})
