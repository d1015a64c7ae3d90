import { auditMigration } from './audit-migration.js'
import { claimsMigration } from './claims-migration.js'
import { growthMigration } from './growth-migration.js'
import type { Migration } from './migration.js'
import type { TableNames } from './schema.js'

/** All migrations, oldest first. A published one is never edited: a change is a new one. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '001_cases_events_transitions',
    up: (tables) => [
      createCases(tables),
      ...createCaseIndexes(tables),
      ...createEvents(tables),
      ...createTransitions(tables),
    ],
    down: ({ cases, events, transitions }) => [transitions, events, cases].map((table) => `drop table ${table}`),
  },
  {
    name: '002_consumers_telemetry',
    up: (tables) => [
      ...createFeed(tables),
      ...createConsumers(tables),
      ...addTelemetry(tables),
      createUnsettledIndex(tables),
    ],
    down: ({ schema, events, feed, consumers, deadLetters }) => [
      ...[deadLetters, consumers, feed].map((table) => `drop table ${table}`),
      `alter table ${events} drop column attempts_made, drop column attempts_left, drop column first_attempted_at`,
      `drop index ${schema}.kyc_events_unmatched`,
      `drop index ${schema}.kyc_cases_unsettled`,
    ],
  },
  claimsMigration,
  auditMigration,
  growthMigration,
]

function createCases({ cases }: TableNames): string {
  return `
    create table ${cases} (
      id text primary key,
      user_id text not null,
      document_type text not null,
      status text not null check (status in ('pending', 'verified', 'rejected', 'review')),
      verification_score double precision check (verification_score between 0 and 1),
      persona_inquiry_id text,
      persona_session_token text check (persona_session_token ~ '^v[0-9]+[.]'),
      persona_status text,
      kyc_claim_id text,
      kyc_claim_tx_hash text,
      personal_data text check (personal_data ~ '^v[0-9]+[.]'),
      created_at timestamptz(3) not null,
      updated_at timestamptz(3) not null,
      verified_at timestamptz(3),
      erased_at timestamptz(3),
      is_open boolean not null,
      idempotency_key text,
      inquiry_attempt integer not null,
      initiating_until timestamptz(3),
      revision integer not null,
      feed_xid xid8,
      last_event_at timestamptz(3),
      last_event_rank smallint,
      last_event_id text collate "C"
    ) with (fillfactor = 80)`
}

function createCaseIndexes({ cases }: TableNames): string[] {
  return [
    `create unique index kyc_cases_persona_inquiry_id on ${cases} (persona_inquiry_id)`,
    `create unique index kyc_cases_open_user on ${cases} (user_id) where is_open`,
    `create unique index kyc_cases_idempotency_key on ${cases} (user_id, idempotency_key) where idempotency_key is not null`,
    `create index kyc_cases_created on ${cases} (created_at, id)`,
    `create index kyc_cases_unclaimed on ${cases} (created_at, id) where status = 'verified' and kyc_claim_id is null and erased_at is null`,
  ]
}

function createEvents({ events }: TableNames): string[] {
  return [
    `create table ${events} (
      id text collate "C" primary key,
      name text not null,
      case_id text,
      inquiry_id text,
      outcome text not null check (outcome in ('applied', 'stale', 'ignored', 'unmatched')),
      persona_status text,
      occurred_at timestamptz(3),
      received_at timestamptz(3) not null
    )`,
    `create index kyc_events_case on ${events} (case_id, received_at, id) where case_id is not null`,
  ]
}

function createTransitions({ transitions }: TableNames): string[] {
  return [
    `create table ${transitions} (
      case_id text not null,
      revision integer not null,
      from_status text not null,
      to_status text not null,
      score double precision,
      persona_status text not null,
      event_id text collate "C" not null,
      event_name text not null,
      occurred_at timestamptz(3) not null,
      recorded_at timestamptz(3) not null,
      feed_xid xid8 not null,
      primary key (case_id, revision)
    )`,
    `create index kyc_transitions_feed on ${transitions} (feed_xid, case_id, revision)`,
  ]
}

/** One row: which feed this is, and what is added to transaction ids to give places in it. */
function createFeed({ feed }: TableNames): string[] {
  return [
    `create table ${feed} (
      is_only boolean primary key check (is_only),
      id text not null,
      xid_offset bigint not null
    )`,
    `insert into ${feed} values (true, left(replace(cast(gen_random_uuid() as text), '-', ''), 12), 0)`,
  ]
}

function createConsumers({ consumers, deadLetters }: TableNames): string[] {
  return [
    `create table ${consumers} (
      name text primary key,
      cursor text,
      fence integer not null,
      attempts integer not null,
      leased_until timestamptz(3)
    )`,
    `create table ${deadLetters} (
      consumer text not null,
      case_id text not null,
      revision integer not null,
      reason text not null check (reason in ('failed', 'blocked')),
      attempts integer not null,
      error text,
      parked_at timestamptz(3) not null,
      replay_requested_at timestamptz(3),
      primary key (consumer, case_id, revision)
    )`,
  ]
}

function addTelemetry({ events }: TableNames): string[] {
  return [
    `alter table ${events} add column attempts_made integer, add column attempts_left integer,
      add column first_attempted_at timestamptz(3)`,
    `create index kyc_events_unmatched on ${events} (received_at, id) where outcome = 'unmatched'`,
  ]
}

function createUnsettledIndex({ cases }: TableNames): string {
  return `create index kyc_cases_unsettled on ${cases} (created_at, id)
    where status in ('pending', 'review') and erased_at is null`
}
