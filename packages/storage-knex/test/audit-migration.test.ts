import type { KycStorage, NewCase, NewEvent } from '@persona-kyc/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { createKnexStorage } from '../src/knex-storage.js'
import { migrate } from '../src/migrate.js'
import { useDatabase, useRole } from './test-database.js'

const database = useDatabase()
const app = useRole(database)
const TABLES = ['kyc_audit', 'kyc_transitions', 'kyc_events'] as const
const now = new Date('2026-01-02T03:04:05.678Z')
let storage: KycStorage

// Real SQL, as the role that the app connects as. The owner grants, and looks at what is there.
beforeAll(async () => {
  await migrate({ knex: database.owner, grantTo: app.role })
  storage = createKnexStorage({ knex: app.knex })
  await storage.createCase(newCase('a'))
  expect((await storage.recordEvent(newEvent('applied', 'inq-a', 'a'))).outcome).toBe('applied')
  expect((await storage.recordEvent(newEvent('unmatched', 'inq-b', 'b'))).outcome).toBe('unmatched')
  for (const id of ['1', '2']) {
    const said = { principal: 'ada', action: 'kyc:read', route: 'GET /', verdict: 'allowed', caseId: 'a' } as const
    await storage.appendAudit({ id, ...said, decidedAt: now })
  }
})

describe.each(TABLES)('%s, to the role of an app', (table) => {
  it('changes by no statement', async () => {
    const attacks = [...(await listUpdates(table)), ...listAttacks(table)]
    const before = await readHistory()
    for (const attack of attacks) {
      expect(await attempt(attack), attack).toMatch(/^(42501|42P17|0 rows)$/)
      expect(await readHistory(), attack).toEqual(before)
    }
  })

  it('changes neither when the role was granted to update and delete: the policies hold', async () => {
    const updates = await listUpdates(table)
    const overwrites = table === 'kyc_audit' ? [OVERWRITE] : []
    const unfiltered = `set local row_security = off; delete from persona_kyc.${table}`
    const attacks = [...updates, ...overwrites, `delete from persona_kyc.${table}`, toMerge(table), unfiltered]
    await database.owner.raw(`grant all on persona_kyc.${table} to ??`, [app.role])
    const before = await readHistory()
    try {
      for (const attack of attacks) {
        expect(await attempt(attack), attack).toMatch(/^(42501|0 rows)$/)
        expect(await readHistory(), attack).toEqual(before)
      }
    } finally {
      await database.owner.raw(`revoke all on persona_kyc.${table} from ??`, [app.role])
      await migrate({ knex: database.owner, grantTo: app.role })
    }
  })

  it('is open to its owner, who migrates and prunes', async () => {
    const transaction = await database.owner.transaction()
    try {
      const { rows } = await transaction.raw(`delete from persona_kyc.${table} returning 1`)
      expect(rows.length).toBeGreaterThan(0)
    } finally {
      await transaction.rollback()
    }
  })
})

describe('an event that belongs to no case', () => {
  it.each([
    ['has a case and an outcome', "case_id = 'a', outcome = 'stale'", '1 rows'],
    ['has no case', "outcome = 'applied'", '42501'],
    ['is still unmatched', "case_id = 'a'", '42501'],
    ['has another name only', "name = 'forged'", '42501'],
    ['was received at another time', "case_id = 'a', outcome = 'stale', received_at = now()", '42501'],
    ['has another inquiry', "case_id = 'a', outcome = 'stale', inquiry_id = 'inq-a'", '42501'],
    ['has another id', "case_id = 'a', outcome = 'stale', id = 'forged'", '42501'],
  ])('is updated, or not, to one that %s', async (_name, changes, expected) => {
    expect(await attempt(`update persona_kyc.kyc_events set ${changes} where id = 'unmatched'`, 'rollback')).toBe(
      expected,
    )
  })

  it('finds its case once, however many copies of it come at once', async () => {
    await storage.createCase(newCase('c'))
    const early = newEvent('raced', 'inq-c', null)
    expect((await storage.recordEvent(early)).outcome).toBe('unmatched')
    const copies = Array.from({ length: 50 }, () => storage.recordEvent({ ...early, referenceId: 'c' }))
    const outcomes = (await Promise.all(copies)).map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(49)
    expect((await storage.recordEvent(early)).outcome).toBe('duplicate')
  })
})

/** Overwrites an entry where it means to append one. */
const OVERWRITE = `
  insert into persona_kyc.kyc_audit select * from persona_kyc.kyc_audit
  on conflict (id) do update set principal = 'forged'`

