import type { AuditQuery, NewEvent } from '@persona-kyc/core'
import { describe, expect, it } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import * as audit from '../src/audit-statements.js'
import * as transactions from '../src/chain-transaction-statements.js'
import * as claims from '../src/claim-statements.js'
import * as consumers from '../src/consumer-statements.js'
import { migrate } from '../src/migrate.js'
import {
  matchEventInTimeSql,
  matchEventSql,
  recordEventSql,
  recordEventsSql,
  toEventsValues,
  toEventValues,
} from '../src/record-events-sql.js'
import { toTableNames } from '../src/schema.js'
import * as statements from '../src/statements.js'
import { findBreaches, listMutations } from './sql-rules.js'
import { useDatabase } from './test-database.js'

const database = useDatabase()
const tables = toTableNames('persona_kyc')

describe('the rules', () => {
  it.each([
    ['select pg_advisory_lock(1)', 'a lock of the session'],
    ["notify x, 'y'", 'LISTEN or NOTIFY'],
    ['set statement_timeout to 5', 'a setting of the session'],
    ['create temp table x ()', 'a table of the session'],
    [
      `with a as (update "s"."kyc_cases" set x = 1), b as (update "s"."kyc_cases" set y = 2) select 1`,
      'two mutations of kyc_cases',
    ],
  ])('find the breach of %s', (sql, breach) => {
    expect(findBreaches(sql)).toContain(breach)
  })

  it('find none where there is none', () => {
    expect(findBreaches('update "s"."kyc_cases" set status = 1 where id = 2')).toEqual([])
  })
})

describe('the statement of the ingest', () => {
  it('changes each table once, and has no identity column or sequence to ask', async () => {
    await migrateForApp(database.owner)
    for (const toSql of [recordEventSql, recordEventsSql]) {
      expect(listMutations(toSql(tables)).map(({ kind, table }) => `${kind} ${table}`)).toEqual([
        'insert kyc_events',
        'update kyc_cases',
        'insert kyc_transitions',
      ])
    }
    for (const toSql of [matchEventSql, matchEventInTimeSql]) {
      expect(listMutations(toSql(tables)).map(({ kind, table }) => `${kind} ${table}`)).toEqual([
        'update kyc_events',
        'update kyc_cases',
        'insert kyc_transitions',
      ])
    }
    const generated = await database.owner.raw(`
      select table_name, column_name from information_schema.columns
      where table_schema = 'persona_kyc' and (is_identity = 'YES' or column_default is not null)
        and table_name <> 'kyc_migrations'`)
    expect(generated.rows).toEqual([])
    const sequences = await database.owner.raw(
      "select 1 from information_schema.sequences where sequence_schema = 'persona_kyc'",
    )
    expect(sequences.rows).toEqual([])
  })
})

describe('the statements of claims', () => {
  it.each([
    ['addClaim', claims.addClaim, ['insert kyc_claims']],
    ['openTransactions', transactions.openTransactions, ['insert kyc_chain_senders', 'insert kyc_chain_transactions']],
    ['signTransactions', transactions.signTransactions, ['update kyc_chain_transactions']],
    [
      'closeTransactions',
      transactions.closeTransactions,
      ['update kyc_chain_transactions', 'update kyc_claim_requests'],
    ],
  ])('change each table once: %s', (_name, toSql, mutations) => {
    expect(listMutations(toSql(tables)).map(({ kind, table }) => `${kind} ${table}`)).toEqual(mutations)
  })
})

