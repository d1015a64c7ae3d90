import { StorageError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { createStatementRunner, requireRunning, type Statement } from './statement-runner.js'
import { CROSSED_TRANSACTIONS, toDriverCode, toStorageError } from './storage-error.js'

/** Runs statements, with values by name or by place, and resolves with their rows. All reject with StorageError. */
export interface Runner {
  run<Row>(sql: string, bindings?: Knex.ValueDict): Promise<Row[]>
  /** For a statement that another process may cross by a unique key between its snapshot and its write. */
  runCrossed<Row>(sql: string, bindings: Knex.ValueDict): Promise<Row[]>
  /** As `runCrossed`, for a statement that is worth being prepared. */
  runPrepared<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /** As `runPrepared`, and rejects where another process has crossed it. */
  runPreparedOnce<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
}

/** Runs a statement on a Knex instance or on a transaction of it. */
type Work<Row> = (knex: Knex) => Promise<Row[]>

const UNIQUE_VIOLATION = '23505'
const CROSSED = [UNIQUE_VIOLATION, ...CROSSED_TRANSACTIONS]
const MAX_TURNS = 50

/** Returns the functions that run statements on that Knex instance. */
export function createRunner(knex: Knex): Runner {
  const runOn = createStatementRunner()
  const toWork = <Row>(sql: string, bindings: Knex.ValueDict): Work<Row> => {
    const { text, names } = toPlaced(sql)
    const values = names.map((name) => bindings[name])
    return (on) => runOn<Row>(on, { name: null, text }, values)
  }
  return {
    run: <Row>(sql: string, bindings: Knex.ValueDict = {}) =>
      runRepeatedly<Row>(knex, toWork(sql, bindings), CROSSED_TRANSACTIONS),
    runCrossed: <Row>(sql: string, bindings: Knex.ValueDict) =>
      runRepeatedly<Row>(knex, toWork(sql, bindings), CROSSED),
    runPrepared: (statement, values) => runRepeatedly(knex, (on) => runOn(on, statement, values), CROSSED),
    runPreparedOnce: (statement, values) => runRepeatedly(knex, (on) => runOn(on, statement, values), []),
  }
}

/** A statement with its values by place, and their names in that order. */
interface PlacedSql {
  readonly text: string
  readonly names: readonly string[]
}

/** The texts of this library, each read once. */
const placed = new Map<string, PlacedSql>()

/** Each place is a value of its own, of which PostgreSQL finds out the type there. */
function toPlaced(sql: string): PlacedSql {
  const known = placed.get(sql)
  if (known !== undefined) return known
  const names: string[] = []
  const text = sql.replace(/:([a-z]\w*)/gi, (_, name: string) => `$${names.push(name)}`)
  const made = { text, names }
  placed.set(sql, made)
  return made
}

/**
 * Runs a statement, again after the errors after which it may succeed, where another process has crossed it: then it sees
 * what that one wrote. In a transaction of the app each run is a savepoint, so that a crossed one does not end the whole;
 * what ends it all the same, such as a deadlock, is for the app to repeat.
 */
async function runRepeatedly<Row>(knex: Knex, work: Work<Row>, repeatOn: readonly string[]): Promise<Row[]> {
  requireRunning(knex)
  const isBound = knex.isTransaction === true
  const repeats = isBound ? repeatOn.filter((code) => !CROSSED_TRANSACTIONS.includes(code)) : repeatOn
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    try {
      const needsSavepoint = isBound && repeats.length > 0
      return needsSavepoint ? await knex.transaction(work) : await work(knex)
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
