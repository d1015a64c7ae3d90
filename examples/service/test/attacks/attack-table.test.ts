import { describe, expect, it } from 'vitest'
import { COLUMNS } from './attack-columns.js'
import { ATTACKED_ROUTES, ROW_NAMES, toRouteName } from './attack-rows.js'
import { SERVER_NAMES } from './attack-servers.js'
import { DIFFERENCES, REASONS, TABLE } from './attack-table.js'
import { OUTCOMES } from './outcomes.js'
import { NAME_WIDTH, readTable } from './read-table.js'

/** What the issue asks for, in its words. */
const REQUIRED = [
  'no token',
  'wrong token',
  'expired token',
  'other scope',
  "other user's case",
  'method override',
  'duplicate headers',
  'encoded path tricks',
  'prototype-pollution keys',
  'deep JSON',
  'huge numbers',
  'invalid UTF-8',
  'BOM',
  'null bytes',
  'CRLF',
  'chunked without end',
  '1-byte drip',
  'pipelined',
  'aborted',
]

describe('the table of attacks', () => {
  it('has a column for every route', () => {
    expect(Object.keys(ROW_NAMES).toSorted()).toEqual(ATTACKED_ROUTES.map(toRouteName).toSorted())
    expect(new Set(Object.values(ROW_NAMES)).size).toBe(ATTACKED_ROUTES.length)
  })

  it('has every kind of attack that is asked for', () => {
    expect(Object.keys(COLUMNS)).toEqual(expect.arrayContaining(REQUIRED))
    expect(Object.entries(COLUMNS).filter(([, attacks]) => attacks.length === 0)).toEqual([])
  })

  it.each(SERVER_NAMES)('has a line for each attack that is made, and no other, for %s', (server) => {
    const made = Object.entries(COLUMNS).flatMap(([column, attacks]) => attacks.map(({ name }) => `${column}/${name}`))
    expect(readTable(TABLE, server).map(({ column, name }) => `${column}/${name}`)).toEqual(made)
    expect(new Set(made).size).toBe(made.length)
  })

  it('attacks every route in every way', () => {
    const words = readTable(TABLE, 'express').flatMap(({ column, words }) =>
      [...words].map((entry) => [column, ...entry]),
    )
    for (const column of Object.keys(COLUMNS)) {
      for (const row of Object.values(ROW_NAMES)) {
        const cells = words.filter(([other, name, word]) => other === column && name === row && word !== null)
        expect([column, row, cells.length > 0]).toEqual([column, row, true])
      }
    }
  })

  it('explains each of its words, and uses each', () => {
    const used = new Set(TABLE.split('\n').flatMap((line) => line.slice(NAME_WIDTH).trim().split(/ +/)))
    const differing = Object.values(DIFFERENCES).flatMap(({ express, hono }) => [express, hono])
    expect(Object.keys(DIFFERENCES).filter((word) => !used.has(word))).toEqual([])
    expect(Object.keys(OUTCOMES).filter((word) => !used.has(word) && !differing.includes(word))).toEqual([])
    for (const { because } of [...Object.values(DIFFERENCES), ...REASONS]) expect(because).toMatch(/^[A-Z].+\.$/s)
  })
})

describe('a gap in the table', () => {
  const line = (name: string, cells: readonly string[]) => `${name.padEnd(NAME_WIDTH)}${cells.join(' ')}`
  const rows = Object.values(ROW_NAMES)

  it.each([
    [
      'a cell that is not filled',
      line(
        'an attack',
        rows.slice(1).map(() => 'ok'),
      ),
    ],
    [
      'a cell that is explained by nobody',
      line(
        'an attack',
        rows.map((_, index) => (index === 3 ? '-' : 'ok')),
      ),
    ],
    [
      'a cell that is filled although it is explained away',
      line(
        'HEAD',
        rows.map(() => 'ok'),
      ),
    ],
    [
      'a word that nobody explains',
      line(
        'an attack',
        rows.map((_, index) => (index === 3 ? '200' : 'ok')),
      ),
    ],
    [
      'a row of another name',
      line(
        '',
        rows.map((row) => row.toUpperCase()),
      ),
    ],
  ])('is found: %s', (_name, text) => {
    expect(() => readTable(text, 'hono')).toThrow()
  })
})
