import createKnex, { type Knex } from 'knex'
import { beforeAll, describe, expect, it } from 'vitest'
import * as audit from '../src/audit-statements.js'
import * as transactions from '../src/chain-transaction-statements.js'
import * as claims from '../src/claim-statements.js'
import * as consumers from '../src/consumer-statements.js'
import { createGrants } from '../src/grants.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { migrate } from '../src/migrate.js'
import { matchEventInTimeSql, matchEventSql, recordEventSql, recordEventsSql } from '../src/record-events-sql.js'
import { toTableNames } from '../src/schema.js'
import * as statements from '../src/statements.js'
import { useDatabase, useRole } from './test-database.js'

const database = useDatabase()
const app = useRole(database)
const odd = useRole(database, `"';\\?:--`)
const tables = toTableNames('persona_kyc')

/** All that the app's role may do, by table. Whatever is not here, it may not. */
const GRANTED: Readonly<Record<string, string>> = {
  kyc_audit: 'INSERT SELECT',
  kyc_cases: `INSERT SELECT
    UPDATE(erased_at) UPDATE(feed_xid) UPDATE(initiating_until) UPDATE(inquiry_attempt) UPDATE(is_open)
    UPDATE(kyc_claim_id) UPDATE(kyc_claim_tx_hash) UPDATE(last_event_at) UPDATE(last_event_id) UPDATE(last_event_rank)
    UPDATE(persona_inquiry_id) UPDATE(persona_session_token) UPDATE(persona_status) UPDATE(personal_data)
    UPDATE(revision) UPDATE(status) UPDATE(updated_at) UPDATE(verification_score) UPDATE(verified_at)`,
  kyc_chain_senders: 'INSERT SELECT UPDATE',
  kyc_chain_transactions: `INSERT SELECT UPDATE(hashes) UPDATE(max_fee_per_gas) UPDATE(max_priority_fee_per_gas)
    UPDATE(raw) UPDATE(signed_at) UPDATE(state)`,
  kyc_claim_requests: 'INSERT SELECT UPDATE',
  kyc_claims: 'INSERT SELECT UPDATE(state) UPDATE(superseded_by) UPDATE(tx_hash) UPDATE(updated_at)',
  kyc_consumers: 'INSERT SELECT UPDATE',
  kyc_dead_letters: 'DELETE INSERT SELECT UPDATE',
  kyc_events: `INSERT SELECT UPDATE(case_id) UPDATE(name) UPDATE(occurred_at) UPDATE(outcome) UPDATE(persona_status)`,
  kyc_feed: 'SELECT',
  kyc_transitions: 'INSERT SELECT',
}

beforeAll(async () => {
  await migrate({ knex: database.owner, grantTo: app.role })
})

describe('createGrants', () => {
  it('returns grants, one on each line, and nothing else', () => {
    const lines = createGrants({ role: 'app', schema: 'kyc' }).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines).toHaveLength(2 + Object.keys(GRANTED).length)
    expect(lines[0]).toBe('grant usage on schema "kyc" to "app";')
    expect(lines[1]).toBe('grant execute on function "kyc"."kyc_is_unmatched"(timestamptz, text) to "app";')
    for (const line of lines.slice(2)) expect(line).toMatch(/^grant [a-z_, ()]+ on "kyc"\."kyc_\w+" to "app";$/)
  })

  it.each([
    'App',
    'select',
    'a b',
    'a"; drop table x; --',
    '"',
    '""',
    `a'b`,
    'a\\b',
    'a\nb',
    'a?b:c$1',
    '-- a',
    '/* a',
    'current_user',
    'PUBLIC',
    'рôле',
  ])('quotes the role %j', (role) => {
    const quoted = `"${role.replaceAll('"', '""')}"`
    expect(createGrants({ role })).toBe(createGrants({ role: 'app' }).replaceAll('"app"', () => quoted))
  })

  it.each(['', 'public', 'none', 'a\0b', 'a'.repeat(64), 'é'.repeat(32)])('refuses the role %j', (role) => {
    expect(() => createGrants({ role })).toThrow(/no name of a role/)
    expect(() => migrate({ knex: database.owner, grantTo: role })).toThrow(/no name of a role/)
  })

  it('refuses a schema that is no plain identifier', () => {
    expect(() => createGrants({ role: 'app', schema: 'x"; drop schema public; --' })).toThrow(/plain SQL identifier/)
  })

  it('returns SQL that PostgreSQL takes as a whole, for the role that is meant', async () => {
    const { owner } = database
    await migrate({ knex: owner, schema: 'by_hand' })
    const connection = await owner.client.acquireConnection()
    try {
      await connection.query(createGrants({ role: odd.role, schema: 'by_hand' }))
    } finally {
      await owner.client.releaseConnection(connection)
    }
    expect(await readGranted('by_hand', odd.role)).toEqual(toLists(GRANTED))
    expect(await readGranted('by_hand', app.role)).toEqual({})
  })
})

