import { mendFeed } from '@persona-kyc/storage-knex'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, withDatabase } from './environment.js'

export const mendFeedCommand = defineCommand({
  meta: { name: 'mend-feed', description: 'Lets the feed go on after a dump was loaded into another cluster' },
  args: DATABASE_ARGS,
  async run({ args: { schema } }) {
    const isMended = await withDatabase((knex) => mendFeed({ knex, schema }))
    console.log(isMended ? 'The feed goes on where it was.' : 'Nothing to do: the feed is in order.')
    return 0
  },
})
