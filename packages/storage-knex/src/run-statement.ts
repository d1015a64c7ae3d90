import { StorageError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { CROSSED_TRANSACTIONS, toDriverCode, toStorageError } from './storage-error.js'

/** Runs statements and resolves with their rows. Both reject with StorageError. */
export interface Runner {
  run<Row>(sql: string, bindings?: Knex.ValueDict): Promise<Row[]>
  /** For a statement that another process may cross by a unique key between its snapshot and its write. */
  runCrossed<Row>(sql: string, bindings: Knex.ValueDict): Promise<Row[]>
}

interface Statement {
  readonly sql: string
  readonly bindings: Knex.ValueDict
  /** The errors after which the same statement may succeed. */
  readonly repeatOn: readonly string[]
}

const UNIQUE_VIOLATION = '23505'
const MAX_TURNS = 50

/** Returns the functions that run statements on that Knex instance. */
export function createRunner(knex: Knex): Runner {
  return {
    run: (sql, bindings = {}) => runRepeatedly(knex, { sql, bindings, repeatOn: CROSSED_TRANSACTIONS }),
    runCrossed: (sql, bindings) =>
      runRepeatedly(knex, { sql, bindings, repeatOn: [UNIQUE_VIOLATION, ...CROSSED_TRANSACTIONS] }),
  }
}

/**
 * Runs a statement, again where another process has crossed it: then it sees what that one wrote. In a transaction of
 * the app each run is a savepoint, so that a crossed one does not end the whole; what ends it all the same, such as a
 * deadlock, is for the app to repeat.
 */
async function runRepeatedly<Row>(knex: Knex, { sql, bindings, repeatOn }: Statement): Promise<Row[]> {
  const isBound = knex.isTransaction === true
  const repeats = isBound ? repeatOn.filter((code) => !CROSSED_TRANSACTIONS.includes(code)) : repeatOn
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    try {
      const needsSavepoint = isBound && repeats.length > 0
      const { rows } = needsSavepoint
        ? await knex.transaction(async (savepoint) => savepoint.raw<{ rows: Row[] }>(sql, bindings))
        : await knex.raw<{ rows: Row[] }>(sql, bindings)
      return rows
    } catch (error) {
      if (!repeats.includes(toDriverCode(error))) throw toStorageError(error)
    }
  }
  throw contention()
}

/** The error for a statement that never got through. */
export function contention(): StorageError {
  return new StorageError('storage_unavailable', {
    problem: 'Other processes crossed this statement too often.',
    fix: 'Repeat the call.',
  })
}
