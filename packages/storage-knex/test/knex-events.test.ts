import {
  createMemoryStorage,
  type KycCase,
  type KycStorage,
  type NewEvent,
  type StatusPolicy,
  type Transition,
} from '@persona-kyc/core'
import fc from 'fast-check'
import createKnex, { type Knex } from 'knex'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import { createRecordEvent } from '../src/knex-events.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { createRunner } from '../src/run-statement.js'
import { toTableNames } from '../src/schema.js'
import { useDatabase } from './test-database.js'

const database = useDatabase()
const START = Date.UTC(2026, 0, 2)
const pools: Knex[] = []

beforeAll(() => migrateForApp(database.owner))
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()))
})

describe('events that come at the same time', () => {
  it('end as they do one by one, in memory: cases, events, transitions, outcomes', async () => {
    const storage = createKnexStorage({ knex: database.app })
    let run = 0
    const property = fc.asyncProperty(fc.array(plans, { minLength: 1, maxLength: 60 }), async (given) => {
      const prefix = `run${run++}`
      const events = given.map((plan, index) => toEvent(prefix, plan, index))
      const memory = createMemoryStorage()
      await Promise.all([createCases(storage, prefix), createCases(memory, prefix)])
      const outcomes = await Promise.all(events.map((event) => storage.recordEvent(event)))
      for (const event of events) await memory.recordEvent(event)
      const cases = await readCases(storage, prefix)
      expect(cases.map(toEnd)).toEqual((await readCases(memory, prefix)).map(toEnd))
      expect(await readEvents(storage, prefix)).toEqual(await readEvents(memory, prefix))
      const first = new Set(events.map(({ id }) => id)).size
      expect(outcomes.filter(({ outcome }) => outcome !== 'duplicate')).toHaveLength(first)
      const transitions = outcomes.flatMap(({ transition }) => (transition === null ? [] : [transition]))
      for (const { id, revision, status } of cases) {
        const ofCase = transitions.filter(({ caseId }) => caseId === id)
        expect(toChain(ofCase)).toEqual(Array.from({ length: revision }, (_, index) => index + 1))
        if (revision > 0) expect(ofCase.find((transition) => transition.revision === revision)?.to).toBe(status)
      }
    })
    await fc.assert(property, { numRuns: 40, seed: 20_261_127 })
  }, 120_000)

  it('fail alone: one that cannot be stored takes no other with it', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'bad')
    const names = ['inquiry.started', 'inquiry.started', 'inquiry\0started', 'inquiry.started']
    const outcomes = await Promise.allSettled(
      names.map((name, index) => storage.recordEvent({ ...toEvent('bad', TO_REVIEW(index), index), name })),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(await readEvents(storage, 'bad')).toHaveLength(3)
  })

  it('wait for nobody else’s case', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'held')
    const holder = await database.app.transaction()
    await holder.raw('select 1 from persona_kyc.kyc_cases where id = ? for update', ['held-case-1'])
    const settled: number[] = []
    const all = [0, 1, 2, 3].map(async (index) => {
      const { outcome } = await storage.recordEvent(toEvent('held', TO_REVIEW(index), index))
      settled.push(index)
      return outcome
    })
    await vi.waitUntil(() => settled.length === 3)
    expect(settled).not.toContain(1)
    await holder.commit()
    expect(await Promise.all(all)).toEqual(['applied', 'applied', 'applied', 'applied'])
  })

  it('wait for nobody else’s case where one of them cannot be stored, or all others are of a held case', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'stuck')
    const holder = await database.app.transaction()
    await holder.raw('select 1 from persona_kyc.kyc_cases where id = ? for update', ['stuck-case-1'])
    const held = [0, 1, 2, 3, 4].map((index) =>
      storage.recordEvent(toEvent('stuck', { ...TO_REVIEW(1), id: 200 + index, at: index }, index)),
    )
    const bad = storage.recordEvent({ ...toEvent('stuck', TO_REVIEW(2), 2), name: 'inquiry\0started' })
    const good = storage.recordEvent(toEvent('stuck', TO_REVIEW(3), 3))
    await expect(bad).rejects.toMatchObject({ code: 'storage_failed' })
    expect((await good).outcome).toBe('applied')
    await holder.commit()
    expect((await Promise.all(held)).map(({ outcome }) => outcome)).toContain('applied')
  })

  it('leave connections to others, however many of them are of cases that somebody holds', async () => {
    const knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 2 } })
    pools.push(knex)
    const storage = createKnexStorage({ knex })
    await createCases(storage, 'many')
    const holder = await database.app.transaction()
    await holder.raw("select 1 from persona_kyc.kyc_cases where id in ('many-case-1', 'many-case-2') for update")
    const held = Array.from({ length: 40 }, (_, index) =>
      storage.recordEvent(toEvent('many', { ...TO_REVIEW(1 + (index % 2)), id: 300 + index, at: index }, index)),
    )
    const others = [0, 3].map((index) => storage.recordEvent(toEvent('many', TO_REVIEW(index), index)))
    expect((await Promise.all(others)).map(({ outcome }) => outcome)).toEqual(['applied', 'applied'])
    expect(await storage.getCase('many-case-0')).toMatchObject({ status: 'review' })
    await holder.commit()
    expect((await Promise.all(held)).map(({ outcome }) => outcome)).not.toContain('duplicate')
  })

  it('wait no longer than half a second for somebody who is just recording a copy of one of them', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'copied')
    const copied = toEvent('nobody', TO_REVIEW(0), 0)
    const holder = await database.app.transaction()
    await createKnexStorage({ knex: holder }).recordEvent(copied)
    const first = storage.recordEvent(toEvent('copied', TO_REVIEW(0), 0))
    const copy = storage.recordEvent(copied)
    const others = [1, 2, 3].map((index) => storage.recordEvent(toEvent('copied', TO_REVIEW(index), index)))
    await expect(copy).rejects.toMatchObject({ code: 'storage_unavailable' })
    const outcomes = (await Promise.all([first, ...others])).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(['applied', 'applied', 'applied', 'applied'])
    await holder.commit()
    expect((await storage.recordEvent(copied)).outcome).toBe('duplicate')
  })

  it('are recorded however many others there are of which somebody is just recording copies', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'crowd')
    const copied = Array.from({ length: 40 }, (_, index) =>
      toEvent(`crowd-${index}`, { ...TO_REVIEW(0), isReferenced: false }, index),
    )
    const holder = await database.app.transaction()
    for (const event of copied) await createKnexStorage({ knex: holder }).recordEvent(event)
    const copies = Promise.allSettled(copied.map((event) => storage.recordEvent(event)))
    const others = CASES.map((index) => storage.recordEvent(toEvent('crowd', TO_REVIEW(index), index)))
    expect((await Promise.all(others)).map(({ outcome }) => outcome)).toEqual(CASES.map(() => 'applied'))
    expect(new Set((await copies).map(({ status }) => status))).toEqual(new Set(['rejected']))
    await holder.rollback()
  })

  it('fail alone where PostgreSQL ends a statement before a lock is had', async () => {
    const connection = { connectionString: database.appUrl, options: '-c statement_timeout=300' }
    const knex = createKnex({ client: 'pg', connection })
    pools.push(knex)
    const storage = createKnexStorage({ knex })
    await createCases(storage, 'timeout')
    const copied = toEvent('timeout-copy', { ...TO_REVIEW(0), isReferenced: false }, 0)
    const holder = await database.app.transaction()
    await createKnexStorage({ knex: holder }).recordEvent(copied)
    const others = CASES.map((index) => storage.recordEvent(toEvent('timeout', TO_REVIEW(index), index)))
    await expect(storage.recordEvent(copied)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect((await Promise.all(others)).map(({ outcome }) => outcome)).toEqual(CASES.map(() => 'applied'))
    await holder.rollback()
  })

  it('wait no longer than half a second for a case that somebody takes before they are matched again', async () => {
    const storage = createKnexStorage({ knex: database.app })
    const event = toEvent('taken', TO_REVIEW(0), 0)
    await storage.recordEvent(event)
    await createCases(storage, 'taken')
    const holder = await database.app.transaction()
    const runner = createRunner(database.app)
    let statements = 0
    const recordEvent = createRecordEvent(toTableNames('persona_kyc'), {
      runner: {
        ...runner,
        async runPrepared(statement, values) {
          if (++statements === 2)
            await holder.raw("select 1 from persona_kyc.kyc_cases where id = 'taken-case-0' for update")
          return runner.runPrepared(statement, values)
        },
      },
      announceGrowth() {},
      batches: true,
    })
    await expect(recordEvent(event)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(statements).toBe(2)
    await holder.rollback()
    expect((await recordEvent(event)).outcome).toBe('applied')
  })

  it('find the case of their inquiry, also while it is held and that of their reference is free', async () => {
    const storage = createKnexStorage({ knex: database.app })
    await createCases(storage, 'moved')
    const holder = await database.app.transaction()
    await holder.raw('select 1 from persona_kyc.kyc_cases where id = ? for update', ['moved-case-0'])
    const event = { ...toEvent('moved', TO_REVIEW(0), 0), referenceId: 'moved-case-1' }
    const others = [2, 3].map((index) => storage.recordEvent(toEvent('moved', TO_REVIEW(index), index)))
    const recording = storage.recordEvent(event)
    await Promise.all(others)
    await holder.commit()
    expect(await recording).toMatchObject({ outcome: 'applied', kycCase: { id: 'moved-case-0' } })
  })

  it('are matched again once their case is there, together too', async () => {
    const storage = createKnexStorage({ knex: database.app })
    const events = [0, 1, 2, 3].map((index) => toEvent('late', TO_REVIEW(index), index))
    const record = async () => (await Promise.all(events.map(storage.recordEvent))).map(({ outcome }) => outcome)
    expect(await record()).toEqual(['unmatched', 'unmatched', 'unmatched', 'unmatched'])
    expect(await record()).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate'])
    await createCases(storage, 'late')
    expect(await record()).toEqual(['applied', 'applied', 'applied', 'applied'])
    expect(await record()).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate'])
  })

  it('are recorded each in a commit of its own where the app wants that', async () => {
    const { app: knex } = database
    const storage = createKnexStorage({ knex, batches: false })
    await createCases(storage, 'single')
    await Promise.all([0, 1, 2, 3].map((index) => storage.recordEvent(toEvent('single', TO_REVIEW(index), index))))
    const { rows } = await knex.raw(
      "select count(distinct feed_xid) as commits from persona_kyc.kyc_transitions where case_id like 'single-%'",
    )
    expect(Number(rows[0].commits)).toBe(4)
  })
})

