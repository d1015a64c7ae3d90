#!/usr/bin/env node
import { parseArgs } from 'node:util'
import createKnex from 'knex'
import { listMigrations, type MigrateOptions, migrate, rollback } from './migrate.js'

const USAGE = `persona-kyc-migrate: brings the tables of @persona-kyc/storage-knex up to date

  persona-kyc-migrate [up]      apply what is missing
  persona-kyc-migrate status    list the migrations
  persona-kyc-migrate down      take back the newest one, with its data

  --schema NAME    the schema of the tables (default: persona_kyc)

DATABASE_URL says where: postgres://user:password@host:5432/database`

const COMMANDS: Readonly<Record<string, (options: MigrateOptions) => Promise<string[]>>> = {
  async up(options) {
    const applied = await migrate(options)
    return applied.length === 0
      ? ['Nothing to do: the schema is up to date.']
      : applied.map((name) => `applied ${name}`)
  },
  async down(options) {
    const name = await rollback(options)
    return [name === null ? 'Nothing to do: no migration is applied.' : `took back ${name}`]
  },
  async status(options) {
    const states = await listMigrations(options)
    return states.map(({ name, appliedAt }) => `${name}  ${appliedAt === null ? 'missing' : appliedAt.toISOString()}`)
  },
}

/** Knex would print stack traces, and parts of the URL, before the one sentence that helps. */
const SILENT = { warn() {}, error() {}, debug() {}, deprecate() {} }

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { schema: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  })
  const command = COMMANDS[positionals[0] ?? 'up']
  if (values.help === true) {
    console.log(USAGE)
    return 0
  }
  if (command === undefined || positionals.length > 1) {
    console.error(`There is no command "${positionals.join(' ')}".\n\n${USAGE}`)
    return 2
  }
  const { DATABASE_URL: connection } = process.env
  if (connection === undefined || connection === '') {
    console.error('DATABASE_URL is not set. Give the database to migrate: postgres://user:password@host:5432/database')
    return 2
  }
  if (!/^postgres(ql)?:\/\//.test(connection)) {
    console.error('DATABASE_URL is no URL of a PostgreSQL: postgres://user:password@host:5432/database')
    console.error('Percent-encode what is special in the password: @ is %40, / is %2F.')
    return 2
  }
  const knex = createKnex({
    client: 'pg',
    connection: { connectionString: connection },
    pool: { min: 0, max: 1 },
    log: SILENT,
  })
  try {
    const { schema } = values
    for (const line of await command({ knex, ...(schema !== undefined && { schema }) })) console.log(line)
    return 0
  } finally {
    await knex.destroy()
  }
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : 'The migration failed.')
    process.exitCode = 1
  },
)