describe('migrate with grantTo', () => {
  it('grants what the statements need, and nothing else', async () => {
    expect(await readGranted('persona_kyc', app.role)).toEqual(toLists(GRANTED))
    const isUnmatched = 'kyc_is_unmatched(timestamp with time zone,pg_catalog.text)'
    expect(await readObjects(app.role)).toEqual([...Object.keys(GRANTED), isUnmatched, 'persona_kyc'].sort())
    const { rows } = await database.owner.raw<{ rows: object[] }>(
      `select has_schema_privilege(:role, 'persona_kyc', 'usage') as may_use,
        has_schema_privilege(:role, 'persona_kyc', 'create') as may_create,
        has_table_privilege(:role, 'persona_kyc.kyc_migrations', 'select') as may_read_migrations,
        rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as is_more_than_others
      from pg_roles where rolname = :role`,
      { role: app.role },
    )
    expect(rows).toEqual([{ may_use: true, may_create: false, may_read_migrations: false, is_more_than_others: false }])
  })

  it('takes the name of the role as it is', async () => {
    await migrate({ knex: database.owner, schema: 'odd', grantTo: odd.role })
    expect(await readGranted('odd', odd.role)).toEqual(toLists(GRANTED))
  })

  it('may be called by many at once, and again', async () => {
    const pools = Array.from({ length: 10 }, () =>
      createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 1 } }),
    )
    try {
      await Promise.all(pools.map((knex) => migrate({ knex, schema: 'raced', grantTo: app.role })))
      expect(await migrate({ knex: database.owner, schema: 'raced', grantTo: app.role })).toEqual([])
      expect(await readGranted('raced', app.role)).toEqual(toLists(GRANTED))
    } finally {
      await Promise.all(pools.map((knex) => knex.destroy()))
    }
  }, 90_000)

  it('leaves nothing behind when there is no such role', async () => {
    const migrating = migrate({ knex: database.owner, schema: 'roleless', grantTo: 'persona_kyc_test_nobody' })
    await expect(migrating).rejects.toMatchObject({ name: 'StorageError', code: 'storage_failed' })
    const { rows } = await database.owner.raw(`select to_regnamespace('roleless') as schema`)
    expect(rows).toEqual([{ schema: null }])
  })
})

describe('a role without grants', () => {
  it('is told how to get them', async () => {
    await migrate({ knex: database.owner, schema: 'locked' })
    const reading = createKnexStorage({ knex: app.knex, schema: 'locked' }).getCase('x')
    await expect(reading).rejects.toThrow('persona-kyc migrate --grants')
  })
})

describe('each privilege that is granted', () => {
  it('is needed: without it, PostgreSQL refuses a statement of the storage', async () => {
    expect(await findRefused()).toBeNull()
    const privileges = Object.entries(toLists(GRANTED)).flatMap(([table, list]) =>
      list.map((privilege) => `${privilege.replace('(', ' (')} on persona_kyc.${table}`),
    )
    expect(privileges.length).toBeGreaterThan(50)
    for (const privilege of ['usage on schema persona_kyc', ...privileges]) {
      expect(await findRefused(privilege), privilege).not.toBeNull()
    }
  }, 120_000)
})

