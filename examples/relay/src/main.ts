import { createKycEngine, createPersonaClient } from '@persona-kyc/core'
import { createKnexStorage, migrate, readRole } from '@persona-kyc/storage-knex'
import createKnex from 'knex'
import { pino } from 'pino'
import { createNatsPublisher } from './nats-publisher.js'
import type { Publisher } from './publisher.js'
import { createRabbitmqPublisher } from './rabbitmq-publisher.js'
import { relay } from './relay.js'

const { DATABASE_URL, MIGRATION_DATABASE_URL, NATS_URL, RABBITMQ_URL } = process.env
const { RELAY_SOURCE = 'urn:persona-kyc', RELAY_STREAM = 'KYC' } = process.env

/** Publishes the feed to the brokers that the environment names, until SIGTERM or SIGINT. */
async function main(databaseUrl: string): Promise<void> {
  const logger = pino()
  const knex = createKnex({ client: 'pg', connection: databaseUrl, pool: { min: 0, max: 4 } })
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  const publishers: Publisher[] = []
  try {
    if (MIGRATION_DATABASE_URL) await migrateAsOwner(MIGRATION_DATABASE_URL, await readRole(knex))
    else await migrate({ knex })
    if (NATS_URL)
      publishers.push(
        await createNatsPublisher({ url: NATS_URL, stream: RELAY_STREAM, subject: RELAY_STREAM.toLowerCase() }),
      )
    if (RABBITMQ_URL) publishers.push(createRabbitmqPublisher({ url: RABBITMQ_URL, exchange: 'kyc' }))
    // A relay asks Persona nothing and takes no webhooks.
    const engine = createKycEngine({
      persona: createPersonaClient({ apiKey: 'none' }),
      storage: createKnexStorage({ knex }),
      templateId: 'none',
      webhookSecrets: crypto.randomUUID(),
      logger,
    })
    logger.info({ brokers: publishers.length }, 'relaying')
    await relay({ engine, publishers, source: RELAY_SOURCE, signal: stop.signal })
  } finally {
    await Promise.all(publishers.map((publisher) => publisher.close()))
    await knex.destroy()
  }
}

async function migrateAsOwner(databaseUrl: string, grantTo: string): Promise<void> {
  const knex = createKnex({ client: 'pg', connection: databaseUrl, pool: { min: 0, max: 1 } })
  try {
    await migrate({ knex, grantTo })
  } finally {
    await knex.destroy()
  }
}

if (!DATABASE_URL || (!NATS_URL && !RABBITMQ_URL)) {
  console.error(
    'Set DATABASE_URL, and NATS_URL (nats://127.0.0.1:4222) or RABBITMQ_URL (amqp://127.0.0.1:5672) or both.',
  )
  process.exitCode = 2
} else {
  main(DATABASE_URL).catch((error: unknown) => {
    console.error(error instanceof Error ? `The relay ended: ${error.message}` : 'The relay ended.')
    process.exitCode = 1
  })
}
