import createKnex from 'knex'
import { describe, expect, it } from 'vitest'
import { listMigrations, migrate, MIGRATION_NAMES as NAMES, rollback } from '../src/migrate.js'
import { useDatabase, useRole } from './test-database.js'

const database = useDatabase()
const reader = useRole(database)

// Whoever migrates owns the tables: no test here is one of the app's role.
describe('migrate', () => {
  it('applies every migration once when 20 start at once', async () => {
    const pools = Array.from({ length: 20 }, () =>
      createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 1 } }),
    )
    const applied = await Promise.all(pools.map((knex) => migrate({ knex, schema: 'raced' })))
    await Promise.all(pools.map((knex) => knex.destroy()))
    expect(applied.flat()).toEqual(NAMES)
    expect(await tablesOf('raced')).toEqual([
      'kyc_audit',
      'kyc_cases',
      'kyc_chain_senders',
      'kyc_chain_transactions',
      'kyc_claim_requests',
      'kyc_claims',
      'kyc_consumers',
      'kyc_dead_letters',
      'kyc_events',
      'kyc_events_other',
      'kyc_events_untold',
      'kyc_feed',
      'kyc_migrations',
      'kyc_transitions',
    ])
  }, 90_000)

  it('takes everything back, and can go forward again', async () => {
    const { owner: knex } = database
    const schema = 'there_and_back'
    await migrate({ knex, schema })
    const before = await describeSchema(schema)
    for (const name of NAMES.toReversed()) expect(await rollback({ knex, schema })).toBe(name)
    expect(await rollback({ knex, schema })).toBeNull()
    expect(await tablesOf(schema)).toEqual(['kyc_migrations'])
    expect(await migrate({ knex, schema })).toEqual(NAMES)
    expect(await describeSchema(schema)).toEqual(before)
  })

  it('takes row level security back with the audit trail', async () => {
    const { owner: knex } = database
    const schema = 'history'
    await migrate({ knex, schema })
    const readPolicies = async () => {
      const { rows } = await knex.raw(
        `select c.relname, c.relrowsecurity, count(p.policyname) as policies
        from pg_class c left join pg_policies p on p.schemaname = :schema and p.tablename = c.relname
        where c.relnamespace = to_regnamespace(:schema) and c.relkind in ('r', 'p') and not c.relispartition group by 1, 2
        having c.relrowsecurity or count(p.policyname) > 0 order by 1`,
        { schema },
      )
      return rows.map((row: { relname: string; policies: string }) => `${row.relname} ${row.policies}`)
    }
    expect(await readPolicies()).toEqual(['kyc_audit 2', 'kyc_events 3', 'kyc_transitions 2'])
    const tookBack: (string | null)[] = []
    while (tookBack.at(-1) !== '004_audit') tookBack.push(await rollback({ knex, schema }))
    expect(await tablesOf(schema)).not.toContain('kyc_audit')
    expect(await readPolicies()).toEqual([])
  })

  it('never touches the knex_migrations of the app', async () => {
    const { owner: knex } = database
    await knex.schema.createTable('knex_migrations', (table) => table.text('name'))
    await knex('knex_migrations').insert({ name: '20260101_of_the_app.js' })
    await migrate({ knex })
    await rollback({ knex })
    expect(await knex('knex_migrations').select()).toEqual([{ name: '20260101_of_the_app.js' }])
    expect(await tablesOf('public')).toEqual(['knex_migrations'])
  })

  it('leaves nothing behind when a statement fails', async () => {
    const { owner: knex } = database
    await knex.raw('create schema half')
    await knex.raw('create table half.kyc_transitions (taken text)')
    await expect(migrate({ knex, schema: 'half' })).rejects.toMatchObject({
      name: 'StorageError',
      code: 'storage_failed',
    })
    expect(await tablesOf('half')).toEqual(['kyc_transitions'])
  })

  it('needs no right to create where nothing is to be created', async () => {
    const { owner: knex } = database
    await migrate({ knex, schema: 'locked' })
    await knex.raw('grant usage on schema locked to ??', [reader.role])
    await knex.raw('grant select on all tables in schema locked to ??', [reader.role])
    expect(await migrate({ knex: reader.knex, schema: 'locked' })).toEqual([])
  })

  it('refuses a database that a newer version has migrated', async () => {
    const { owner: knex } = database
    await migrate({ knex, schema: 'newer' })
    await knex.raw(`insert into newer.kyc_migrations (name) values ('999_of_the_future')`)
    await expect(migrate({ knex, schema: 'newer' })).rejects.toThrow(/newer version/)
  })

  it.each(['', 'a b', 'x";drop schema public;--', '1st', 'a'.repeat(64)])('refuses the schema name %j', (schema) => {
    expect(() => migrate({ knex: database.owner, schema })).toThrow(/plain SQL identifier/)
  })

  it('lists what is applied without creating anything', async () => {
    const { owner: knex } = database
    expect(await listMigrations({ knex, schema: 'unseen' })).toEqual(NAMES.map((name) => ({ name, appliedAt: null })))
    expect(await tablesOf('unseen')).toEqual([])
  })
})

/** All but the months of the events. */
async function tablesOf(schema: string): Promise<string[]> {
  const { rows } = await database.owner.raw<{ rows: { table_name: string }[] }>(
    `select table_name from information_schema.tables
     where table_schema = ? and table_name !~ '^kyc_events_[0-9]' order by table_name`,
    [schema],
  )
  return rows.map((row) => row.table_name)
}

async function describeSchema(schema: string): Promise<unknown> {
  const columns = await database.owner.raw(
    `select table_name, column_name, data_type, is_nullable, column_default, collation_name
     from information_schema.columns where table_schema = ? and table_name <> 'kyc_migrations' order by 1, 2`,
    [schema],
  )
  const indexes = await database.owner.raw('select indexdef from pg_indexes where schemaname = ? order by 1', [schema])
  return [columns.rows, indexes.rows]
}

it('opens no connection of its own', async () => {
  const knex = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 1 } })
  await migrate({ knex, schema: 'single_connection' })
  await knex.destroy()
})