/** Valid values other than those that are there, by the name or else the type of a column. */
const FORGED: Readonly<Record<string, string>> = {
  outcome: "'ignored'",
  verdict: "'hidden'",
  text: "'forged'",
  integer: '99',
  'double precision': '0.25',
  'timestamp with time zone': 'now()',
  xid8: "'1'",
}

/** An update of each column, of all rows but the one event that may yet find its case. */
async function listUpdates(table: string): Promise<string[]> {
  const { rows } = await database.owner.raw<{ rows: { column_name: string; data_type: string }[] }>(
    `select column_name, data_type from information_schema.columns where table_schema = 'persona_kyc' and table_name = ?`,
    [table],
  )
  expect(rows.length).toBeGreaterThan(5)
  const where = table === 'kyc_events' ? `where outcome <> 'unmatched'` : ''
  return rows.map(({ column_name: column, data_type: type }) => {
    const value = FORGED[column] ?? FORGED[type] ?? expect.unreachable(`no value of type ${type}`)
    return `update persona_kyc.${table} set ${column} = ${value} ${where}`
  })
}

function toMerge(table: string): string {
  return `merge into persona_kyc.${table} using (select 1) one on true when matched then delete`
}

function listAttacks(table: string): string[] {
  const name = `persona_kyc.${table}`
  return [
    `delete from ${name}`,
    `delete from only ${name} where true returning *`,
    `with gone as (delete from ${name} returning *) select count(*) from gone`,
    toMerge(table),
    `truncate ${name}`,
    `truncate ${name} cascade`,
    `drop table ${name} cascade`,
    `drop schema persona_kyc cascade`,
    `alter table ${name} add column forged text`,
    `alter table ${name} rename to forged`,
    `alter table ${name} set schema public`,
    `alter table ${name} owner to current_user`,
    `alter table ${name} disable row level security`,
    `alter table ${name} disable trigger all`,
    `drop policy read on ${name}`,
    `drop policy append on ${name}`,
    `alter policy append on ${name} to postgres`,
    `create policy forged on ${name} for all using (true) with check (true)`,
    `create rule forged as on insert to ${name} do instead nothing`,
    `create trigger forged before insert on ${name} for each row execute function suppress_redundant_updates_trigger()`,
    `create index forged on ${name} ((1))`,
    `create table persona_kyc.forged () inherits (${name})`,
    `create function persona_kyc.forged() returns void language sql as 'delete from ${name}'`,
    `create view persona_kyc.forged as select * from ${name}`,
    `lock table ${name} in access exclusive mode`,
    `set local row_security = off; delete from ${name}`,
    `set local session_replication_role = replica; delete from ${name}`,
    `set local role postgres; delete from ${name}`,
    `set local session authorization postgres; delete from ${name}`,
    `grant delete on ${name} to current_user; delete from ${name}`,
    ...(table === 'kyc_audit' ? [OVERWRITE] : []),
  ]
}

/** Runs SQL as the app's role: the code of PostgreSQL's refusal, or the number of rows that were changed. */
async function attempt(sql: string, end: 'commit' | 'rollback' = 'commit'): Promise<string> {
  const transaction = await app.knex.transaction()
  try {
    const { rowCount } = [await transaction.raw(sql)].flat().at(-1)
    await transaction[end]()
    return `${rowCount} rows`
  } catch (error) {
    await transaction.rollback()
    return String((error as { code?: unknown }).code)
  }
}

/** All rows, and all that is known of the tables. */
async function readHistory(): Promise<unknown> {
  const { owner } = database
  const rows = TABLES.map((table) => owner.raw(`select * from persona_kyc.${table} order by 1, 2`))
  const catalog = [
    `select relname, relkind, relowner, relrowsecurity, relhastriggers, relhasrules, relnatts, cast(relacl as text)
      from pg_class where relnamespace = to_regnamespace('persona_kyc') order by 1`,
    'select * from pg_policies order by tablename, policyname',
  ].map((sql) => owner.raw(sql))
  return (await Promise.all([...rows, ...catalog])).map((result) => result.rows)
}

function newCase(id: string): NewCase {
  const user = { userId: `user ${id}`, documentType: 'passport' }
  return { id, ...user, sealedPersonalData: null, idempotencyKey: null, createdAt: now, initiatingUntil: now }
}

function newEvent(id: string, inquiryId: string, referenceId: string | null): NewEvent {
  const effect = { personaStatus: 'approved', status: 'verified', score: 1, occurredAt: now, rank: 6 } as const
  return {
    id,
    name: 'inquiry.approved',
    inquiryId,
    referenceId,
    createdAt: now,
    effect,
    receivedAt: now,
    delivery: null,
  }
}