describe('a pool that is destroyed', () => {
  it.each([true, false])('lets nobody wait for a connection, and transactions go on, batches: %s', async (batches) => {
    const knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 1 } })
    const storage = createKnexStorage({ knex, batches })
    const holder = await knex.transaction()
    const early = storage.recordEvent(toEvent('gone', TO_REVIEW(0), 0))
    const destroyed = knex.destroy()
    const late = storage.recordEvent(toEvent('gone', TO_REVIEW(1), 1))
    const refused = [early, late].map((one) => expect(one).rejects.toMatchObject({ code: 'storage_unavailable' }))
    const within = await createKnexStorage({ knex: holder }).recordEvent(toEvent('gone', TO_REVIEW(2), 2))
    expect(within.outcome).toBe('unmatched')
    await holder.rollback()
    await Promise.all([destroyed, ...refused])
    const afterwards = storage.recordEvent(toEvent('gone', TO_REVIEW(3), 3))
    await expect(afterwards).rejects.toMatchObject({ code: 'storage_unavailable' })
  })
})

it('takes a database that only lets read for one that is away: the primary comes back after a failover', async () => {
  const connection = { connectionString: database.appUrl, options: '-c default_transaction_read_only=on' }
  const standby = createKnex({ client: 'pg', connection, pool: { min: 0, max: 1 } })
  pools.push(standby)
  const storage = createKnexStorage({ knex: standby })
  const recorded = await Promise.allSettled(
    [0, 1, 2].map((id) => storage.recordEvent(toEvent('read', TO_REVIEW(id), id))),
  )
  for (const one of recorded) {
    expect(one).toMatchObject({ reason: { code: 'storage_unavailable', message: expect.stringContaining('primary') } })
  }
})

