import type { KycStorage, NewEvent } from '@persona-kyc/core'
import createKnex, { type Knex } from 'knex'
import { beforeEach, describe, expect, it } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import { addEventMonths, checkEventMonths, retainEvents } from '../src/event-months.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { migrate, rollback } from '../src/migrate.js'
import { toTableNames } from '../src/schema.js'
import { endSilentConnections } from '../src/silent-connections.js'
import { useDatabase, useRole } from './test-database.js'

const database = useDatabase()
const stranger = useRole(database)
const tables = toTableNames('persona_kyc')
const LAST = '005_growth'

let owner: Knex
let storage: KycStorage

beforeEach(async () => {
  owner = database.owner
  await owner.raw('drop schema if exists persona_kyc cascade')
  await migrateForApp(owner)
  storage = createKnexStorage({ knex: database.app })
})

describe('the migration to months', () => {
  it('takes the events along, each into its month, where copies of it find it', async () => {
    expect(await rollback({ knex: owner })).toBe(LAST)
    const short = `short_${'0'.repeat(64)}`
    await addOldEvent('evt_old', toMonth(-30))
    await addOldEvent('evt_new', toMonth(0))
    await addOldEvent(short, toMonth(-1))
    await addOldEvent(`${short}_1`, toMonth(-1))
    await addOldEvent('evt_ignored', null)
    expect(await migrateForApp(owner)).toEqual([LAST])
    expect(await listPlaces()).toEqual(
      [
        `evt_old ${toPartition(-30)}`,
        `evt_new ${toPartition(0)}`,
        `${short}_1 ${toPartition(-1)}`,
        `${short} kyc_events_untold`,
        'evt_ignored kyc_events_untold',
      ].sort(),
    )
    for (const [id, createdAt] of [
      ['evt_old', toMonth(-30)],
      ['evt_new', toMonth(0)],
      [`${short}_1`, toMonth(-1)],
      [short, null],
    ] as const) {
      expect(await storage.recordEvent(newEvent(id, createdAt)), id).toMatchObject({ outcome: 'duplicate' })
    }
  })

  it('goes back with each event once', async () => {
    await storage.recordEvent(newEvent('evt_1', toMonth(0)))
    await storage.recordEvent(newEvent('evt_1', toMonth(-3)))
    await storage.recordEvent(newEvent('evt_2', null))
    expect(await rollback({ knex: owner })).toBe(LAST)
    const { rows } = await owner.raw(`select id from ${tables.events} order by id`)
    expect(rows).toEqual([{ id: 'evt_1' }, { id: 'evt_2' }])
  })
})

describe('a migration', () => {
  it('loses no event that is recorded while it waits, whatever isolation is the default', async () => {
    const name = new URL(database.ownerUrl).pathname.slice(1)
    await owner.raw(`alter database ?? set default_transaction_isolation = 'repeatable read'`, [name])
    const fresh = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 4 } })
    try {
      await rollback({ knex: fresh })
      const writing = await fresh.transaction()
      await addOldEvent('evt_late', toMonth(0), writing)
      const migrated = migrate({ knex: fresh })
      await expect.poll(countWaiting).toBe(1)
      await writing.commit()
      expect(await migrated).toEqual([LAST])
      expect(await listPlaces()).toEqual([`evt_late ${toPartition(0)}`])
      const writingAgain = await fresh.transaction()
      await createKnexStorage({ knex: writingAgain }).recordEvent(newEvent('evt_later', toMonth(0)))
      const tookBack = rollback({ knex: fresh })
      await expect.poll(countWaiting).toBe(1)
      await writingAgain.commit()
      expect(await tookBack).toBe(LAST)
      expect((await owner.raw(`select id from ${tables.events} order by id`)).rows).toHaveLength(2)
    } finally {
      await fresh.destroy()
      await owner.raw('alter database ?? reset default_transaction_isolation', [name])
    }
  })

  it('takes its time also in a pool that ends silent connections', async () => {
    const pool = { min: 0, max: 2, afterCreate: endSilentConnections({ afterMs: 200 }) }
    const impatient = createKnex({ client: 'pg', connection: database.ownerUrl, pool })
    try {
      await rollback({ knex: owner })
      await owner
        .transaction(async (holder) => {
          await holder.raw(`lock table ${tables.events} in share mode`)
          const migrated = migrate({ knex: impatient })
          await expect.poll(countWaiting).toBe(1)
          await holder.raw('select pg_sleep(0.6)')
          return { migrated }
        })
        .then(async ({ migrated }) => expect(await migrated).toEqual([LAST]))
      await expect(impatient.raw('select pg_sleep(5)')).rejects.toThrow()
    } finally {
      await impatient.destroy()
    }
  })
})

