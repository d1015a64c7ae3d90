import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attack } from './attack.js'
import { createDigest } from './attack-checks.js'
import { COLUMNS } from './attack-columns.js'
import type { ServerName } from './attack-servers.js'
import { TABLE } from './attack-table.js'
import { type Battlefield, createBattlefield, type ExpectedCell } from './battlefield.js'
import { readTable, type TableLine } from './read-table.js'

/** What was told of somebody unknown, by the first line of the table. */
const NOBODY = 'no header at all'

/**
 * Registers vitest tests which make the attacks of the table on a server, and hold what comes of it against the table.
 * Default: those of all its columns.
 */
export function describeAttacks(server: ServerName, columns: readonly string[] = Object.keys(COLUMNS)): void {
  const lines = new Map(readTable(TABLE, server).map((line) => [`${line.column}/${line.name}`, line]))
  const prototypes = [Object.prototype, Array.prototype, Function.prototype]
  const toKeys = () => prototypes.map((prototype) => Reflect.ownKeys(prototype))
  const keys = toKeys()
  let field: Battlefield | undefined

  beforeAll(async () => {
    field = await createBattlefield(server)
  })
  afterAll(() => field?.close())

  const requireField = () => {
    if (field === undefined) throw new Error('The battlefield is made in beforeAll.')
    return field
  }
  const requireLine = (column: string, name: string) => {
    const line = lines.get(`${column}/${name}`)
    if (line === undefined) throw new Error(`The table has no line for ${name}.`)
    return line
  }
  const play = async (attack: Attack, line: TableLine) => {
    const { rows, playLine } = requireField()
    const toRefused = (name: string) => requireLine('no token', NOBODY).words.get(name) ?? ''
    const cells = rows.flatMap((row): ExpectedCell[] => {
      const expected = line.words.get(row.name) ?? null
      return expected === null ? [] : [{ row, expected }]
    })
    const faults = await playLine(attack, cells, { toRefused: ({ name }) => toRefused(name) })
    expect(faults, faults.join('\n')).toEqual([])
  }

  for (const [column, attacks] of Object.entries(COLUMNS).filter(([name]) => columns.includes(name))) {
    describe(column, () => {
      it.each(attacks.map((attack) => [attack.name, attack] as const))('%s', async (name, attack) => {
        await play(attack, requireLine(column, name))
        expect(toKeys()).toEqual(keys)
      })
    })
  }

  describe('what was refused', () => {
    it('would have taken effect', async () => {
      const { rows, stage, playEffective } = requireField()
      const readDigest = await createDigest(stage.knex)
      for (const row of rows) {
        const before = JSON.stringify(await readDigest())
        expect([row.name, await playEffective(row)]).toEqual([row.name, row.name === 'new' ? 201 : 200])
        const isReading = row.route.method === 'GET'
        expect([row.name, JSON.stringify(await readDigest()) === before]).toEqual([row.name, isReading])
      }
    })
  })
}
