import type { TableNames } from './schema.js'

/** One step of the schema, and the way back. Statements run one by one, inside one transaction. */
export interface Migration {
  /** Sorts by number; never changes once published. */
  readonly name: string
  up(tables: TableNames): readonly string[]
  down(tables: TableNames): readonly string[]
}