describe('hot statements', () => {
  it('find their rows by key, in tables of some size', async () => {
    await migrateForApp(database.owner)
    await fill()
    const now = new Date()
    const page = { after: null, limit: 100 }
    const one = Object.fromEntries(toEventValues(toEvent(now)).map((value, index) => [`v${index + 1}`, value ?? null]))
    const [v1, v2] = toEventsValues([toEvent(now)], 500)
    const many = { v1, v2 }
    const hot: [name: string, sql: string, bindings: object, index?: string][] = [
      ['recordEvent', toNamed(recordEventSql(tables)), one],
      ['recordEvent, many', toNamed(recordEventsSql(tables)), many],
      ['recordEvent again', toNamed(matchEventSql(tables)), one],
      ['recordEvent again, in time', toNamed(matchEventInTimeSql(tables)), one],
      ['isUnmatched', findEvent(), { createdAt: now, id: 'evt-7' }],
      ['getCase', `select * from ${tables.cases} where id = :caseId`, { caseId: 'case-7' }],
      ['createCase', statements.createCase(tables), toNewCase(now)],
      [
        'leaseInitiation',
        statements.leaseInitiation(tables),
        { caseId: 'case-7', currentInquiryId: null, now, until: now },
      ],
      ['releaseInitiation', statements.releaseInitiation(tables), { caseId: 'case-7', until: now }],
      [
        'attachInquiry',
        statements.attachInquiry(tables),
        {
          caseId: 'case-7',
          inquiryId: 'inq-x',
          replaces: null,
          personaStatus: 'created',
          sealedSessionToken: null,
          now,
        },
      ],
      [
        'storeSessionToken',
        statements.storeSessionToken(tables),
        { caseId: 'case-7', inquiryId: 'inq-7', sealedSessionToken: null, now },
      ],
      ['setClaim', statements.setClaim(tables), { caseId: 'case-7', kycClaimId: '1', kycClaimTxHash: '2', now }],
      ['clearClaim', statements.clearClaim(tables), { caseId: 'case-7', kycClaimId: '1', kycClaimTxHash: '2', now }],
      ['eraseCase', statements.eraseCase(tables), { caseId: 'case-7', now }],
      ['listCases', statements.listCases(tables, { status: null, claim: null, ...page }), { limit: 101 }],
      [
        'listUnclaimed',
        statements.listCases(tables, { status: 'verified', claim: 'missing', ...page }),
        { status: 'verified', limit: 101 },
      ],
      ['listStale', statements.listCases(tables, { status: null, claim: 'stale', ...page }), { limit: 101 }],
      [
        'listUnsettledCases',
        statements.listUnsettledCases(tables),
        { createdSince: now, quietSince: now, createdAt: null, id: null, limit: 101 },
      ],
      ['listCaseEvents', toNamed(statements.listCaseEvents(tables)), { v1: 'case-7', v2: null, v3: null, v4: 101 }],
      ['listUnmatchedEvents', statements.listUnmatchedEvents(tables), { receivedAt: null, id: null, limit: 101 }],
      ['readFeed', statements.readFeed(tables), { feedXid: '0', caseId: '', revision: 0, limit: 100 }],
      ['leaseConsumer', consumers.leaseConsumer(tables), { name: 'c', now, until: now }],
      [
        'saveConsumer',
        consumers.saveConsumer(tables),
        {
          name: 'c',
          fence: 1,
          cursor: null,
          attempts: 0,
          until: now,
          caseId: 'case-7',
          revision: 1,
          reason: 'failed',
          letterAttempts: 1,
          error: null,
          parkedAt: now,
        },
      ],
      ['hasDeadLetter', consumers.hasDeadLetter(tables), { consumer: 'c-7', caseId: 'case-7' }],
      [
        'removeDeadLetter',
        consumers.removeDeadLetter(tables),
        { consumer: 'c-7', fence: 1, caseId: 'case-7', revision: 1 },
      ],
      ...toHotClaimStatements(now),
      ...toHotAuditStatements(now),
    ]
    for (const [name, sql, bindings, index = ''] of hot) {
      const { rows } = await database.app.raw<{ rows: Record<string, string>[] }>(`explain ${sql}`, bindings as never)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      // A month to come is empty, and costs nothing.
      expect(plan, name).not.toMatch(/Seq Scan on kyc_(?!feed\b).*cost=(?!0\.00\.\.0\.00 )/)
      expect(plan, name).toContain(index)
    }
  })
})

/** The statement with its values by name, as Knex takes them. */
function toNamed(sql: string): string {
  return sql.replaceAll(/\$(\d+)/g, ':v$1')
}

