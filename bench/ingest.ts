import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KycStorage, NewEvent } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { type Benchmark, measureBoth } from './benchmark.js'
import { addCases, createPool, findPgbench, openDatabase, runPgbench } from './database.js'

/*
 * The ingest of the storage, without HTTP: events of random cases, as many under way as there are webhooks at once, against
 * pgbench, which does the same work in plain statements with as many connections.
 */

const CASES = 100_000
const CONNECTIONS = 16
const SECONDS = 4

/**
 * What a webhook that moves a case must do, by hand: lock the case, record the event unless it is there, move the case
 * unless a later event has moved it, and write down the transition.
 */
const SAME_WORK = `
with target as (
  select * from persona_kyc.kyc_cases where persona_inquiry_id = 'inq_' || :number for update
), recorded as (
  insert into persona_kyc.kyc_events (id, created_at, name, case_id, inquiry_id, outcome, persona_status, occurred_at, received_at,
    attempts_made, attempts_left, first_attempted_at)
  select 'evt_' || :event, now(), 'inquiry.completed', id, persona_inquiry_id,
    case when erased_at is not null or (last_event_at, last_event_rank, last_event_id) >= (now(), 4, 'evt_' || :event)
      then 'stale' else 'applied' end, 'completed', now(), now(), 1, 7, now()
  from target
  on conflict (created_at, id) do nothing
  returning case_id, outcome
), moved as (
  update persona_kyc.kyc_cases c set status = 'verified', persona_status = 'completed', verification_score = 1,
    verified_at = coalesce(c.verified_at, now()), is_open = false, persona_session_token = null,
    revision = c.revision + case when t.status <> 'verified' then 1 else 0 end,
    feed_xid = case when t.status <> 'verified' then greatest(pg_current_xact_id(), c.feed_xid) else c.feed_xid end,
    last_event_at = now(), last_event_rank = 4, last_event_id = 'evt_' || :event, updated_at = now()
  from recorded r join target t on t.id = r.case_id
  where c.id = r.case_id and r.outcome = 'applied'
  returning c.*, t.status as previous_status
), appended as (
  insert into persona_kyc.kyc_transitions (case_id, revision, from_status, to_status, score, persona_status, event_id,
    event_name, occurred_at, recorded_at, feed_xid)
  select id, revision, previous_status, status, verification_score, persona_status, 'evt_' || :event,
    'inquiry.completed', now(), now(), feed_xid
  from moved where previous_status <> status
)
select * from moved;
`

const PGBENCH_SCRIPT = `
\\set number random(1, ${CASES})
\\set event random(1, 1000000000000000)
${SAME_WORK}`

/** Events a second of the storage, against transactions a second of what does the same work. */
export const ingestBenchmarks: readonly Benchmark[] = [
  toBenchmark('ingest, one event a commit, against pgbench', {
    bound: 0.9,
    batches: false,
    atOnce: CONNECTIONS,
    other: startPgbench,
  }),
  // What is left of the distance to pgbench when the client is Node.
  toBenchmark('ingest, one event a commit, against the statement of pgbench through bare pg', {
    bound: null,
    batches: false,
    atOnce: CONNECTIONS,
    other: startPg,
  }),
  toBenchmark('ingest, batched, against pgbench with one event a commit', {
    bound: 3,
    batches: true,
    atOnce: 256,
    other: startPgbench,
  }),
]

/** Who does the same work on the database at that URL. */
interface Other {
  /** Resolves with how many events it has recorded a second. */
  measure(): Promise<number>
  stop(): Promise<void>
}

interface IngestOptions {
  readonly bound: number | null
  readonly batches: boolean
  readonly atOnce: number
  readonly other: (url: string) => Promise<Other>
}

function toBenchmark(name: string, { bound, batches, atOnce, other }: IngestOptions): Benchmark {
  return {
    name,
    bound,
    async start(log) {
      const database = await openDatabase(CONNECTIONS)
      log(`adding ${CASES} cases`)
      await addCases(database.knex, CASES)
      const { measure: theirs, stop } = await other(database.url)
      const storage = createKnexStorage({ knex: database.knex, batches })
      const ours = () => recordFor(storage, { atOnce, ms: SECONDS * 1000 })
      await recordFor(storage, { atOnce, ms: 1000 })
      return {
        measure: (round) => measureBoth(round, { ours, theirs }),
        async stop() {
          await stop()
          await database.drop()
        },
      }
    },
  }
}

async function startPgbench(url: string): Promise<Other> {
  const command = await findPgbench()
  if (command === null) throw new Error('pgbench is not installed: apt-get install postgresql-client.')
  const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-bench-'))
  const file = join(directory, 'same-work.sql')
  await writeFile(file, PGBENCH_SCRIPT)
  return {
    measure: () => runPgbench(command, url, { file, clients: CONNECTIONS, seconds: SECONDS }),
    stop: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Prepared, as with pgbench. */
async function startPg(url: string): Promise<Other> {
  const pool = createPool({ databaseUrl: url, poolSize: CONNECTIONS })
  const text = SAME_WORK.replaceAll(':number', 'cast($1 as text)').replaceAll(':event', 'cast($2 as text)')
  const record = async () => {
    const values = [String(1 + Math.floor(Math.random() * CASES)), crypto.randomUUID()]
    await pool.query({ name: 'same_work', text, values })
  }
  await repeatFor(record, { atOnce: CONNECTIONS, ms: 1000 })
  return { measure: () => repeatFor(record, { atOnce: CONNECTIONS, ms: SECONDS * 1000 }), stop: () => pool.end() }
}

/** Records events, so many at once, and resolves with how many were recorded a second. */
async function recordFor(storage: KycStorage, options: RepeatOptions): Promise<number> {
  return repeatFor(async () => {
    const { outcome } = await storage.recordEvent(createEvent())
    if (outcome !== 'applied' && outcome !== 'stale') throw new Error(`An event was ${outcome}.`)
  }, options)
}

interface RepeatOptions {
  readonly atOnce: number
  readonly ms: number
}

/** Does it again and again, so many at once, and resolves with how often it was done a second. */
export async function repeatFor(once: () => Promise<void>, { atOnce, ms }: RepeatOptions): Promise<number> {
  const startedAt = performance.now()
  let count = 0
  const work = async () => {
    while (performance.now() - startedAt < ms) {
      await once()
      count++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return count / ((performance.now() - startedAt) / 1000)
}

function createEvent(): NewEvent {
  const now = new Date()
  return {
    id: `evt_${crypto.randomUUID()}`,
    name: 'inquiry.completed',
    inquiryId: `inq_${1 + Math.floor(Math.random() * CASES)}`,
    referenceId: null,
    effect: { personaStatus: 'completed', status: 'verified', score: 1, occurredAt: now, rank: 4 },
    createdAt: now,
    receivedAt: now,
    delivery: { attemptsMade: 1, attemptsLeft: 7, firstAttemptedAt: now },
  }
}
