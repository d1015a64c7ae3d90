import { retainEvents } from '@persona-kyc/storage-knex'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, withDatabase } from './environment.js'
import { UsageError } from './usage.js'

export const retainCommand = defineCommand({
  meta: { name: 'retain', description: 'Drops the events of old months, and makes room for the months to come' },
  args: {
    months: {
      type: 'string',
      description: 'How many whole months before the present one are kept',
      valueHint: 'NUMBER',
      required: true,
    },
    'dry-run': { type: 'boolean', description: 'Only tell what would be dropped' },
    ...DATABASE_ARGS,
  },
  async run({ args }) {
    const { schema, 'dry-run': dryRun = false } = args
    const months = toMonths(args.months)
    await withDatabase(async (knex) => {
      const { keptSince, droppedMonths, eventsDeleted } = await retainEvents({ knex, schema, months, dryRun })
      const verb = dryRun ? 'would drop' : 'dropped'
      for (const month of droppedMonths) console.log(`${verb} the events of ${month}`)
      if (eventsDeleted > 0) console.log(`${verb} ${eventsDeleted} events that were in no month’s partition`)
      console.log(`kept what Persona made since ${keptSince.toISOString()}; cases and their transitions stay`)
    })
    return 0
  },
})

function toMonths(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1200) return Number(text)
  throw new UsageError('--months must be a whole number from 1 to 1200.')
}
