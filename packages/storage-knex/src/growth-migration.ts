import { letGrowOnly } from './audit-migration.js'
import { APPEND_ONLY, createMonthsSql, UNTOLD_TIME } from './event-months.js'
import type { Migration } from './migration.js'
import type { TableNames } from './schema.js'

/**
 * What keeps things fast in tables that grow for years. The events go by the month that Persona made them in, so that a month
 * can be dropped, and the keys of new ones lie together; and rows that change leave room for their next version.
 */
export const growthMigration: Migration = {
  name: '005_growth',
  up: (tables) => [...partitionEvents(tables), ...setStorage(tables)],
  down: (tables) => [...unpartitionEvents(tables), ...resetStorage(tables)],
}

const COLUMNS = `id, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at, attempts_made,
  attempts_left, first_attempted_at`

/** Older rows do not tell an event's time where it made no difference, or where copies of the event do not agree on it. */
const OLD_CREATED_AT = `case when id ~ '^short_[0-9a-f]{64}$' then '${UNTOLD_TIME}'
  else coalesce(occurred_at, '${UNTOLD_TIME}') end`

function partitionEvents(tables: TableNames): string[] {
  const { schema, events } = tables
  const old = `${schema}."kyc_events_old"`
  const source = `select ${OLD_CREATED_AT} as created_at from ${old}`
  return [
    ...renameOld(tables),
    `create table ${events} (
      id text collate "C" not null,
      created_at timestamptz(3) not null,
      ${VALUE_COLUMNS},
      constraint kyc_events_pkey primary key (created_at, id)
    ) partition by range (created_at)`,
    ...createEventIndexes(tables),
    ...createRest(tables),
    createMonthsSql(tables, source),
    `insert into ${events} (created_at, ${COLUMNS}) select ${OLD_CREATED_AT}, ${COLUMNS} from ${old}`,
    `drop table ${old}`,
    ...letGrowOnly(events),
    createFindCase(tables),
    createIsUnmatched(tables),
  ]
}

/** The events without a time have a place of their own: who makes a month has all others looked through. */
function createRest({ events, otherEvents, untoldEvents }: TableNames): string[] {
  return [
    `create table ${untoldEvents} partition of ${events} for values from (minvalue) to ('0001-01-01T00:00:00Z')
      with (${APPEND_ONLY})`,
    `create table ${otherEvents} partition of ${events} default with (${APPEND_ONLY})`,
    ...[untoldEvents, otherEvents].map((table) => `alter table ${table} enable row level security`),
  ]
}

function unpartitionEvents(tables: TableNames): string[] {
  const { schema, events, isUnmatched } = tables
  const old = `${schema}."kyc_events_old"`
  return [
    `drop function ${isUnmatched}`,
    ...renameOld(tables),
    `create table ${events} (
      id text collate "C" constraint kyc_events_pkey primary key,
      ${VALUE_COLUMNS}
    )`,
    ...createEventIndexes(tables),
    // Where an event of the past was told again, it has a row of its own.
    `insert into ${events} (${COLUMNS}) select ${COLUMNS} from ${old} order by received_at on conflict (id) do nothing`,
    `drop table ${old}`,
    ...letGrowOnly(events),
    createFindCase(tables),
  ]
}

/** Which locks it first, so that nothing is recorded between the copy and the end. Names of indexes are unique in a schema. */
function renameOld({ schema, events }: TableNames): string[] {
  return [
    `alter table ${events} rename to kyc_events_old`,
    ...['kyc_events_pkey', 'kyc_events_case', 'kyc_events_unmatched'].map(
      (index) => `alter index ${schema}.${index} rename to ${index}_old`,
    ),
  ]
}

const VALUE_COLUMNS = `name text not null,
      case_id text,
      inquiry_id text,
      outcome text not null constraint kyc_events_outcome check (outcome in ('applied', 'stale', 'ignored', 'unmatched')),
      persona_status text,
      occurred_at timestamptz(3),
      received_at timestamptz(3) not null,
      attempts_made integer,
      attempts_left integer,
      first_attempted_at timestamptz(3)`

function createEventIndexes({ events }: TableNames): string[] {
  return [
    `create index kyc_events_case on ${events} (case_id, received_at, id) where case_id is not null`,
    `create index kyc_events_unmatched on ${events} (received_at, id) where outcome = 'unmatched'`,
  ]
}

function createFindCase({ events }: TableNames): string {
  return `create policy find_case on ${events} for update
    using (outcome = 'unmatched') with check (outcome <> 'unmatched' and case_id is not null)`
}

/**
 * A function, so that the statements of the ingest have nothing to plan, or to lock, for each month: it is called for a copy
 * only. In PL/pgSQL, because PostgreSQL would put the text of an SQL function in its place.
 */
function createIsUnmatched({ events, isUnmatched }: TableNames): string {
  return `
    create function ${isUnmatched}(event_created_at timestamptz, event_id text) returns boolean
    language plpgsql stable as $is_unmatched$
    begin
      return (select e.outcome = 'unmatched' from ${events} e where e.created_at = event_created_at and e.id = event_id);
    end $is_unmatched$`
}

/** By default a table is looked after when a fifth of it has changed: of ten million rows, two million dead ones. */
const OF_CHANGING_ROWS = `autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000`

function setStorage({ cases, transitions, audit, consumers }: TableNames): string[] {
  return [
    `alter table ${cases} set (fillfactor = 70, ${OF_CHANGING_ROWS})`,
    // One row each, written again and again: on a page with room, without a touch of the index.
    `alter table ${consumers} set (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200)`,
    ...[transitions, audit].map((table) => `alter table ${table} set (${APPEND_ONLY})`),
  ]
}

function resetStorage({ cases, transitions, audit, consumers }: TableNames): string[] {
  const vacuum = 'autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold'
  const analyze = 'autovacuum_analyze_scale_factor, autovacuum_analyze_threshold'
  return [
    `alter table ${cases} set (fillfactor = 80)`,
    `alter table ${cases} reset (${vacuum}, ${analyze})`,
    `alter table ${consumers} reset (fillfactor, ${vacuum})`,
    ...[transitions, audit].map(
      (table) => `alter table ${table} reset (autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)`,
    ),
  ]
}
