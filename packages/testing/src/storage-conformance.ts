import type { KycStorage, NewEvent, RecordedEvent } from '@persona-kyc/core'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from './seeded-random.js'
import { inquiryCases, recordCases } from './storage-conformance-cases.js'
import { eventCases, feedCases } from './storage-conformance-events.js'
import {
  addCase,
  at,
  type ConformanceCase,
  check,
  checkTransaction,
  createModel,
  expectChains,
  follow,
  type Model,
  type Modelled,
  move,
  newCase,
  newEvent,
  PLAYED_STATUSES,
  pick,
  requireFound,
  type StorageHarness,
  seal,
  toEffect,
  walk,
} from './storage-conformance-model.js'

export type { ConformanceCase, StorageHarness, StorageTransaction } from './storage-conformance-model.js'

const TIMEOUT_MS = 60_000
const HISTORIES = 20
const OPERATIONS = 200

/**
 * Registers vitest tests which check a KycStorage against the contract: what it stores, whom it lets win, and that
 * concurrent callers, shuffled events and followers of the feed end where they must.
 */
export function describeStorage(name: string, harness: StorageHarness): void {
  describe(name, () => {
    for (const { name: sentence, needsTransaction, run } of storageConformance) {
      if (needsTransaction && harness.beginTransaction === undefined) {
        it.skip(`${sentence} (skipped: the harness has no beginTransaction)`, () => run(harness))
      } else {
        it(sentence, { timeout: TIMEOUT_MS }, () => run(harness))
      }
    }
  })
}

const wholeCases: readonly ConformanceCase[] = [
  check('two storages share nothing', async (storage, harness) => {
    const other = await harness.create()
    await addCase(storage, 'a', { idempotencyKey: 'key' })
    await move(storage, 'a', 'approved', 1)
    expect(await other.getCase('a')).toBeNull()
    expect((await other.readFeed({ after: null, limit: 10 })).items).toEqual([])
    await addCase(other, 'a', { idempotencyKey: 'key' })
    expect((await move(other, 'a', 'approved', 1)).outcome).toBe('applied')
    expect(await follow(storage, { count: 1 })).toHaveLength(1)
    expect((await storage.listCases({ status: null, claim: null, after: null, limit: 10 })).items).toHaveLength(1)
  }),

  checkTransaction('a transaction rolled back leaves no case, event or transition', async (storage, begin) => {
    const before = await addCase(storage, 'a')
    const { storage: bound, rollback } = await begin()
    await bound.createCase(newCase('b'))
    expect((await move(bound, 'a', 'approved', 1)).outcome).toBe('applied')
    expect((await bound.getCase('a'))?.status, 'a transaction sees its own work').toBe('verified')
    await rollback()
    expect([await storage.getCase('a'), await storage.getCase('b')]).toEqual([before, null])
    expect(await storage.listCaseEvents('a', { after: null, limit: 10 })).toEqual({ items: [], next: null })
    expect((await storage.readFeed({ after: null, limit: 10 })).items).toEqual([])
    const again = await move(storage, 'a', 'approved', 1)
    expect(again).toMatchObject({ outcome: 'applied', transition: { revision: 1 } })
    expect(await follow(storage, { count: 1 })).toEqual([again.transition])
  }),

  checkTransaction('a transaction committed keeps its case, event and transition', async (storage, begin) => {
    await addCase(storage, 'a')
    const { storage: bound, commit } = await begin()
    await bound.createCase(newCase('b'))
    const { kycCase, transition } = await move(bound, 'a', 'approved', 1)
    await commit()
    expect(await storage.getCase('a')).toEqual(kycCase)
    expect(await storage.getCase('b')).not.toBeNull()
    expect((await move(storage, 'a', 'approved', 1)).outcome).toBe('duplicate')
    expect((await storage.listCaseEvents('a', { after: null, limit: 10 })).items).toMatchObject([{ transition }])
    expect(await follow(storage, { count: 1 })).toEqual([transition])
  }),

  checkTransaction(
    'the feed keeps the order of a case that an older transaction moves later',
    async (storage, begin) => {
      for (const id of ['a', 'b']) await addCase(storage, id)
      const { storage: bound, commit } = await begin()
      await bound.createCase(newCase('c'))
      await move(storage, 'a', 'approved', 1)
      await move(storage, 'b', 'approved', 1)
      await move(bound, 'a', 'declined', 2)
      await commit()
      const feed = await follow(storage, { count: 3, limit: 1 })
      expect(feed).toHaveLength(3)
      expectChains(feed)
    },
  ),

  checkTransaction('a follower misses no transition that is committed late', async (storage, begin) => {
    for (const id of ['a', 'b', 'c']) await addCase(storage, id)
    const first = await move(storage, 'a', 'approved', 1)
    const { storage: bound, commit } = await begin()
    const late = await move(bound, 'b', 'approved', 1)
    // Neither is awaited yet: a storage may keep other writers, or readers, waiting for the open transaction.
    const overtaking = move(storage, 'c', 'approved', 1)
    const following = follow(storage, { count: 3, limit: 1 })
    for (let turn = 0; turn < 50; turn++) await storage.ping()
    await commit()
    const expected = [first, late, await overtaking].map(({ transition }) => transition)
    const feed = await following
    expect(feed).toHaveLength(3)
    expect(feed).toEqual(expect.arrayContaining(expected))
  }),
]