function toHotClaimStatements(now: Date): [string, string, object][] {
  const sender = { chainId: 1, sender: toAddress(7), now }
  const claim = {
    caseId: 'case-7',
    generation: 2,
    revision: 1,
    chainId: 1,
    issuer: toAddress(0),
    topic: '1',
    identity: toAddress(8),
    claimId: '1',
    data: '2',
    signature: '3',
    uri: '',
    verifiedAt: now,
    now,
  }
  const wanted = [
    {
      place: 0,
      purpose: 'purpose-7',
      case_id: 'case-7',
      generation: 1,
      claim_state: 'signed',
      to_address: toAddress(0),
    },
    {
      place: 1,
      purpose: 'purpose-x',
      case_id: 'case-8',
      generation: null,
      claim_state: null,
      to_address: toAddress(0),
    },
  ]
  const forms = [{ place: 0, nonce: 7, raw: '1', hash: '2', max_fee: '3', max_priority_fee: '4' }]
  const ends = [{ place: 0, nonce: 7, state: 'done', hash: '2' }]
  return [
    ['requestClaim', claims.requestClaim(tables), { caseId: 'case-7', revision: 2, wantsClaim: true, now }],
    ['recallClaimRequest', claims.recallClaimRequest(tables), { caseId: 'case-7', dueAt: now }],
    ['listDueClaims', claims.listDueClaims(tables), { now, limit: 100 }],
    [
      'deferClaimRequest',
      claims.deferClaimRequest(tables),
      { caseId: 'case-7', revision: 1, recalls: 0, dueAt: now, reason: null, attempts: 1 },
    ],
    ['addClaim', claims.addClaim(tables), claim],
    [
      'moveClaim',
      claims.moveClaim(tables),
      { caseId: 'case-7', generation: 1, from: ['signed'], to: 'issued', txHash: '1', supersededBy: null, now },
    ],
    [
      'openTransactions',
      transactions.openTransactions(tables),
      { ...sender, chainNonce: 0, given: JSON.stringify(wanted) },
    ],
    ['signTransactions', transactions.signTransactions(tables), { ...sender, given: JSON.stringify(forms) }],
    ['closeTransactions', transactions.closeTransactions(tables), { ...sender, given: JSON.stringify(ends) }],
    ['listOpenTransactions', transactions.listOpenTransactions(tables), sender],
  ]
}

function toHotAuditStatements(now: Date): [string, string, object, string?][] {
  const entry = { id: 'x', principal: 'p', action: 'kyc:read', route: 'GET /', verdict: 'allowed', caseId: 'case-7' }
  const query = { caseId: null, principal: null, after: null, limit: 100 }
  const bindings = { caseId: 'case-7', principal: 'principal-7', decidedAt: new Date(0), id: 'x', limit: 101 }
  const list = (options: Partial<AuditQuery>) => audit.listAudit(tables, { ...query, ...options })
  return [
    ['appendAudit', audit.appendAudit(tables), { ...entry, decidedAt: now }],
    ['listAudit', list({}), bindings, 'kyc_audit_decided'],
    ['listAudit from a place', list({ after: 'x' }), bindings, 'kyc_audit_decided'],
    ['listAudit of a case', list({ caseId: 'case-7', after: 'x' }), bindings, 'kyc_audit_case'],
    ['listAudit of a principal', list({ principal: 'principal-7', after: 'x' }), bindings, 'kyc_audit_principal'],
    [
      'listAudit of a principal about a case',
      list({ caseId: 'case-7', principal: 'principal-7' }),
      bindings,
      'kyc_audit_case',
    ],
  ]
}

function toAddress(number: number): string {
  return `0x${number.toString(16).padStart(40, '0')}`
}

