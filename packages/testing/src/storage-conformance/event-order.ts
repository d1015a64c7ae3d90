import type { KycStorage, NewEvent } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom, pick, toShuffled } from '../seeded-random.js'
import { at, newEvent, PLAYED_STATUSES, toEffect } from './builders.js'
import { EVENT_RACE_ROUNDS } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'
import { addCase, move } from './steps.js'

/** Event ids in the order of their UTF-8 bytes, which is not that of UTF-16, nor that of any language. */
export const ORDERED_IDS = [
  '#',
  '-',
  '10',
  '9',
  'B',
  'Ba',
  'Z',
  '_',
  'a',
  'a-b',
  'aa',
  'ab',
  'z',
  'é',
  'ﬁ',
  '～',
  '😀',
  '😁',
]

/** Which of two events is the newer one. */
export const eventOrderCases: readonly ConformanceCase[] = [
  check('recordEvent brings 50 snapshots, shuffled and at once, to the newest, 20 times', async (storage) => {
    for (let round = 0; round < EVENT_RACE_ROUNDS; round++) {
      const random = createSeededRandom(round)
      const id = `case-${round}`
      await addCase(storage, id)
      const snapshots = Array.from({ length: 50 }, (_, index) => ({ status: pick(PLAYED_STATUSES, random), ms: index }))
      await Promise.all(toShuffled(snapshots, random).map(({ status, ms }) => move(storage, id, status, ms)))
      const { status: personaStatus } = requireFound(snapshots.at(-1))
      const { status, score } = toEffect(personaStatus, at(0))
      const kycCase = requireFound(await storage.getCase(id))
      expect(kycCase, `round ${round}`).toMatchObject({ personaStatus, status, verificationScore: score })
      expect(kycCase.verifiedAt === null).toBe(status !== 'verified')
    }
  }),

  check('recordEvent lets the higher rank win between events of one time', async (storage) => {
    await expectNewestLast(storage, [
      ...(['created', 'pending', 'completed', 'needs_review', 'approved'] as const).map((personaStatus, index) =>
        newEvent(String(9 - index), { personaStatus }),
      ),
      newEvent('0', { personaStatus: 'created', occurredAt: at(2) }),
    ])
  }),

  check('recordEvent compares the ids of events of one time and rank by their UTF-8 bytes', async (storage) => {
    await expectNewestLast(
      storage,
      ORDERED_IDS.map((id) => newEvent(id)),
    )
  }),

  check('recordEvent tells apart events a millisecond apart', async (storage) => {
    await expectNewestLast(
      storage,
      [910, 911, 1910, 1911].map((ms, index) => newEvent(String(9 - index), { occurredAt: at(ms) })),
    )
  }),

  check('recordEvent takes times before 1970 as they are', async (storage) => {
    await expectNewestLast(storage, [
      newEvent('8', { personaStatus: 'completed', occurredAt: new Date('1969-12-31T23:59:59.999Z') }),
      newEvent('7', { personaStatus: 'created', occurredAt: new Date(0) }),
    ])
  }),
]

/**
 * Asserts that the events, given from the oldest to the newest, end at the newest in several orders of arrival: each
 * pair both ways round, all of them backwards, and all of them shuffled at once.
 */
async function expectNewestLast(storage: KycStorage, events: readonly NewEvent[]): Promise<void> {
  const orders: { readonly arrivals: readonly NewEvent[]; readonly newest: NewEvent }[] = []
  for (const [index, newer] of events.entries()) {
    for (const older of events.slice(0, index)) {
      orders.push({ arrivals: [older, newer], newest: newer }, { arrivals: [newer, older], newest: newer })
    }
  }
  const newest = requireFound(events.at(-1))
  orders.push({ arrivals: [...events].reverse(), newest })
  await Promise.all(
    orders.map((order, index) => expectEnd(storage, { ...order, caseId: `case-${index}`, isAtOnce: false })),
  )
  for (let round = 0; round < 5; round++) {
    const arrivals = toShuffled(events, createSeededRandom(round))
    await expectEnd(storage, { arrivals, newest, caseId: `race-${round}`, isAtOnce: true })
  }
}

/** The effects' statuses are marked with their ids: the state tells which event was the last to move the case. */
async function expectEnd(
  storage: KycStorage,
  {
    arrivals,
    newest,
    caseId,
    isAtOnce,
  }: {
    readonly arrivals: readonly NewEvent[]
    readonly newest: NewEvent
    readonly caseId: string
    readonly isAtOnce: boolean
  },
): Promise<void> {
  await addCase(storage, caseId)
  const record = (event: NewEvent) => {
    const effect = { ...requireFound(event.effect), personaStatus: `status of ${event.id}` }
    // A storage records an id once. A suffix after a space, which sorts before what the ids are made of, keeps their order.
    return storage.recordEvent({ ...event, id: `${event.id} ${caseId}`, inquiryId: `inq-${caseId}`, effect })
  }
  if (isAtOnce) await Promise.all(arrivals.map(record))
  else for (const event of arrivals) await record(event)
  const ids = arrivals.map(({ id }) => id).join(', ')
  const end = await storage.getCase(caseId)
  expect(end?.personaStatus, `the last of ${ids}`).toBe(`status of ${newest.id}`)
}