const historyCases = Array.from({ length: HISTORIES }, (_, index) =>
  check(`random history ${index + 1}, of ${OPERATIONS} operations, goes as a naive model has it`, (storage) =>
    expectHistory(storage, index + 1),
  ),
)

/** The whole suite, for who would rather run its cases one by one. */
export const storageConformance: readonly ConformanceCase[] = [
  ...recordCases,
  ...inquiryCases,
  ...eventCases,
  ...feedCases,
  ...wholeCases,
  ...historyCases,
]

type Operation = (subject: Modelled) => unknown

/** Plays a random history to a storage and to the model, and compares each answer and what is there in the end. */
async function expectHistory(storage: KycStorage, seed: number): Promise<void> {
  const random = createSeededRandom(seed)
  const model = createModel()
  for (let step = 1; step <= OPERATIONS; step++) {
    const operation = drawOperation(model, random, step)
    const expected = toComparable(await operation(model))
    expect(toComparable(await operation(storage)), `operation ${step}`).toEqual(expected)
  }
  const cases = await walk((after) => storage.listCases({ status: null, claim: null, after, limit: 7 }))
  expect(toComparable(cases)).toEqual(toComparable([...model.cases.values()]))
  const feed = await follow(storage, { count: model.transitions.length, limit: 7 })
  expect(feed).toHaveLength(model.transitions.length)
  expect(feed).toEqual(expect.arrayContaining([...model.transitions]))
  expectChains(feed)
}

/** Draws a call that may make sense in the model's present state, and often does not. */
function drawOperation({ cases }: Model, random: () => number, step: number): Operation {
  const kycCase = random() < 0.03 ? undefined : pick([undefined, ...cases.values()].slice(-8), random)
  const caseId = kycCase?.id ?? 'unknown'
  const current = kycCase?.personaInquiryId ?? null
  const now = at(step * 100)
  const inquiryId = current === null || random() < 0.4 ? `inq-${Math.floor(random() * 30)}` : current
  const replaces = random() < 0.8 ? current : pick([null, 'inq-none'], random)
  const sealedSessionToken = seal(`token of step ${step}`)
  const event = drawEvent(random, { step, inquiryId, referenceId: pick([null, caseId], random) })
  const created = newCase(`case-${step}`, {
    userId: pick(['user-1', 'user-2', 'User-2'], random),
    idempotencyKey: pick([null, null, 'key-1', 'key-2'], random),
    createdAt: now,
    initiatingUntil: at(step * 100 + 2050),
  })
  const options = { inquiryId, personaStatus: 'created', sealedSessionToken, now }
  const claim = { kycClaimId: pick(['0x1', '0x2'], random), kycClaimTxHash: pick(['0x3', '0x4'], random), now }
  const initiation = { currentInquiryId: random() < 0.8 ? current : 'inq-none', now, until: at(step * 100 + 2050) }
  const fromAttempt = pick([1, 2, kycCase?.inquiryAttempt ?? 1], random)
  const operations: readonly (readonly [weight: number, Operation])[] = [
    [cases.size === 0 ? Number.POSITIVE_INFINITY : 15, (subject) => subject.createCase(created)],
    [50, async (subject) => withoutDuplicate(await subject.recordEvent(event))],
    [12, (subject) => subject.attachInquiry(caseId, { ...options, replaces })],
    [6, (subject) => subject.storeSessionToken(caseId, options)],
    [6, (subject) => subject.setClaim(caseId, claim)],
    [2, (subject) => subject.eraseCase(caseId, now)],
    [6, (subject) => subject.claimInitiation(caseId, initiation)],
    [3, (subject) => subject.advanceAttempt(caseId, fromAttempt)],
  ]
  return pickWeighted(operations, random)
}

function drawEvent(
  random: () => number,
  { step, inquiryId, referenceId }: { step: number; inquiryId: string; referenceId: string | null },
): NewEvent {
  const number = random() < 0.8 ? step : Math.ceil(random() * step)
  const id = `${['a', 'B', 'é', '～', '😀'][number % 5]}${number}`
  const occurredAt = random() < 0.1 ? null : at(step * 10 + Math.floor(random() * 400))
  const effect = random() < 0.08 ? null : toEffect(pick(PLAYED_STATUSES, random), occurredAt)
  return newEvent(id, { name: `inquiry.${step}`, inquiryId, referenceId, effect, receivedAt: at(step * 100) })
}

function pickWeighted(operations: readonly (readonly [weight: number, Operation])[], random: () => number): Operation {
  let left = random() * operations.reduce((sum, [weight]) => sum + Math.min(weight, 1e9), 0)
  const drawn = operations.find(([weight]) => {
    left -= weight
    return left < 0
  })
  return requireFound(drawn)[1]
}

/** The contract does not say which case a duplicate comes with. */
function withoutDuplicate(recorded: RecordedEvent): RecordedEvent {
  return recorded.outcome === 'duplicate' ? { ...recorded, kycCase: null } : recorded
}

/** Leaves out what the contract leaves open: `updatedAt`, and whether an erasure ends the initiation. */
function toComparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toComparable)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const isErased = 'erasedAt' in value && value.erasedAt !== null
  const members = Object.entries(value).filter(
    ([key]) => key !== 'updatedAt' && !(isErased && key === 'initiatingUntil'),
  )
  return Object.fromEntries(members.map(([key, member]) => [key, toComparable(member)]))
}
