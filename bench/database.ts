import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { migrate } from '@persona-kyc/storage-knex'
import { createDatabase, startPostgres } from '@persona-kyc/testing/postgres'
import createKnex, { type Knex } from 'knex'

const run = promisify(execFile)

/** A database for one benchmark: durable, so that a commit waits for the disk, as it does where it counts. */
export interface BenchDatabase {
  readonly url: string
  readonly knex: Knex
  /** Resolves when nothing of it is left. */
  drop(): Promise<void>
}

/** Makes one on the server of BENCH_DATABASE_URL, or else on an embedded one of its own, with the tables in it. */
export async function openDatabase(poolSize = 16): Promise<BenchDatabase> {
  const given = process.env.BENCH_DATABASE_URL
  const server = given === undefined ? await startPostgres({ durable: true }) : { url: given, stop: async () => {} }
  const { url, drop } = await createDatabase(server.url)
  const knex = openPool(url, poolSize)
  await migrate({ knex })
  return {
    url,
    knex,
    async drop() {
      await knex.destroy()
      await drop()
      await server.stop()
    },
  }
}

/** A pool of its own, on that database. */
export function openPool(url: string, size: number): Knex {
  return createKnex({ client: 'pg', connection: url, pool: { min: 0, max: size } })
}

/** Adds so many pending cases, `inq_1` onwards, each of a user of its own. */
export async function addCases(knex: Knex, count: number, { from = 1 } = {}): Promise<void> {
  await knex.raw(
    `insert into persona_kyc.kyc_cases (id, user_id, document_type, status, persona_inquiry_id, persona_status,
      created_at, updated_at, is_open, inquiry_attempt, revision)
    select ${toCaseIdSql('i')}, 'user_' || i, 'passport', 'pending', 'inq_' || i, 'created', now(), now(), true, 1, 0
    from generate_series(?::integer, ?::integer) i`,
    [from, from + count - 1],
  )
  await knex.raw('vacuum analyze persona_kyc.kyc_cases')
}

/** The id of the case of that number. */
export function toCaseId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

function toCaseIdSql(number: string): string {
  return `'00000000-0000-4000-8000-' || lpad(${number}::text, 12, '0')`
}

/** The command of pgbench; null where it is not installed. */
export async function findPgbench(): Promise<string | null> {
  const { stdout } = await run('sh', [
    '-c',
    'command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | tail -n 1',
  ]).catch(() => ({ stdout: '' }))
  return stdout.trim() === '' ? null : stdout.trim()
}

/** Has pgbench run a script on prepared statements, and resolves with its transactions a second. */
export async function runPgbench(
  command: string,
  url: string,
  { file, clients, seconds }: { readonly file: string; readonly clients: number; readonly seconds: number },
): Promise<number> {
  const args = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '1', '-T', String(seconds), '-f', file, url]
  const { stdout } = await run(command, args)
  const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
  if (!Number.isFinite(rate) || !/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench failed: ${stdout}`)
  return rate
}

/** What is used of the pool of `pg`, which has no types of its own. */
interface PgPool {
  query<Row>(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly Row[] }>
  query(query: { readonly name: string; readonly text: string; readonly values: readonly unknown[] }): Promise<object>
  end(): Promise<void>
}

/** A pool of the driver itself. */
export function createPool(options: { readonly databaseUrl: string; readonly poolSize: number }): PgPool {
  const pg = createRequire(import.meta.url)('pg') as {
    Pool: new (options: { connectionString: string; max: number }) => PgPool
  }
  return new pg.Pool({ connectionString: options.databaseUrl, max: options.poolSize })
}
