import type { KycStorage } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import createKnex, { type Knex } from 'knex'
import { createAppDatabase, migrateForApp } from '../../../../test-setup/app-database.js'
import { CANARIES } from './canaries.js'

/** A PostgreSQL that refuses on demand, and then tells the row in all that an error can tell. */
export interface TellingDatabase {
  readonly storage: KycStorage
  /** A storage whose password is not accepted. */
  readonly locked: KycStorage
  /** A storage that nobody answers for. */
  readonly absent: KycStorage
  /** All rows of all tables, as text. */
  dump(): Promise<string>
  close(): Promise<void>
}

/** A case of this type of document is refused with that SQLSTATE. */
export function toRefusedType(sqlState: string): string {
  return `refuse-${sqlState}`
}

const TELL = `
  create function persona_kyc.tell() returns trigger language plpgsql as $$
  begin
    if new.document_type like 'refuse-%' then
      raise exception using
        errcode = substr(new.document_type, 8), message = new::text, detail = new::text, hint = new::text,
        column = new.user_id, constraint = new.user_id, datatype = new.user_id, table = new.user_id, schema = new.user_id;
    end if;
    return new;
  end $$;
  create trigger tell before insert on persona_kyc.kyc_cases for each row execute function persona_kyc.tell();`

/** Makes a database with the tables of this version. */
export async function createTellingDatabase(): Promise<TellingDatabase> {
  const database = await createAppDatabase()
  const owner = connect(database.ownerUrl)
  await migrateForApp(owner)
  await owner.raw(TELL)
  const locked = new URL(database.appUrl)
  locked.password = CANARIES.databasePassword
  const absent = `postgres://${CANARIES.userId}:${CANARIES.databasePassword}@127.0.0.1:1/${CANARIES.pathSegment}`
  const knexes = [database.appUrl, locked.href, absent].map(connect)
  const [storage, lockedStorage, absentStorage] = knexes.map((knex) => createKnexStorage({ knex }))
  if (storage === undefined || lockedStorage === undefined || absentStorage === undefined)
    throw new Error('No storage.')
  return {
    storage,
    locked: lockedStorage,
    absent: absentStorage,
    dump: () => dump(owner),
    async close() {
      await Promise.all([owner, ...knexes].map((knex) => knex.destroy()))
      await database.drop()
    },
  }
}

/** With Knex's own log, as an app has it that says nothing else. */
function connect(connection: string): Knex {
  return createKnex({ client: 'pg', connection, pool: { min: 0, max: 2 } })
}

async function dump(knex: Knex): Promise<string> {
  const { rows } = await knex.raw("select tablename as name from pg_tables where schemaname = 'persona_kyc' order by 1")
  const tables = await Promise.all(
    rows.map(({ name }: { name: string }) => knex.raw(`select t::text as row from persona_kyc."${name}" t`)),
  )
  return JSON.stringify(tables.map((table) => table.rows))
}