describe('prepared statements', () => {
  it('give their connection back, whatever a listener does', async () => {
    const knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 1 } })
    pools.push(knex)
    const storage = createKnexStorage({ knex, batches: false })
    await createCases(storage, 'listened')
    const fail = () => {
      throw new Error('a listener that fails')
    }
    knex.on('query', fail)
    await expect(storage.recordEvent(toEvent('listened', TO_REVIEW(0), 0))).rejects.toThrow()
    knex.off('query', fail)
    expect((await storage.recordEvent(toEvent('listened', TO_REVIEW(0), 0))).outcome).toBe('applied')
  })

  it('are prepared once, and go on unprepared where the session was given to somebody else', async () => {
    const knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 1, max: 1 } })
    pools.push(knex)
    const storage = createKnexStorage({ knex })
    await createCases(storage, 'pooled')
    const readPrepared = async () => (await knex.raw('select name from pg_prepared_statements')).rows.length
    const record = (index: number) => storage.recordEvent(toEvent('pooled', TO_REVIEW(index), index))
    await record(0)
    expect(await readPrepared()).toBe(1)
    await knex.raw('deallocate all')
    expect((await record(1)).outcome).toBe('applied')
    expect((await record(2)).outcome).toBe('applied')
    expect(await readPrepared()).toBe(0)
  })
})

