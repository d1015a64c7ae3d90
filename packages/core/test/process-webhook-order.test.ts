import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KycCaseView } from '../src/case-view.js'
import { createStatusPolicy, toStatusRank } from '../src/status.js'
import { createEventBody } from './event-bodies.js'
import { after, createTestEngine, toDelivery, USER } from './test-engine.js'

interface HistoryEvent {
  readonly id: string
  readonly second: number
  readonly status: string
}

const statuses = [
  'created',
  'pending',
  'completed',
  'failed',
  'expired',
  'needs_review',
  'approved',
  'declined',
  'new_one',
]

// Few seconds, so that ties are common; ids whose order by UTF-16 differs from that by bytes.
const event: fc.Arbitrary<HistoryEvent> = fc.record({
  id: fc.oneof(
    fc.integer({ min: 1, max: 30 }).map((n) => `evt_${n}`),
    fc.constantFrom('evt_\uffff', 'evt_😀', 'EVT_1'),
  ),
  second: fc.integer({ min: 0, max: 3 }),
  status: fc.constantFrom(...statuses),
})
const history = fc.uniqueArray(event, { minLength: 1, maxLength: 8, selector: ({ id }) => id })
const shuffled = history.chain((events) =>
  fc.record({
    events: fc.constant(events),
    order: fc.shuffledSubarray([...events.keys()], { minLength: events.length }),
    repeated: fc.array(fc.nat({ max: events.length - 1 }), { maxLength: 4 }),
  }),
)

/** The newest event, by time, then rank, then the id's bytes. */
function findNewest(events: readonly HistoryEvent[]): HistoryEvent {
  const [newest] = [...events].sort(
    (left, right) =>
      right.second - left.second ||
      toStatusRank(right.status) - toStatusRank(left.status) ||
      Buffer.compare(Buffer.from(right.id), Buffer.from(left.id)),
  )
  return newest ?? expect.unreachable()
}

const toOptions = ({ id, second, status }: HistoryEvent) => ({
  id,
  status,
  name: 'inquiry.transitioned',
  createdAt: after(second),
})

/** What must be the same whatever the order; the rest is times of arrival and ids made up here. */
const toOutcome = ({ status, verificationScore, personaStatus }: KycCaseView) => ({
  status,
  verificationScore,
  personaStatus,
})

describe.each(['completed', 'decision'] as const)('under the policy %s, a history', (statusPolicy) => {
  it('ends as its newest event says, in whichever order and however often it comes', async () => {
    const property = fc.asyncProperty(shuffled, async ({ events, order, repeated }) => {
      const { engine, deliver } = createTestEngine({ statusPolicy })
      const { kycCase } = await engine.initiateKyc(USER)
      for (const index of [...order, ...repeated]) await deliver(toOptions(events[index] ?? expect.unreachable()))
      const newest = findNewest(events)
      const { status, score } = createStatusPolicy(statusPolicy)(newest.status)
      expect(toOutcome(await engine.getCase(kycCase.id))).toEqual({
        status,
        verificationScore: score,
        personaStatus: newest.status,
      })
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('makes a feed of steps that join, each event in it at most once', async () => {
    const property = fc.asyncProperty(shuffled, async ({ events, order, repeated }) => {
      const { engine, deliver } = createTestEngine({ statusPolicy })
      const { kycCase } = await engine.initiateKyc(USER)
      for (const index of [...order, ...repeated]) await deliver(toOptions(events[index] ?? expect.unreachable()))
      const { items } = await engine.readFeed({})
      expect(items.map(({ revision }) => revision)).toEqual(items.map((_, index) => index + 1))
      const states = ['pending', ...items.map(({ to }) => to)]
      expect(items.map(({ from }) => from)).toEqual(states.slice(0, -1))
      expect(states.at(-1)).toBe((await engine.getCase(kycCase.id)).status)
      expect(new Set(items.map(({ eventId }) => eventId)).size).toBe(items.length)
      const trail = await engine.listCaseEvents(kycCase.id, { limit: 500 })
      expect(new Set(trail.items.map(({ id }) => id))).toEqual(new Set(events.map(({ id }) => id)))
    })
    await fc.assert(property, { numRuns: 100 })
  })
})

describe('50 deliveries at once', () => {
  it('of one event change the case once', async () => {
    const { engine, clock } = createTestEngine()
    await engine.initiateKyc(USER)
    const delivery = await toDelivery(
      createEventBody({ id: 'evt_1', status: 'approved', createdAt: after(1) }),
      clock.ms,
    )
    const results = await Promise.all(Array.from({ length: 50 }, () => engine.processWebhook(delivery)))
    expect(results.filter(({ outcome }) => outcome === 'applied')).toHaveLength(1)
    expect(results.filter(({ outcome }) => outcome === 'duplicate')).toHaveLength(49)
    expect((await engine.readFeed({})).items).toHaveLength(1)
  })

  it('of 50 events end as the newest one says', async () => {
    const { engine, deliver } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    const events = Array.from({ length: 50 }, (_, index) => ({
      id: `evt_${index}`,
      name: 'inquiry.transitioned',
      status: index === 49 ? 'approved' : 'declined',
      createdAt: after((index * 7) % 50 === 43 ? 1000 : index),
    }))
    const newest = [...events].sort((left, right) => right.createdAt.localeCompare(left.createdAt))[0]
    await Promise.all(events.map((event) => deliver(event)))
    expect((await engine.getCase(kycCase.id)).personaStatus).toBe(newest?.status)
  })
})
