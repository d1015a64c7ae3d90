import type { Consumer, ConsumerLease, ConsumerStorage } from '@persona-kyc/core'
import type { Knex } from 'knex'
import * as statements from './consumer-statements.js'
import * as cursors from './cursors.js'
import { createFeedWatch } from './feed-watch.js'
import { type ConsumerRow, type DeadLetterRow, fromConsumerRow, fromDeadLetterRow } from './rows.js'
import type { Runner } from './run-statement.js'
import type { TableNames } from './schema.js'

/** The consumers of the feed in PostgreSQL, and the function that tells watchers of its growth. */
export interface KnexConsumers extends ConsumerStorage {
  announceGrowth(): void
}

/** Returns the part of the storage that is about consumers. */
export function createKnexConsumers(knex: Knex, tables: TableNames, { run }: Runner): KnexConsumers {
  return {
    ...createFeedWatch(knex, tables),

    async leaseConsumer(name, lease) {
      const [row] = await run<ConsumerLease>(statements.leaseConsumer(tables), { name, ...lease })
      return row ?? null
    },
    async renewConsumer(name, lease) {
      return (await run(statements.renewConsumer(tables), { name, ...lease })).length > 0
    },
    async releaseConsumer(name, fence) {
      await run(statements.releaseConsumer(tables), { name, fence })
    },
    async saveConsumer(name, { deadLetter, ...progress }) {
      const { attempts: letterAttempts = null, ...letter } = deadLetter ?? NO_LETTER
      return (await run(statements.saveConsumer(tables), { name, ...letter, letterAttempts, ...progress })).length > 0
    },
    async listConsumers(): Promise<Consumer[]> {
      return (await run<ConsumerRow>(statements.listConsumers(tables))).map(fromConsumerRow)
    },
    async hasDeadLetter(consumer, caseId) {
      return (await run(statements.hasDeadLetter(tables), { consumer, caseId })).length > 0
    },
    async listDeadLetters({ consumer, isDue, after, limit }) {
      const place = cursors.fromDeadLetterCursor(after)
      const bindings = { consumer, isDue, ...place, limit: limit + 1 }
      const rows = await run<DeadLetterRow>(statements.listDeadLetters(tables), bindings)
      return cursors.toPage(rows.map(fromDeadLetterRow), limit, cursors.toDeadLetterCursor)
    },
    async requestReplay(consumer, options) {
      return (await run(statements.requestReplay(tables), { consumer, ...options })).length
    },
    async settleDeadLetter(consumer, { result, error, ...letter }) {
      const settled =
        result === 'done'
          ? await run(statements.removeDeadLetter(tables), { consumer, ...letter })
          : await run(statements.keepDeadLetter(tables), { consumer, error, ...letter })
      return settled.length > 0
    },
  }
}

const NO_LETTER = { caseId: null, revision: null, reason: null, attempts: null, error: null, parkedAt: null }
