import { ROW_NAMES } from './attack-rows.js'
import type { ServerName } from './attack-servers.js'
import { DIFFERENCES, REASONS } from './attack-table.js'
import { OUTCOMES } from './outcomes.js'

/** A line of the table. */
export interface TableLine {
  readonly column: string
  readonly name: string
  /** By the names of the rows; null where the attack cannot be made. */
  readonly words: ReadonlyMap<string, string | null>
}

/** How wide the names of the attacks are in the table. */
export const NAME_WIDTH = 36

/**
 * Reads the table, for one of the servers.
 *
 * @throws Error for a gap: a cell that is not filled, not explained, or filled with a word that nobody explains.
 */
export function readTable(text: string, server: ServerName): TableLine[] {
  const lines: TableLine[] = []
  const rowNames = Object.values(ROW_NAMES)
  let column = ''
  for (const line of text.split('\n')) {
    const name = line.slice(0, NAME_WIDTH).trim()
    const cells = line.slice(NAME_WIDTH).trim().split(/ +/)
    if (line.startsWith('# ')) column = line.slice(2)
    else if (name === '' && cells.join() !== '' && cells.join() !== rowNames.join()) throw new Error(`no row: ${line}`)
    else if (name !== '') lines.push({ column, name, words: toWords(name, cells, server) })
  }
  return lines
}

function toWords(line: string, cells: readonly string[], server: ServerName): Map<string, string | null> {
  const rowNames = Object.values(ROW_NAMES)
  if (cells.length !== rowNames.length) throw new Error(`${line}: ${cells.length} cells of ${rowNames.length}`)
  return new Map(rowNames.map((row, index) => [row, toWord({ line, row, cell: cells[index] ?? '' }, server)]))
}

function toWord(
  { line, row, cell }: { readonly line: string; readonly row: string; readonly cell: string },
  server: ServerName,
): string | null {
  const isExplained = REASONS.some(({ lines, rows }) => lines.test(line) && rows.includes(row))
  if (isExplained !== (cell === '-'))
    throw new Error(`${line}: ${row} is ${isExplained ? 'explained away' : 'not explained'}`)
  if (cell === '-') return null
  const word = DIFFERENCES[cell]?.[server] ?? cell
  if (OUTCOMES[word] === undefined) throw new Error(`${line}: ${row} is ${word}, which nobody explains`)
  return word
}
