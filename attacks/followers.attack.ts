import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { KycStorage } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { createDatabase } from '@persona-kyc/testing/postgres'
import createKnex, { type Knex } from 'knex'
import { expect, inject, it, onTestFinished } from 'vitest'
import { pause, seedCases } from './load.js'
import { tell, toRounds } from './rounds.js'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PROGRAM = 'attacks/follower-program.ts'
const WRITERS = 16
const CASES = 32
const HANDLED = toRounds(6000)
const FOLLOWERS = 3
const LEASE_MS = 400

it(`followers that are killed and paused under ${WRITERS} writers miss nothing, and do nothing once fenced off`, async () => {
  const database = await createDatabase(inject('databaseUrl'))
  onTestFinished(() => database.drop())
  const knex = createKnex({ client: 'pg', connection: database.url, pool: { min: 0, max: 24 } })
  onTestFinished(() => knex.destroy())
  const inquiryIds = await seedCases(knex, CASES)
  await createSink(knex)
  const followers = Array.from({ length: FOLLOWERS }, () => startFollower(database.url))
  onTestFinished(async () => void (await Promise.all(followers.map(stop))))

  // The writers go on until enough has happened to the followers.
  let isEnough = false
  const writing = write(createKnexStorage({ knex }), inquiryIds, () => isEnough)
  let kills = 0
  let pauses = 0
  while (!isEnough) {
    await pause(Math.random() * 150)
    const index = Math.floor(Math.random() * FOLLOWERS)
    const child = followers[index]
    if (Math.random() < 0.3) {
      child?.kill('SIGKILL')
      followers[index] = startFollower(database.url)
      kills += 1
    } else {
      child?.kill('SIGSTOP')
      await pause(LEASE_MS * 1.5)
      child?.kill('SIGCONT')
      pauses += 1
    }
    const [handled, refused] = [await count(knex, 'sink'), await count(knex, 'refused')]
    if ((kills + pauses) % 20 === 0) tell(`${handled} handled, ${refused} fenced off, ${kills} kills, ${pauses} pauses`)
    isEnough = handled >= HANDLED && refused >= 3
  }
  const written = await writing
  for (let before = -1; ; ) {
    await pause(1000)
    const now = await count(knex, 'sink')
    if (now === before && (await isCaughtUp(knex))) break
    before = now
  }
  await Promise.all(followers.map(stop))
  await expectOrder(knex)
  const { rows } = await knex.raw('select max(fence) as fence, count(*) as times from sink')
  tell(`${written} transitions, ${kills} kills, ${pauses} pauses, ${rows[0].fence} leases,`)
  tell(`${rows[0].times} times handled, ${await count(knex, 'refused')} times fenced off`)
})

/** The sink, and a record of each move of the consumer's cursor. */
async function createSink(knex: Knex): Promise<void> {
  await knex.raw('create table sink (id bigserial primary key, case_id text, revision integer, fence integer)')
  await knex.raw('create table sink_fence (fence integer not null)')
  await knex.raw('insert into sink_fence values (0)')
  await knex.raw('create table refused (fence integer)')
  await knex.raw('create table moves (id bigserial primary key, fence integer, cursor text)')
  await knex.raw(`
    create function note_move() returns trigger language plpgsql as $$
    begin
      insert into moves (fence, cursor) values (new.fence, new.cursor);
      return new;
    end $$`)
  await knex.raw(`
    create trigger moved after update on persona_kyc.kyc_consumers for each row
    when (old.cursor is distinct from new.cursor) execute function note_move()`)
}

function startFollower(databaseUrl: string): ChildProcess {
  const { PATH = '', HOME = '' } = process.env
  return spawn(process.execPath, ['--import', 'tsx', PROGRAM], {
    cwd: ROOT,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', DATABASE_URL: databaseUrl },
    // Its channel ends with this process: then so does it.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Turns cases around from many sides at once; resolves with the number of transitions. */
async function write(storage: KycStorage, inquiryIds: readonly string[], isEnough: () => boolean): Promise<number> {
  let index = 0
  let written = 0
  const work = async () => {
    while (!isEnough()) {
      const number = index++
      const isApproved = Math.floor(number / inquiryIds.length) % 2 === 0
      const { transition } = await storage.recordEvent({
        id: `evt_${number}`,
        name: 'inquiry.transitioned',
        inquiryId: inquiryIds[number % inquiryIds.length] ?? null,
        referenceId: null,
        effect: {
          personaStatus: isApproved ? 'approved' : 'declined',
          status: isApproved ? 'verified' : 'rejected',
          score: isApproved ? 1 : 0,
          occurredAt: new Date(1_700_000_000_000 + number),
          rank: 6,
        },
        createdAt: new Date(1_700_000_000_000 + number),
        receivedAt: new Date(),
        delivery: null,
      })
      if (transition !== null) written += 1
      // Followers must have the time to be killed meanwhile.
      await pause(60)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, work))
  return written
}

async function isCaughtUp(knex: Knex): Promise<boolean> {
  const { rows } = await knex.raw(`
    select count(*) as missing from persona_kyc.kyc_transitions t
    where not exists (select 1 from sink s where s.case_id = t.case_id and s.revision = t.revision)`)
  return Number(rows[0].missing) === 0
}

/** Each case's transitions were first handled in their order; the cursor never went back, and no old token moved it. */
async function expectOrder(knex: Knex): Promise<void> {
  const disorder = await knex.raw(`
    with firsts as (select case_id, revision, min(id) as id from sink group by 1, 2)
    select count(*) as count from firsts a join firsts b
      on a.case_id = b.case_id and a.revision < b.revision and a.id > b.id`)
  expect(Number(disorder.rows[0].count), 'transitions of one case that were handled out of order').toBe(0)
  const moves = await knex.raw<{ rows: { fence: number; cursor: string }[] }>(
    'select fence, cursor from moves order by id',
  )
  let last = { fence: 0, place: [0n, '', 0] as readonly [bigint, string, number] }
  for (const { fence, cursor } of moves.rows) {
    const [, xid = '0', revision = '0', caseId = ''] = /^\w+\.(\d+)\.(\d+)\.(.*)$/.exec(cursor) ?? []
    const place = [BigInt(xid), caseId, Number(revision)] as const
    expect(fence, 'a fenced-off follower moves nothing').toBeGreaterThanOrEqual(last.fence)
    expect(isBehind(last.place, place), `the cursor goes forward: ${last.place} -> ${place}`).toBe(true)
    last = { fence, place }
  }
  expect(last.fence, 'the lease changed hands').toBeGreaterThan(5)
}

function isBehind(left: readonly [bigint, string, number], right: readonly [bigint, string, number]): boolean {
  if (left[0] !== right[0]) return left[0] < right[0]
  return left[1] === right[1] ? left[2] < right[2] : left[1] < right[1]
}

async function count(knex: Knex, table: string): Promise<number> {
  const { rows } = await knex.raw(`select count(*) as count from ${table}`)
  return Number(rows[0].count)
}
