/** What a statement does to one table. */
interface Mutation {
  readonly kind: string
  readonly table: string
}

/** What works only within one session, or only on one machine: a pooler or a distributed engine breaks it. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/pg_(try_)?advisory_(?!xact)/i, 'a lock of the session'],
  [/\blisten\b|\bnotify\b/i, 'LISTEN or NOTIFY'],
  [/\b(prepare|declare|deallocate)\b/i, 'a statement or a cursor of the session'],
  [/\bset\s+(session|local)?\s*\w+\s*(=|to)\s/i, 'a setting of the session'],
  [/\btemp(orary)?\s+table/i, 'a table of the session'],
  [/\block\s+table\b/i, 'a lock of a whole table'],
  [/\b(nextval|currval|setval)\b/i, 'a sequence'],
  [/\btruncate\b/i, 'TRUNCATE'],
]

/** How the statement breaks the rules that a distributed engine sets; empty when it keeps them. */
export function findBreaches(sql: string): string[] {
  const mutations = listMutations(sql)
  const tables = mutations.map(({ table }) => table)
  const repeated = tables.filter((table, index) => tables.indexOf(table) !== index)
  return [
    ...FORBIDDEN.flatMap(([pattern, name]) => (pattern.test(withoutUpdateSet(sql)) ? [name] : [])),
    ...repeated.map((table) => `two mutations of ${table}`),
  ]
}

/** Each insert, update and delete of a statement, those in its CTEs too. */
export function listMutations(sql: string): Mutation[] {
  const found = sql.matchAll(/\b(insert\s+into|update|delete\s+from)\s+("[\w]+"\.)?"(kyc_\w+)"/gi)
  return [...found].map(([, kind = '', , table = '']) => ({ kind: kind.toLowerCase().split(/\s/)[0] ?? '', table }))
}

/** `update … set x = …` is no setting of the session. */
function withoutUpdateSet(sql: string): string {
  return sql.replace(/\bset\s+(?=\w+\s*=)/gi, '')
}