describe('the months of the events', () => {
  it('are there for this month and the three to come', async () => {
    expect(await listPartitions()).toEqual([...[0, 1, 2, 3].map(toPartition), 'kyc_events_other', 'kyc_events_untold'])
  })

  it('hold events by their time in UTC, to the millisecond', async () => {
    const start = toMonth(1)
    const before = new Date(start.getTime() - 1)
    await database.owner.raw(`set timezone to 'Pacific/Kiritimati'`)
    await storage.recordEvent(newEvent('evt_first', start))
    await storage.recordEvent(newEvent('evt_last', before))
    expect(await listPlaces()).toEqual([`evt_first ${toPartition(1)}`, `evt_last ${toPartition(0)}`])
  })

  it('hold one of many copies that come at once, and so do the events without a month', async () => {
    for (const [id, createdAt] of [
      ['evt_month', toMonth(0)],
      ['evt_untold', null],
      ['evt_ancient', new Date('1999-12-31T23:59:59.999Z')],
    ] as const) {
      const copies = Array.from({ length: 20 }, () => storage.recordEvent(newEvent(id, createdAt)))
      const outcomes = (await Promise.all(copies)).map(({ outcome }) => outcome)
      expect(
        outcomes.filter((outcome) => outcome === 'unmatched'),
        id,
      ).toHaveLength(1)
      expect(
        outcomes.filter((outcome) => outcome === 'duplicate'),
        id,
      ).toHaveLength(19)
    }
  })

  it('are made by the next migrate where they are missing, and take the events that came meanwhile', async () => {
    await dropPartition(toPartition(0))
    const imported = toMonth(-50)
    await storage.recordEvent(newEvent('evt_now', toMonth(0)))
    await storage.recordEvent(newEvent('evt_imported', imported))
    await storage.recordEvent(newEvent('evt_ancient', toMonth(-130)))
    await storage.recordEvent(newEvent('evt_untold', null))
    expect(await checkEventMonths({ knex: owner })).toEqual({ isComplete: false, misplacedEvents: 2 })
    await migrate({ knex: owner })
    expect(await checkEventMonths({ knex: owner })).toEqual({ isComplete: true, misplacedEvents: 0 })
    expect(await listPlaces()).toEqual([
      'evt_ancient kyc_events_other',
      `evt_imported ${toPartition(-50)}`,
      `evt_now ${toPartition(0)}`,
      'evt_untold kyc_events_untold',
    ])
    expect((await storage.recordEvent(newEvent('evt_imported', imported))).outcome).toBe('duplicate')
  })

  it('are left to others by a role that does not own the tables', async () => {
    await dropPartition(toPartition(2))
    await owner.raw('grant usage on schema persona_kyc to ??', [stranger.role])
    await owner.raw('grant select on persona_kyc.kyc_migrations to ??', [stranger.role])
    expect(await migrate({ knex: stranger.knex })).toEqual([])
    expect(await listPartitions()).not.toContain(toPartition(2))
  })

  it('are left to the next time while somebody holds the table', async () => {
    await dropPartition(toPartition(2))
    await owner.transaction(async (holder) => {
      await holder.raw(`select 1 from ${tables.events} limit 1`)
      await holder.raw(`lock table ${tables.events} in row exclusive mode`)
      expect(await addEventMonths(owner, tables, 1)).toBe(false)
    })
    expect(await listPartitions()).not.toContain(toPartition(2))
    expect(await addEventMonths(owner, tables, 1)).toBe(true)
    expect(await listPartitions()).toContain(toPartition(2))
  })
})