/** Asks PostgreSQL for the plan of each statement as the role, without a privilege; the first that it refuses, or null. */
async function findRefused(without?: string): Promise<string | null> {
  const transaction = await database.owner.transaction()
  try {
    if (without !== undefined) await transaction.raw(`revoke ${without} from ??`, [app.role])
    await transaction.raw('set local role ??', [app.role])
    for (const sql of listStatements()) {
      if (await isRefused(transaction, sql)) return sql
    }
    return null
  } finally {
    await transaction.rollback()
  }
}

/** A plan is refused as its execution would be. A refusal ends the transaction. */
async function isRefused(transaction: Knex.Transaction, sql: string): Promise<boolean> {
  const names = [...sql.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, null])
  try {
    await transaction.raw(`explain ${sql}`, Object.fromEntries(names))
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: '42501' })
    return true
  }
}

/** All statements of the storage: each function of these modules, but those whose parameters are more than the tables. */
function listStatements(): string[] {
  const { listCases, toFeedXid, ...ofCases } = statements
  const { listAudit, ...ofAudit } = audit
  const all = [ofCases, ofAudit, consumers, claims, transactions].flatMap((module) => Object.values(module))
  const page = { after: null, limit: 1 }
  return [
    ...all.map((toSql) => toNamed(toSql(tables))),
    ...[recordEventSql, recordEventsSql, matchEventSql, matchEventInTimeSql].map((toSql) => toNamed(toSql(tables))),
    listCases(tables, { status: null, claim: null, ...page }),
    listAudit(tables, { caseId: null, principal: null, ...page }),
  ]
}

/** The statement with its values by name, as Knex takes them. */
function toNamed(sql: string): string {
  return sql.replaceAll(/\$(\d+)/g, ':v$1')
}

/** What the role was granted on the tables of a schema, as the catalog has it. */
async function readGranted(schema: string, role: string): Promise<Record<string, string[]>> {
  const { rows } = await database.owner.raw<{ rows: { name: string; privileges: string[] }[] }>(
    `with granted as (
      select c.relname, acl.privilege_type as privilege, acl.grantee, acl.is_grantable
      from pg_class c cross join lateral aclexplode(c.relacl) acl where c.relnamespace = to_regnamespace(:schema)
      union all
      select c.relname, acl.privilege_type || '(' || a.attname || ')', acl.grantee, acl.is_grantable
      from pg_class c join pg_attribute a on a.attrelid = c.oid cross join lateral aclexplode(a.attacl) acl
      where c.relnamespace = to_regnamespace(:schema)
    )
    select cast(relname as text) as name,
      array_agg(privilege || case when is_grantable then ' WITH GRANT OPTION' else '' end order by privilege) as privileges
    from granted where grantee in (0, (select oid from pg_roles where rolname = :role))
    group by 1 order by 1`,
    { schema, role },
  )
  return Object.fromEntries(rows.map(({ name, privileges }) => [name, privileges]))
}

/** Everything in the schema that depends on the role, by a grant or by ownership: functions and sequences too. */
async function readObjects(role: string): Promise<string[]> {
  const { rows } = await database.owner.raw<{ rows: { identity: string }[] }>(
    `select distinct regexp_replace(object.identity, '^persona_kyc[.]', '') as identity
    from pg_shdepend d cross join lateral pg_identify_object(d.classid, d.objid, 0) object
    where d.refobjid = (select oid from pg_roles where rolname = :role)
      and d.dbid = (select oid from pg_database where datname = current_database())
      and object.identity ~ '^persona_kyc([.]|$)'
    order by 1`,
    { role },
  )
  return rows.map(({ identity }) => identity).sort((left, right) => Number(left > right) - Number(left < right))
}

function toLists(granted: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(granted).map(([table, privileges]) => [table, privileges.split(/\s+/).toSorted()]),
  )
}
