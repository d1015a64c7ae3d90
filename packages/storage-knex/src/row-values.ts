/** The date of a column: an app may have told the driver to leave timestamps as text, and in JSON they are text. */
export function toDate(value: Date | string): Date {
  return value instanceof Date ? value : new Date(value)
}

/** The date of a column that may be null. */
export function toDateOrNull(value: Date | string | null): Date | null {
  return value === null ? null : toDate(value)
}