describe('a month that is made', () => {
  it('does not wait for a vacuum of another one', async () => {
    await dropPartition(toPartition(2))
    await owner.transaction(async (vacuum) => {
      await vacuum.raw(`lock table persona_kyc.${toPartition(0)} in share update exclusive mode`)
      expect(await addEventMonths(owner, tables, 1)).toBe(true)
    })
    expect(await listPartitions()).toContain(toPartition(2))
  })

  it('keeps what is in it from a role that was granted more than it needs', async () => {
    for (const createdAt of [toMonth(0), toMonth(-200), null]) {
      await storage.recordEvent(newEvent(`evt_${createdAt?.getTime()}`, createdAt))
    }
    await owner.raw('grant usage on schema persona_kyc to ??', [stranger.role])
    await owner.raw('grant all on all tables in schema persona_kyc to ??', [stranger.role])
    for (const partition of await listPartitions()) {
      const { rows } = await owner.raw(`select count(*) from persona_kyc.${partition}`)
      if (rows[0].count === '0') continue
      for (const attack of [
        `delete from persona_kyc.${partition}`,
        `update persona_kyc.${partition} set name = 'forged'`,
      ]) {
        expect(await stranger.knex.raw(attack), attack).toMatchObject({ rowCount: 0 })
      }
    }
    expect(await listPlaces()).toHaveLength(3)
  })

  it('waits for an event that is just being recorded, and takes it along', async () => {
    await dropPartition(toPartition(2))
    const writing = await database.app.transaction()
    await createKnexStorage({ knex: writing }).recordEvent(newEvent('evt_late', toMonth(2)))
    const made = addEventMonths(owner, tables, 10)
    await expect.poll(countWaiting).toBe(1)
    await writing.commit()
    await made
    expect(await listPlaces()).toEqual([`evt_late ${toPartition(2)}`])
  })
})

describe('retainEvents', () => {
  it('drops what is older than the months to keep, wherever it lies, and nothing else', async () => {
    await fillMonths()
    const expected = {
      keptSince: toMonth(-2),
      droppedMonths: [-13, -12, -3].map((month) => toMonth(month).toISOString().slice(0, 7)),
      eventsDeleted: 2,
    }
    const before = await listPlaces()
    expect(await retainEvents({ knex: owner, months: 2, dryRun: true })).toEqual(expected)
    expect(await listPlaces()).toEqual(before)
    expect(await retainEvents({ knex: owner, months: 2 })).toEqual(expected)
    expect(await listPlaces()).toEqual(
      [
        `evt_-2 ${toPartition(-2)}`,
        `evt_0 ${toPartition(0)}`,
        'evt_untold kyc_events_untold',
        'evt_future kyc_events_other',
      ].sort(),
    )
    expect(await retainEvents({ knex: owner, months: 2 })).toEqual({ ...expected, droppedMonths: [], eventsDeleted: 0 })
  })

  it('keeps the case, its transitions, its history and the feed; a dropped event that is told again is stale', async () => {
    await addCase()
    const approval = newEvent('evt_approved', toMonth(-20), { status: 'verified', at: toMonth(-20) })
    const { kycCase, transition } = await storage.recordEvent(approval)
    expect(transition).toMatchObject({ to: 'verified' })
    await storage.recordEvent(newEvent('evt_late', toMonth(0), { status: 'verified', at: toMonth(-21) }))
    const [first, late] = (await storage.listCaseEvents('case', { after: null, limit: 10 })).items
    const readFeed = () => storage.readFeed({ after: null, limit: 10 })
    // It waits for the oldest transaction of the cluster, where others run too.
    await expect.poll(async () => (await readFeed()).items, { timeout: 60_000 }).toHaveLength(1)
    const feed = await readFeed()
    await migrate({ knex: owner })
    expect((await retainEvents({ knex: owner, months: 12 })).droppedMonths).toHaveLength(1)

    expect(await storage.getCase('case')).toEqual(kycCase)
    expect(await readFeed()).toEqual(feed)
    // What only the event's own row told is gone.
    const kept = { ...first, inquiryId: null, createdAt: null }
    expect(await storage.listCaseEvents('case', { after: null, limit: 10 })).toEqual({
      items: [kept, late],
      next: null,
    })
    const page = await storage.listCaseEvents('case', { after: null, limit: 1 })
    expect(page.items).toEqual([kept])
    expect((await storage.listCaseEvents('case', { after: page.next, limit: 1 })).items).toEqual([late])

    const again = { ...approval, receivedAt: new Date(Date.now() + 1000) }
    expect(await storage.recordEvent(again)).toMatchObject({ outcome: 'stale', transition: null })
    expect(await storage.getCase('case')).toEqual(kycCase)
    const retold = { id: 'evt_approved', outcome: 'stale', transition: null }
    expect((await storage.listCaseEvents('case', { after: null, limit: 10 })).items).toMatchObject([kept, late, retold])
  })

  it('deletes a large rest in portions, and works while events come', async () => {
    await owner.raw(`insert into ${tables.events} (id, created_at, name, outcome, received_at)
      select 'evt_' || n, '2001-01-01', 'inquiry.created', 'ignored', now() from generate_series(1, 25000) n`)
    const work = async () => {
      for (let index = 0; index < 50; index++) await storage.recordEvent(newEvent(crypto.randomUUID(), toMonth(0)))
    }
    const [report] = await Promise.all([retainEvents({ knex: owner, months: 1 }), work(), work()])
    expect(report.eventsDeleted).toBe(25_000)
    expect(await listPlaces()).toHaveLength(100)
  })

  it('fails while somebody reads an old month for long, and then goes on', async () => {
    await fillMonths()
    const months = await listPartitions()
    await owner.transaction(async (reader) => {
      await reader.raw(`select 1 from persona_kyc.${toPartition(-12)}`)
      await expect(retainEvents({ knex: owner, months: 2, patienceSeconds: 1 })).rejects.toMatchObject({
        name: 'StorageError',
        code: 'storage_unavailable',
      })
    })
    expect(await listPartitions()).toEqual(months.filter((name) => name !== toPartition(-13)))
    expect((await retainEvents({ knex: owner, months: 2 })).droppedMonths).toHaveLength(2)
  })

  it.each([0, -1, 1.5, Number.NaN, 1201])('refuses to keep %s months', async (months) => {
    await expect(retainEvents({ knex: owner, months })).rejects.toThrow(/whole number from 1 to 1200/)
  })

  it('tells a role that does not own the tables what it needs', async () => {
    await expect(retainEvents({ knex: stranger.knex, months: 1 })).rejects.toMatchObject({ code: 'storage_failed' })
  })
})

