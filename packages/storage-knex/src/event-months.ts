import { ConfigurationError, StorageError } from '@persona-kyc/core'
import type { Knex } from 'knex'
import type { MigrateOptions } from './migrate.js'
import { toDate } from './row-values.js'
import { DEFAULT_SCHEMA, type TableNames, toTableNames } from './schema.js'
import { runPatiently } from './silent-connections.js'
import { LOCK_NOT_AVAILABLE, toDriverCode, toStorageError } from './storage-error.js'

/*
 * `kyc_events` has a partition for each month of Persona's clock, in UTC, one for the events of a time that nobody knows, and
 * one for all others: those of a month that has none yet. The partition of an event follows from the event, so copies of it
 * meet in one, and its primary key tells them apart there.
 */

/** The `created_at` of an event that does not tell when it was made. */
export const UNTOLD_TIME = '-infinity'

/** What {@link retainEvents} accepts. */
export interface RetainOptions extends MigrateOptions {
  /** How many whole months before the present one are kept; at least 1. */
  readonly months: number
  /** Only tells what would be dropped. */
  readonly dryRun?: boolean | undefined
  /** How long a month that others read or write is tried for, in seconds. Default 30. */
  readonly patienceSeconds?: number | undefined
}

/** What {@link retainEvents} did, or would do. */
export interface RetainReport {
  /** Events of before that are dropped: the start of the first month that is kept. */
  readonly keptSince: Date
  /** Months that were dropped whole, as `2025-01`, oldest first. */
  readonly droppedMonths: readonly string[]
  /** Events that were deleted one by one, because they were in no month's partition; in a dry run also those of months that would be made first. */
  readonly eventsDeleted: number
}

const MONTHS_AHEAD = 3
const MONTHS_BACK = 120
const MAX_MONTHS = 1200
/**
 * Whoever waits for a lock on a table keeps all others waiting behind him: less than webhooks may take. But longer than
 * `deadlock_timeout`, a second by default, after which PostgreSQL ends an autovacuum that is in the way.
 */
const LOCK_SECONDS = 2
const ROWS_AT_ONCE = 10_000

/** The settings of a table whose rows are written once: they are frozen while they are fresh, and counted often enough. */
export const APPEND_ONLY = 'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05'

/**
 * Returns SQL that makes a partition for this month, for the three after it, and for each month of the last ten years that
 * rows of `source`, a query for `created_at`, are of; rows that are there already move into it.
 */
export function createMonthsSql(tables: TableNames, source: string): string {
  const { schema, events, otherEvents } = tables
  return `
    do $months$
    declare
      month timestamp;
      partition text;
    begin
      for month in ${toMissingMonths(tables, source)} loop
        partition := '${schema}."kyc_events_' || to_char(month, 'YYYY_MM') || '"';
        execute format('create table %s (like ${events} including all) with (${APPEND_ONLY})', partition);
        execute format('with moved as (
            delete from ${otherEvents} where created_at >= %L and created_at < %L returning *
          ) insert into %s select * from moved', month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC', partition);
        execute format('alter table ${events} attach partition %s for values from (%L) to (%L)',
          partition, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
        -- Without a policy: it is read and written as a part of the whole only, which has them.
        execute format('alter table %s enable row level security', partition);
      end loop;
    end $months$`
}

function toMissingMonths({ schema }: TableNames, source: string): string {
  const present = "date_trunc('month', now() at time zone 'UTC')"
  const last = `${present} + interval '${MONTHS_AHEAD} months'`
  return `
        select m.month from (
          select generate_series(${present}, ${last}, interval '1 month') as month
          union
          select distinct date_trunc('month', s.created_at at time zone 'UTC') from (${source}) s
          where s.created_at >= (${present} - interval '${MONTHS_BACK} months') at time zone 'UTC'
            and s.created_at < (${last} + interval '1 month') at time zone 'UTC'
        ) m
        where to_regclass('${schema}."kyc_events_' || to_char(m.month, 'YYYY_MM') || '"') is null`
}

