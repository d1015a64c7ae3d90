import { StorageError } from '@persona-kyc/core'

/** The date of a column: an app may have told the driver to leave timestamps as text, and in JSON they are text. */
export function toDate(value: Date | string): Date {
  return value instanceof Date ? value : new Date(value)
}

/** The date of a column that may be null. */
export function toDateOrNull(value: Date | string | null): Date | null {
  return value === null ? null : toDate(value)
}

/** Throws StorageError when the app's Knex renames columns. */
export function requireColumn(row: object, column: string): void {
  if (column in row) return
  throw new StorageError('storage_failed', {
    problem: `The rows that Knex gives have no column ${column}: its postProcessResponse renames them.`,
    fix: 'Give the storage a Knex instance without postProcessResponse; both may share a database.',
  })
}
