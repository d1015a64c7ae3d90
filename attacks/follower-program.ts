import { createKycEngine, createPersonaClient } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import createKnex from 'knex'

/**
 * A process that follows the feed and writes each transition to the table `sink`, which refuses a fencing token lower
 * than one that it has seen. It is killed and paused from outside.
 */
process.once('disconnect', () => process.exit())

const knex = createKnex({ client: 'pg', connection: process.env.DATABASE_URL ?? '', pool: { min: 0, max: 6 } })
const engine = createKycEngine({
  persona: createPersonaClient({ apiKey: 'none' }),
  storage: createKnexStorage({ knex }),
  templateId: 'none',
  webhookSecrets: crypto.randomUUID(),
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})

await engine.follow(
  'attacked',
  async ({ caseId, revision }, { fencingToken }) => {
    // Long enough to be paused in the middle of it.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    const { rows } = await knex.raw(
      `with mine as (update sink_fence set fence = greatest(fence, :fence) where fence <= :fence returning fence)
       insert into sink (case_id, revision, fence) select :caseId, :revision, :fence from mine returning id`,
      { caseId, revision, fence: fencingToken },
    )
    if (rows.length > 0) return
    await knex.raw('insert into refused (fence) values (?)', [fencingToken])
    throw new Error('fenced off')
  },
  { leaseMs: 400, pollMs: 20, retryMs: 1, maxRetryMs: 10, maxAttempts: 1_000_000 },
)
