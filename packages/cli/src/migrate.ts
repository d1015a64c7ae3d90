import { createGrants, listMigrations, type MigrateOptions, migrate, rollback } from '@persona-kyc/storage-knex'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, withDatabase } from './environment.js'
import { toRepeatable, UsageError } from './usage.js'

const ACTIONS: Readonly<Record<string, (options: MigrateOptions) => Promise<string[]>>> = {
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

export const migrateCommand = defineCommand({
  meta: { name: 'migrate', description: 'Brings the tables up to date' },
  args: {
    action: {
      type: 'positional',
      description: 'up (apply what is missing), status, or down (take back the newest, with its data)',
      required: false,
      default: 'up',
    },
    grants: {
      type: 'string',
      description: 'Instead print the SQL that grants this role of the app what it needs; asks no database',
      valueHint: 'ROLE',
    },
    ...DATABASE_ARGS,
  },
  async run({ args }) {
    const action = ACTIONS[args.action]
    if (action === undefined)
      throw new UsageError(`There is no "migrate ${toRepeatable(args.action)}": use up, status or down.`)
    if (args.grants !== undefined) {
      if (args.action !== 'up') throw new UsageError('--grants prints SQL, and is no part of status or down.')
      process.stdout.write(createGrants({ role: args.grants, schema: args.schema }))
      return 0
    }
    await withDatabase(async (knex) => {
      for (const line of await action({ knex, schema: args.schema })) console.log(line)
    })
    return 0
  },
})
