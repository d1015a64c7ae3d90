import type { KycStorage, NewEvent, Page } from '@persona-kyc/core'
import { createKnexStorage, migrate } from '@persona-kyc/storage-knex'
import type { Knex } from 'knex'
import { type Benchmark, measureBoth } from './benchmark.js'
import { type BenchDatabase, openDatabase, openPool } from './database.js'
import { repeatFor } from './ingest.js'

/*
 * Whether anything slows with age: a storage over tables with millions of events, two years of them, against one over tables
 * in which there is nothing but what both are measured with. Loaded once, for all that is measured on a size.
 */

const EVENTS_PER_CASE = 5
const MONTHS = 24
/** The cases that events come for: people who verify themselves now. */
const OPEN_CASES = 20_000
const POOL_SIZE = 16

/** What is done on both sides: each resolves when it has done one. */
type Work = (storage: KycStorage, table: GrownTable) => () => Promise<void>

interface Measured {
  readonly work: Work
  readonly atOnce: number
  readonly ms: number
}

const WORKS = {
  ingest: { work: toIngest, atOnce: 256, ms: 4000 },
  'get a case': { work: toGet, atOnce: POOL_SIZE, ms: 2000 },
  'list cases to be claimed': { work: toList, atOnce: POOL_SIZE, ms: 2000 },
  'read the feed': { work: toFeed, atOnce: POOL_SIZE, ms: 2000 },
} as const satisfies Record<string, Measured>

/** Each with 1 and with 10 million events, against none. */
export const growthBenchmarks: readonly Benchmark[] = [1_000_000, 10_000_000].flatMap((events) =>
  Object.entries(WORKS).map(([name, measured]) => toBenchmark(name, measured, events)),
)

function toBenchmark(name: string, { work, atOnce, ms }: Measured, events: number): Benchmark {
  return {
    name: `${name}, with ${events / 1_000_000} million events, against empty tables`,
    bound: 0.8,
    async start(log) {
      const full = await load(events, log)
      const empty = await load(0, log)
      const pools = [full, empty].map(({ database }) => openPool(database.url, POOL_SIZE))
      const [ours, theirs] = [full, empty].map((table, index) => {
        const once = work(createKnexStorage({ knex: pools[index] as Knex }), table)
        return () => repeatFor(once, { atOnce, ms })
      }) as [() => Promise<number>, () => Promise<number>]
      await full.database.knex.raw('select pg_stat_reset()')
      await ours()
      await theirs()
      return {
        measure: (round) => measureBoth(round, { ours, theirs }),
        async stop() {
          // What waits for a connection is served; a connection that ends tells what it has read.
          for (const pool of pools) await pool.raw('select 1')
          for (const pool of pools) await pool.destroy()
          await requireIndexes(full)
        },
      }
    },
  }
}

interface GrownTable {
  readonly database: BenchDatabase
  /** A sample of the ids of all cases. */
  readonly caseIds: readonly string[]
}

const loaded = new Map<number, Promise<GrownTable>>()

function load(events: number, log: (line: string) => void): Promise<GrownTable> {
  const table = loaded.get(events) ?? createTable(events, log)
  loaded.set(events, table)
  return table
}

/** Drops what the benchmarks of this file have loaded. */
export async function dropGrown(): Promise<void> {
  for (const table of loaded.values()) await (await table).database.drop()
  loaded.clear()
}

async function createTable(events: number, log: (line: string) => void): Promise<GrownTable> {
  const database = await openDatabase(POOL_SIZE)
  const { knex } = database
  if (events > 0) {
    log(`adding ${events} events, which takes about a minute for each million`)
    await addPast(knex, events)
  }
  await addOpenCases(knex)
  const ingest = toIngest(createKnexStorage({ knex }))
  await repeatFor(ingest, { atOnce: WORKS.ingest.atOnce, ms: 5000 })
  // The months of the past get their partitions.
  await migrate({ knex })
  await knex.raw('vacuum (analyze)')
  await knex.raw('checkpoint')
  const { rows } = await knex.raw<{ rows: { id: string }[] }>(
    'select id from persona_kyc.kyc_cases order by md5(id) limit 20000',
  )
  return { database, caseIds: rows.map(({ id }) => id) }
}

/** Throws where a statement has read a table from one end to the other; that of the feed has one row. */
async function requireIndexes({ database }: GrownTable): Promise<void> {
  const { rows } = await database.knex.raw<{ rows: { relname: string; seq_scan: string }[] }>(
    `select relname, seq_scan from pg_stat_user_tables
     where schemaname = 'persona_kyc' and relname <> 'kyc_feed' and seq_scan > 0`,
  )
  if (rows.length > 0) throw new Error(`Tables were read by sequential scan: ${JSON.stringify(rows)}.`)
}

