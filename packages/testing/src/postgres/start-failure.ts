import { StorageError } from '@persona-kyc/core'

/** What to write when there is no embedded Postgres: errors of this folder end with it. */
export const OWN_SERVER = 'use a Postgres of your own: set DATABASE_URL (in tests TEST_DATABASE_URL)'

/** Returns the error of a program that failed, with the end of its log. */
export function startFailure(problem: string, log: string): StorageError {
  const end = log.trim().split('\n').slice(-12).join('\n')
  return new StorageError('storage_unavailable', {
    problem: `${problem}. Its log ends:\n${end}\n`,
    fix: `Mend what the log says, choose another directory, or ${OWN_SERVER}.`,
  })
}