/**
 * Makes the partitions that {@link createMonthsSql} tells, where one is missing and the role owns the table. What has none
 * lies with the other events, where it is found as well, only not as fast: so this may be left to the next time, and is, when
 * the table is locked for so many seconds: then it resolves with false. Rejects with the driver's error.
 */
export async function addEventMonths(knex: Knex, tables: TableNames, patienceSeconds: number): Promise<boolean> {
  const source = `select created_at from ${tables.otherEvents}`
  if (!(await isOwner(knex, tables))) return true
  const { rows } = await knex.raw<{ rows: unknown[] }>(`${toMissingMonths(tables, source)} limit 1`)
  if (rows.length === 0) return true
  return withLock(knex, patienceSeconds, async (transaction) => {
    // Events come through the table, not through its partitions, which a vacuum may be at.
    await transaction.raw(`lock table only ${tables.events} in share row exclusive mode`)
    await transaction.raw(createMonthsSql(tables, source))
  })
}

/**
 * Drops the events that Persona made more than so many whole months before the present one. Cases, transitions, the feed and
 * the audit trail stay as they are; a dropped event that Persona, or an import, tells again is `stale`. The owner of the tables
 * runs it, monthly: it also makes the partitions of the months to come. Rejects with StorageError.
 *
 * @throws ConfigurationError when `months` is no whole number from 1 to 1200, or the schema's name is none.
 */
export async function retainEvents(options: RetainOptions): Promise<RetainReport> {
  const { knex, schema = DEFAULT_SCHEMA, months, dryRun = false, patienceSeconds = 30 } = options
  requireMonths(months)
  const tables = toTableNames(schema)
  try {
    if (!dryRun && !(await addEventMonths(knex, tables, patienceSeconds))) throw locked()
    const { keptSince, old } = await readOldMonths(knex, tables, months)
    const report = { keptSince, droppedMonths: old.map((name) => name.slice(-7).replace('_', '-')) }
    if (dryRun) return { ...report, eventsDeleted: await countOthers(knex, tables, keptSince) }
    for (const partition of old) {
      const isDropped = await withLock(knex, patienceSeconds, async (transaction) => {
        await transaction.raw(`drop table if exists ${tables.schema}."${partition}"`)
      })
      if (!isDropped) throw locked()
    }
    const eventsDeleted = await deleteOthers(knex, tables, keptSince)
    // Nothing else counts a table of partitions, and the planner goes by it. It can do without.
    await withLock(knex, LOCK_SECONDS, async (transaction) => {
      await transaction.raw(`analyze ${tables.events}`)
    })
    return { ...report, eventsDeleted }
  } catch (error) {
    throw toStorageError(error)
  }
}

/** Whether the events have the partitions that they are to have. */
export interface EventMonths {
  /** Whether this month and the three to come have theirs. */
  readonly isComplete: boolean
  /** How many events, of at most 10,000, came while their month had none. */
  readonly misplacedEvents: number
}

/** Looks after the months of the events: the next `migrate` mends what it finds. Rejects with StorageError. */
export async function checkEventMonths({ knex, schema = DEFAULT_SCHEMA }: MigrateOptions): Promise<EventMonths> {
  const tables = toTableNames(schema)
  const none = 'select cast(null as timestamptz) as created_at'
  try {
    const { rows } = await knex.raw<{ rows: { complete: boolean; misplaced: number }[] }>(`
      select not exists (${toMissingMonths(tables, none)}) as complete, (
        select cast(count(*) as integer) from (
          select 1 from ${tables.otherEvents}
          where created_at >= now() - interval '${MONTHS_BACK} months' and created_at < now() limit ${ROWS_AT_ONCE}
        ) misplaced) as misplaced`)
    return { isComplete: rows[0]?.complete === true, misplacedEvents: rows[0]?.misplaced ?? 0 }
  } catch (error) {
    throw toStorageError(error)
  }
}

