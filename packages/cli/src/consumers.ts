import { defineCommand } from 'citty'
import { DATABASE_ARGS, withLocalEngine } from './environment.js'

export const consumersCommand = defineCommand({
  meta: { name: 'consumers', description: 'Lists who follows the feed, and how far they are' },
  args: DATABASE_ARGS,
  async run({ args }) {
    const consumers = await withLocalEngine(args, (engine) => engine.listConsumers())
    if (consumers.length === 0) console.log('Nobody has followed the feed yet.')
    for (const { name, cursor, leasedUntil, attempts, deadLetters } of consumers) {
      const lease = leasedUntil === null ? 'free' : `leased until ${leasedUntil.toISOString()}`
      console.log(`${name}  ${lease}  cursor ${cursor ?? '(start)'}  ${attempts} attempts  ${deadLetters} dead letters`)
    }
    return 0
  },
})
