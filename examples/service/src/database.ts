import { endSilentConnections, migrate, readRole } from '@persona-kyc/storage-knex'
import { startPostgres } from '@persona-kyc/testing/postgres'
import createKnex, { type Knex } from 'knex'
import type { Logger } from 'pino'

/** A database with the tables of this version. */
export interface Database {
  readonly knex: Knex
  /** Ends the connections, and the embedded PostgreSQL where one was started. */
  close(): Promise<void>
}

/** Where a database is, and where its data is kept where there is none. */
export interface DatabaseOptions {
  /** Null: an embedded PostgreSQL is started. */
  readonly databaseUrl: string | null
  /** Whose role owns the tables, and grants that of `databaseUrl` what it needs. Null: that one owns them. */
  readonly migrationDatabaseUrl: string | null
  /** Where the embedded PostgreSQL keeps its data; null for a throw-away one. */
  readonly dataDirectory: string | null
}

/** Connects to the database, or starts one, and migrates it. */
export async function openDatabase(options: DatabaseOptions, logger: Logger): Promise<Database> {
  const { databaseUrl, migrationDatabaseUrl, dataDirectory } = options
  const postgres = databaseUrl === null ? await startEmbedded(dataDirectory, logger) : null
  const connection = postgres?.url ?? databaseUrl ?? ''
  try {
    const grantTo = migrationDatabaseUrl === null ? undefined : await withSlowKnex(connection, logger, readRole)
    await withSlowKnex(migrationDatabaseUrl ?? connection, logger, (knex) => migrate({ knex, grantTo }))
  } catch (error) {
    await postgres?.stop()
    throw error
  }
  const knex = createKnex(toKnexConfig(connection, logger))
  return {
    knex,
    async close() {
      await knex.destroy()
      await postgres?.stop()
    },
  }
}

function startEmbedded(dataDirectory: string | null, logger: Logger) {
  logger.info('DATABASE_URL is not set: starting the embedded PostgreSQL')
  return startPostgres(dataDirectory === null ? {} : { directory: dataDirectory })
}

/** Works over a connection that may take its time, which those of the webhooks must not. */
async function withSlowKnex<Result>(
  connection: string,
  logger: Logger,
  work: (knex: Knex) => Promise<Result>,
): Promise<Result> {
  const knex = createKnex({ ...toKnexConfig(connection, logger), pool: { min: 0, max: 1 } })
  try {
    return await work(knex)
  } finally {
    await knex.destroy()
  }
}

/** Webhooks must be answered within five seconds, so nothing waits longer than that for a database that is down. */
function toKnexConfig(connectionString: string, logger: Logger): Knex.Config {
  return {
    // Knex would write to the console, outside the structured log.
    log: {
      debug: () => logger.debug('knex'),
      warn: () => logger.warn('knex warns: a connection was lost or could not be made'),
      error: () => logger.error('knex reports an error'),
      deprecate: () => logger.warn('knex deprecates something'),
    },
    client: 'pg',
    connection: {
      connectionString,
      connectionTimeoutMillis: 3000,
      application_name: 'persona-kyc',
    },
    pool: { min: 0, max: 10, afterCreate: endSilentConnections({ afterMs: 4000 }) },
    acquireConnectionTimeout: 4000,
  }
}