/** Asked first: another role may not be let read what the rest is decided by. */
async function isOwner(knex: Knex, { events }: TableNames): Promise<boolean> {
  const { rows } = await knex.raw<{ rows: { owns: boolean }[] }>(
    `select pg_has_role(relowner, 'usage') as owns from pg_class where oid = to_regclass('${events}')`,
  )
  return rows[0]?.owns === true
}

async function readOldMonths(
  knex: Knex,
  { events }: TableNames,
  months: number,
): Promise<{ readonly keptSince: Date; readonly old: readonly string[] }> {
  const { rows } = await knex.raw<{ rows: { since: Date | string; old: string[] }[] }>(
    `with kept as (select date_trunc('month', now() at time zone 'UTC') - make_interval(months => ?) as since)
     select k.since at time zone 'UTC' as since, array(
       select cast(c.relname as text) from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = to_regclass('${events}') and c.relname ~ '^kyc_events_[0-9]{4}_[0-9]{2}$'
         and cast(c.relname as text) collate "C" < 'kyc_events_' || to_char(k.since, 'YYYY_MM')
       order by c.relname) as old
     from kept k`,
    [months],
  )
  return { keptSince: toDate(rows[0]?.since ?? ''), old: rows[0]?.old ?? [] }
}

/** Where the events of no month that are too old are: by Persona's time, or by ours where that is not told. */
function toOldOthers({ otherEvents, untoldEvents }: TableNames) {
  return [
    { table: otherEvents, isOld: 'created_at < :keptSince' },
    { table: untoldEvents, isOld: 'received_at < :keptSince' },
  ]
}

async function countOthers(knex: Knex, tables: TableNames, keptSince: Date): Promise<number> {
  let count = 0
  for (const { table, isOld } of toOldOthers(tables)) {
    const sql = `select cast(count(*) as integer) as count from ${table} where ${isOld}`
    const { rows } = await knex.raw<{ rows: { count: number }[] }>(sql, { keptSince })
    count += rows[0]?.count ?? 0
  }
  return count
}

/** In portions, so that no transaction is long: the feed waits for the oldest one that writes. */
async function deleteOthers(knex: Knex, tables: TableNames, keptSince: Date): Promise<number> {
  let deleted = 0
  for (const { table, isOld } of toOldOthers(tables)) {
    const some = `select ctid from ${table} where ${isOld} limit ${ROWS_AT_ONCE}`
    const sql = `delete from ${table} where ctid = any (array(${some}))`
    let rowCount = 0
    do {
      ;({ rowCount } = await runPatiently(knex, async (transaction) =>
        transaction.raw<{ rowCount: number }>(sql, { keptSince }),
      ))
      deleted += rowCount
    } while (rowCount > 0)
  }
  return deleted
}

/** Runs it in a transaction, and resolves with false when a lock was not to be had in so many seconds. */
async function withLock(
  knex: Knex,
  patienceSeconds: number,
  work: (transaction: Knex.Transaction) => Promise<void>,
): Promise<boolean> {
  for (let seconds = 0; seconds < patienceSeconds; seconds += LOCK_SECONDS) {
    try {
      await runPatiently(knex, async (transaction) => {
        await transaction.raw(`set local lock_timeout = '${LOCK_SECONDS}s'`)
        await work(transaction)
      })
      return true
    } catch (error) {
      if (toDriverCode(error) !== LOCK_NOT_AVAILABLE) throw error
    }
  }
  return false
}

function requireMonths(months: number): void {
  if (Number.isInteger(months) && months >= 1 && months <= MAX_MONTHS) return
  throw new ConfigurationError({
    problem: 'months is not a whole number from 1 to 1200.',
    fix: 'Name how many whole months of events are to be kept, such as 24.',
  })
}

function locked(): StorageError {
  return new StorageError('storage_unavailable', {
    problem: 'The table of the events, or a month of it, was locked all the time.',
    fix: 'Look for long transactions (pg_stat_activity), and run it again: it goes on where it was.',
  })
}