async function fill(): Promise<void> {
  const { owner: knex } = database
  await knex.raw(`insert into ${tables.cases} (id, user_id, document_type, status, created_at, updated_at, is_open,
      inquiry_attempt, revision, persona_inquiry_id)
    select 'case-' || n, 'user-' || n, 'passport', (array['pending', 'verified', 'rejected'])[1 + n % 3], now(), now(),
      n % 3 = 0, 1, 0, 'inq-' || n from generate_series(1, 20000) n`)
  await knex.raw(`insert into ${tables.events} (id, created_at, name, case_id, inquiry_id, outcome, received_at)
    select 'evt-' || n, now() - n * interval '1 hour', 'x', 'case-' || n, 'inq-' || n,
      case when n % 100 = 0 then 'unmatched' else 'applied' end, now()
    from generate_series(1, 20000) n`)
  await knex.raw(`insert into ${tables.transitions} (case_id, revision, from_status, to_status, persona_status, event_id,
      event_name, occurred_at, recorded_at, feed_xid)
    select 'case-' || n, 1, 'pending', 'verified', 'approved', 'evt-' || n, 'x', now(), now(), cast(cast(n as text) as xid8)
    from generate_series(1, 20000) n`)
  await knex.raw(`insert into ${tables.deadLetters} (consumer, case_id, revision, reason, attempts, parked_at)
    select 'c-' || n % 50, 'case-' || n, 1, 'failed', 1, now() from generate_series(1, 5000) n`)
  await knex.raw(`insert into ${tables.consumers} select 'c-' || n, null, 1, 0, null from generate_series(1, 2000) n`)
  await knex.raw(`insert into ${tables.audit} (id, principal, action, route, verdict, case_id, decided_at)
    select 'entry-' || n, 'principal-' || n % 500, 'kyc:read', 'GET /', 'allowed', 'case-' || n, now()
    from generate_series(1, 20000) n`)
  await fillClaims()
  // Moves the events of old months into partitions of their own.
  await migrate({ knex })
  const { schema, feed, migrations, otherEvents, isUnmatched, ...filled } = tables
  for (const table of Object.values(filled)) await knex.raw(`analyze ${table}`)
}

async function fillClaims(): Promise<void> {
  const { owner: knex } = database
  const toSqlAddress = (number: string) => `'0x' || lpad(to_hex(${number}), 40, '0')`
  await knex.raw(`insert into ${tables.claimRequests} (case_id, revision, wants_claim, due_at, attempts, recalls)
    select 'case-' || n, 1, true, case when n % 20 = 0 then now() + make_interval(secs => n) end, 0, 0
    from generate_series(1, 5000) n`)
  await knex.raw(`insert into ${tables.claims} (case_id, generation, state, chain_id, issuer, topic, identity, claim_id,
      data, signature, uri, verified_at, created_at, updated_at)
    select 'case-' || n, 1, 'issued', 1, ${toSqlAddress('0')}, '1', ${toSqlAddress('n')}, '1', '2', '3', '', now(),
      now(), now()
    from generate_series(1, 5000) n`)
  await knex.raw(`insert into ${tables.chainSenders} (chain_id, sender, next_nonce)
    select 1, ${toSqlAddress('n')}, 10 from generate_series(1, 2000) n`)
  await knex.raw(`insert into ${tables.chainTransactions} (chain_id, sender, nonce, purpose, case_id, state, to_address,
      data, gas, hashes, created_at)
    select 1, ${toSqlAddress('1 + n % 10')}, n, 'purpose-' || n, 'case-' || n,
      case when n % 100 = 0 then 'open' else 'done' end, ${toSqlAddress('0')}, '0x', '21000', '{}', now()
    from generate_series(1, 20000) n`)
}

function toEvent(now: Date): NewEvent {
  return {
    id: 'evt-new',
    name: 'inquiry.approved',
    inquiryId: 'inq-7',
    referenceId: 'case-7',
    effect: { personaStatus: 'approved', status: 'verified', score: 1, occurredAt: now, rank: 6 },
    createdAt: now,
    receivedAt: now,
    delivery: null,
  }
}

function toNewCase(now: Date) {
  return {
    id: 'case-new',
    userId: 'user-9',
    documentType: 'passport',
    sealedPersonalData: null,
    idempotencyKey: 'key',
    createdAt: now,
    initiatingUntil: now,
  }
}

/** What `kyc_is_unmatched` looks for, which a plan of its caller does not show. */
function findEvent(): string {
  return `select e.outcome = 'unmatched' from ${tables.events} e where e.created_at = :createdAt and e.id = :id`
}
