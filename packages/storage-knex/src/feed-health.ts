import type { Knex } from 'knex'
import type { MigrateOptions } from './migrate.js'
import { DEFAULT_SCHEMA, type TableNames, toTableNames } from './schema.js'
import { toFeedXid } from './statements.js'
import { toStorageError } from './storage-error.js'

/** How the feed does, beyond what its pages tell. */
export interface FeedHealth {
  /**
   * True when the database holds places that its transaction ids have not reached: it was loaded from a dump of another
   * cluster, and transitions stay hidden until {@link mendFeed} is run.
   */
  readonly isBehind: boolean
  /** How long the oldest transaction that writes has run, in seconds: the feed shows nothing newer. Null where there is none. */
  readonly oldestWriterSeconds: number | null
}

/** Looks after the feed. Rejects with StorageError. */
export async function checkFeed({ knex, schema = DEFAULT_SCHEMA }: MigrateOptions): Promise<FeedHealth> {
  const tables = toTableNames(schema)
  try {
    const { rows } = await knex.raw<{ rows: { behind: boolean | null; oldest: number | null }[] }>(`
      select (${toNewest(tables)}) >= (${toNext(tables)}) as behind,
        (select cast(max(extract(epoch from clock_timestamp() - xact_start)) as double precision)
          from pg_stat_activity where backend_xid is not null and datname = current_database()) as oldest`)
    return { isBehind: rows[0]?.behind === true, oldestWriterSeconds: rows[0]?.oldest ?? null }
  } catch (error) {
    throw toStorageError(error)
  }
}

/**
 * Makes the feed of a database that was loaded from a dump go on where it was: cursors stay good, and new transitions
 * come after all old ones. Run it before the app starts. Resolves with true when there was something to mend. Rejects
 * with StorageError.
 */
export async function mendFeed({ knex, schema = DEFAULT_SCHEMA }: MigrateOptions): Promise<boolean> {
  const tables = toTableNames(schema)
  try {
    return await knex.transaction(async (transaction) => {
      await restoreId(transaction, tables)
      const { rows } = await transaction.raw<{ rows: unknown[] }>(`
        update ${tables.feed} set xid_offset = xid_offset
          + cast(cast((${toNewest(tables)}) as text) as bigint) + 1
          - cast(cast((${toNext(tables)}) as text) as bigint)
        where (${toNewest(tables)}) >= (${toNext(tables)})
        returning id`)
      return rows.length > 0
    })
  } catch (error) {
    throw toStorageError(error)
  }
}

/** A dump may have been loaded without this table's row. Then cursors from before are foreign ones. */
async function restoreId(transaction: Knex, { feed }: TableNames): Promise<void> {
  await transaction.raw(`
    insert into ${feed} (is_only, id, xid_offset)
    values (true, left(replace(cast(gen_random_uuid() as text), '-', ''), 12), 0)
    on conflict (is_only) do nothing`)
}

function toNewest({ transitions }: TableNames): string {
  return `select feed_xid from ${transitions} order by feed_xid desc limit 1`
}

/** The place of the next transaction to begin. */
function toNext({ feed }: TableNames): string {
  return `select ${toFeedXid('pg_snapshot_xmax(pg_current_snapshot())', 'xid_offset')} from ${feed}`
}