async function fillMonths(): Promise<void> {
  for (const month of [-13, -12, -3, -2, 0]) await storage.recordEvent(newEvent(`evt_${month}`, toMonth(month)))
  await storage.recordEvent(newEvent('evt_ancient', new Date('2003-02-01T00:00:00Z')))
  await storage.recordEvent(newEvent('evt_future', new Date('2999-02-01T00:00:00Z')))
  await storage.recordEvent(newEvent('evt_untold', null))
  await storage.recordEvent({ ...newEvent('evt_untold_old', null), receivedAt: toMonth(-4) })
  await migrate({ knex: owner })
}

async function addCase(): Promise<void> {
  const now = toMonth(-24)
  const created = { id: 'case', userId: 'user', documentType: 'passport', sealedPersonalData: null }
  await storage.createCase({ ...created, idempotencyKey: null, createdAt: now, initiatingUntil: now })
  const inquiry = { inquiryId: 'inq', replaces: null, personaStatus: 'created', sealedSessionToken: null, now }
  await storage.attachInquiry('case', inquiry)
}

function newEvent(id: string, createdAt: Date | null, effect?: { status: 'verified'; at: Date }): NewEvent {
  return {
    ...{ id, name: 'inquiry.approved', inquiryId: 'inq', referenceId: null, createdAt },
    effect: {
      personaStatus: 'approved',
      status: 'verified',
      score: 1,
      occurredAt: effect?.at ?? createdAt ?? new Date(),
      rank: 6,
    },
    receivedAt: new Date(),
    delivery: null,
  }
}

/** The start of the month that comes so many after the present one. */
function toMonth(offset: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset))
}

function toPartition(offset: number): string {
  return `kyc_events_${toMonth(offset).toISOString().slice(0, 7).replace('-', '_')}`
}

/** As it was written before there were months. */
async function addOldEvent(id: string, occurredAt: Date | null, knex = owner): Promise<void> {
  await knex.raw(
    `insert into ${tables.events} (id, name, inquiry_id, outcome, persona_status, occurred_at, received_at)
     values (:id, 'inquiry.approved', 'inq', :outcome, :status, :occurredAt, now())`,
    {
      ...{ id, occurredAt, status: occurredAt && 'approved' },
      outcome: occurredAt === null ? 'ignored' : 'unmatched',
    },
  )
}

async function dropPartition(name: string): Promise<void> {
  await owner.raw(`drop table persona_kyc.${name}`)
}

/** How many wait for a lock on something of this database. */
async function countWaiting(): Promise<number> {
  const { rows } = await owner.raw<{ rows: { count: string }[] }>(
    'select count(*) from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())',
  )
  return Number(rows[0]?.count)
}

async function listPartitions(): Promise<string[]> {
  const { rows } = await owner.raw<{ rows: { name: string }[] }>(
    `select cast(inhrelid::regclass as text) as name from pg_inherits where inhparent = to_regclass('${tables.events}')`,
  )
  return rows.map(({ name }) => name.replace('persona_kyc.', '')).sort()
}

/** Each event and the partition that it is in. */
async function listPlaces(): Promise<string[]> {
  const { rows } = await owner.raw<{ rows: { place: string }[] }>(
    `select id || ' ' || replace(cast(tableoid::regclass as text), 'persona_kyc.', '') as place from ${tables.events}`,
  )
  return rows.map(({ place }) => place).sort()
}