/** What an event is, but for the run that it belongs to. */
interface Plan {
  readonly kycCase: number
  /** Some events come twice. */
  readonly id: number
  readonly status: keyof typeof EFFECTS | null
  readonly at: number
  /** Whether it names the case's own inquiry, or a new one. */
  readonly inquiry: 'own' | 'other'
  readonly isReferenced: boolean
}

const EFFECTS = {
  pending: { status: 'pending', score: null },
  completed: { status: 'verified', score: 1 },
  declined: { status: 'rejected', score: 0 },
  needs_review: { status: 'review', score: 0.5 },
} as const satisfies Record<string, ReturnType<StatusPolicy>>

const plans: fc.Arbitrary<Plan> = fc.record({
  kycCase: fc.nat({ max: 3 }),
  id: fc.nat({ max: 40 }),
  status: fc.option(fc.constantFrom<keyof typeof EFFECTS>('pending', 'completed', 'declined', 'needs_review')),
  at: fc.nat({ max: 20 }),
  inquiry: fc.oneof({ weight: 5, arbitrary: fc.constant('own' as const) }, fc.constant('other' as const)),
  isReferenced: fc.boolean(),
})

/** An event that moves a case that is new. */
const TO_REVIEW = (kycCase: number): Plan => ({
  kycCase,
  id: 100 + kycCase,
  status: 'needs_review',
  at: 1,
  inquiry: 'own',
  isReferenced: true,
})

/** What an event says follows from its id: copies of one are the same. */
function toEvent(prefix: string, plan: Plan, index: number): NewEvent {
  const { id } = plan
  const { kycCase, status, at, inquiry, isReferenced } = copies(prefix, plan)
  const effect = status === null ? null : { ...EFFECTS[status], personaStatus: status, rank: 4 }
  return {
    id: `${prefix}-evt-${id}`,
    name: 'inquiry.started',
    inquiryId: `${prefix}-inq-${kycCase}${inquiry === 'own' ? '' : '-other'}`,
    referenceId: isReferenced ? `${prefix}-case-${kycCase}` : null,
    effect: effect && { ...effect, occurredAt: new Date(START + at * 1000) },
    createdAt: at % 5 === 0 ? null : new Date(START + at * 1000),
    receivedAt: new Date(START + index),
    delivery: null,
  }
}

const known = new Map<string, Plan>()
function copies(prefix: string, plan: Plan): Plan {
  const key = `${prefix} ${plan.id}`
  const first = known.get(key) ?? plan
  known.set(key, first)
  return first
}

const CASES = [0, 1, 2, 3]

/** Cases of different users, each with an inquiry. */
async function createCases(storage: KycStorage, prefix: string): Promise<void> {
  const now = new Date(START)
  for (const index of CASES) {
    const id = `${prefix}-case-${index}`
    await storage.createCase({
      id,
      userId: `${prefix}-user-${index}`,
      documentType: 'passport',
      sealedPersonalData: null,
      idempotencyKey: null,
      createdAt: now,
      initiatingUntil: now,
    })
    const inquiry = { inquiryId: `${prefix}-inq-${index}`, replaces: null, personaStatus: 'created' }
    await storage.attachInquiry(id, { ...inquiry, sealedSessionToken: null, now })
  }
}

async function readCases(storage: KycStorage, prefix: string): Promise<readonly KycCase[]> {
  const cases = await Promise.all(CASES.map((index) => storage.getCase(`${prefix}-case-${index}`)))
  return cases.flatMap((kycCase) => (kycCase === null ? [] : [kycCase]))
}

/** How often a case changed, and when it was verified first, depends on the order; what it ends as does not. */
function toEnd({ revision, verifiedAt, ...kycCase }: KycCase): object {
  return { ...kycCase, isVerified: verifiedAt !== null }
}

async function readEvents(storage: KycStorage, prefix: string): Promise<string[]> {
  const pages = await Promise.all(
    CASES.map((index) => storage.listCaseEvents(`${prefix}-case-${index}`, { after: null, limit: 100 })),
  )
  return pages.flatMap(({ items }) => items.map(({ id }) => id)).sort()
}

function toChain(transitions: readonly Transition[]): number[] {
  return transitions.map(({ revision }) => revision).sort((left, right) => left - right)
}
