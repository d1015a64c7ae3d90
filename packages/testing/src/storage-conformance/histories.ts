import type { KycStorage, NewEvent, RecordedEvent } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom, pick } from '../seeded-random.js'
import { at, newCase, newEvent, PLAYED_STATUSES, seal, toEffect } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { requireFound } from './found-value.js'
import { createModel, type Model, type Modelled } from './naive-model.js'
import { listAll } from './pages.js'
import { expectChains } from './transition-chains.js'

const HISTORIES = 20
const OPERATIONS = 200

/** Random calls, one after another, answered as the contract has it. */
export const historyCases: readonly ConformanceCase[] = Array.from({ length: HISTORIES }, (_, index) =>
  check(`random history ${index + 1}, of ${OPERATIONS} operations, goes as a naive model has it`, (storage) =>
    expectHistory(storage, index + 1),
  ),
)

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
  const cases = await listAll(storage, { limit: 7 })
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
    [6, (subject) => subject.clearClaim(caseId, claim)],
    [2, (subject) => subject.eraseCase(caseId, now)],
    [6, (subject) => subject.leaseInitiation(caseId, initiation)],
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
  const occurredAt = at(step * 10 + Math.floor(random() * 400))
  const effect = random() < 0.08 ? null : toEffect(pick(PLAYED_STATUSES, random), occurredAt)
  // One time for each id, over several months; of some, none.
  const createdAt = number % 6 === 0 ? null : at(number * 3 * 24 * 60 * 60_000)
  const times = { createdAt, receivedAt: at(step * 100) }
  return newEvent(id, { name: `inquiry.${step}`, inquiryId, referenceId, effect, ...times })
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

/** Leaves out what the contract leaves open: `updatedAt`. */
function toComparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toComparable)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const members = Object.entries(value).filter(([key]) => key !== 'updatedAt')
  return Object.fromEntries(members.map(([key, member]) => [key, toComparable(member)]))
}