/** Cases that were decided, most of them with their claim, over the months; ids are random, as they are. */
async function addPast(knex: Knex, events: number): Promise<void> {
  const cases = events / EVENTS_PER_CASE
  await knex.raw(
    `insert into persona_kyc.kyc_cases (id, user_id, document_type, status, verification_score, persona_inquiry_id,
      persona_status, kyc_claim_id, kyc_claim_tx_hash, personal_data, created_at, updated_at, verified_at, is_open,
      inquiry_attempt, revision, feed_xid, last_event_at, last_event_rank, last_event_id)
    select cast(gen_random_uuid() as text), 'user_' || md5(cast(i as text)), 'passport',
      case when i % 10 = 0 then 'rejected' else 'verified' end, case when i % 10 = 0 then 0 else 1 end,
      'inq_' || md5('inquiry' || i), case when i % 10 = 0 then 'declined' else 'approved' end,
      case when i % 10 > 0 and i % 100 > 1 then md5('claim' || i) end, case when i % 10 > 0 and i % 100 > 1 then md5('tx' || i) end,
      'v1.k1.' || repeat('x', 200), t, t, case when i % 10 > 0 then t end, false, 1, 1,
      cast(cast(1 + i % 500 as text) as xid8), t, 6, 'evt_' || md5(i || ' ${EVENTS_PER_CASE}')
    from (select i, now() - (:cases::integer - i) * interval '${MONTHS} months' / :cases::integer as t
      from generate_series(1, :cases::integer) i) past`,
    { cases },
  )
  await knex.raw(
    `insert into persona_kyc.kyc_transitions (case_id, revision, from_status, to_status, score, persona_status, event_id,
      event_name, occurred_at, recorded_at, feed_xid)
    select id, 1, 'pending', status, verification_score, persona_status, last_event_id, 'inquiry.' || persona_status,
      last_event_at, last_event_at, feed_xid from persona_kyc.kyc_cases where last_event_at is not null`,
  )
  // A month that is there takes its rows at once.
  await knex.raw(
    `insert into persona_kyc.kyc_events (id, created_at, name, outcome, received_at)
    select 'month_' || i, now() - i * interval '1 month', 'inquiry.created', 'ignored', now()
    from generate_series(0, ${MONTHS}) i`,
  )
  await migrate({ knex })
  await knex.raw(
    `insert into persona_kyc.kyc_events (id, created_at, name, case_id, inquiry_id, outcome, persona_status, occurred_at,
      received_at, attempts_made, attempts_left, first_attempted_at)
    select 'evt_' || md5(c.last_event_id || n), t, 'inquiry.transitioned', c.id, c.persona_inquiry_id, 'applied', 'pending',
      t, t, 1, 7, t
    from persona_kyc.kyc_cases c cross join generate_series(1, ${EVENTS_PER_CASE}) n
      cross join lateral (select c.created_at - n * interval '1 second' as t) times
    order by c.created_at`,
  )
}

/** `inq_open_1` onwards, without an event. */
async function addOpenCases(knex: Knex): Promise<void> {
  await knex.raw(
    `insert into persona_kyc.kyc_cases (id, user_id, document_type, status, persona_inquiry_id, persona_status,
      personal_data, created_at, updated_at, is_open, inquiry_attempt, revision)
    select cast(gen_random_uuid() as text), 'open_' || i, 'passport', 'pending', 'inq_open_' || i, 'created',
      'v1.k1.' || repeat('x', 200), now(), now(), true, 1, 0
    from generate_series(1, ${OPEN_CASES}) i`,
  )
}

function toIngest(storage: KycStorage): () => Promise<void> {
  return async () => {
    const { outcome } = await storage.recordEvent(createEvent())
    if (outcome !== 'applied' && outcome !== 'stale') throw new Error(`An event was ${outcome}.`)
  }
}

function createEvent(): NewEvent {
  const now = new Date()
  const isApproved = Math.random() < 0.5
  return {
    id: `evt_${crypto.randomUUID()}`,
    name: isApproved ? 'inquiry.approved' : 'inquiry.declined',
    inquiryId: `inq_open_${1 + Math.floor(Math.random() * OPEN_CASES)}`,
    referenceId: null,
    createdAt: now,
    effect: {
      personaStatus: isApproved ? 'approved' : 'declined',
      status: isApproved ? 'verified' : 'rejected',
      score: isApproved ? 1 : 0,
      occurredAt: now,
      rank: 6,
    },
    receivedAt: now,
    delivery: { attemptsMade: 1, attemptsLeft: 7, firstAttemptedAt: now },
  }
}

function toGet(storage: KycStorage, { caseIds }: GrownTable): () => Promise<void> {
  return async () => {
    const id = caseIds[Math.floor(Math.random() * caseIds.length)] ?? ''
    if ((await storage.getCase(id)) === null) throw new Error('A case is not there.')
  }
}

function toList(storage: KycStorage): () => Promise<void> {
  return toWalk((after) => storage.listCases({ status: 'verified', claim: 'missing', after, limit: 100 }))
}

function toFeed(storage: KycStorage): () => Promise<void> {
  return toWalk(async (after) => {
    const page = await storage.readFeed({ after, limit: 100 })
    return { items: page.items, next: page.items.length < 100 ? null : page.next }
  })
}

/** One page after the other, again from the start where there is no more. */
function toWalk(readPage: (after: string | null) => Promise<Page<unknown>>): () => Promise<void> {
  let after: string | null = null
  return async () => {
    const page = await readPage(after)
    after = page.next
  }
}
