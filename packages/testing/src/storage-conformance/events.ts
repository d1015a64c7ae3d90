import type { Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at, newCase, newEvent, PLAYED_STATUSES, seal } from './builders.js'
import { EVENT_RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { addCase, move } from './steps.js'

/** How an event is recorded, and what it makes of its case. */
export const eventCases: readonly ConformanceCase[] = [
  check('recordEvent moves the case of its inquiry and says how', async (storage) => {
    const before = await addCase(storage, 'a')
    const recorded = await storage.recordEvent(newEvent('evt', { name: 'inquiry.approved', occurredAt: at(7) }))
    const transition: Transition = {
      caseId: 'a',
      revision: 1,
      from: 'pending',
      to: 'verified',
      score: 1,
      personaStatus: 'approved',
      eventId: 'evt',
      eventName: 'inquiry.approved',
      occurredAt: at(7),
      recordedAt: at(60_000),
    }
    const kycCase = {
      ...before,
      status: 'verified',
      revision: 1,
      verificationScore: 1,
      personaStatus: 'approved',
      sealedSessionToken: null,
      verifiedAt: at(7),
      updatedAt: at(60_000),
    }
    expect(recorded).toEqual({ outcome: 'applied', kycCase, transition })
    expect(await storage.getCase('a')).toEqual(kycCase)
    expect(await follow(storage, { count: 1 })).toEqual([transition])
  }),

  check('recordEvent records one event once for 50 concurrent callers', async (storage) => {
    await addCase(storage, 'a')
    for (let round = 1; round <= EVENT_RACE_ROUNDS; round++) {
      const answers = await together(50, () => move(storage, 'a', round % 2 === 0 ? 'declined' : 'approved', round))
      expect(answers.filter(({ outcome }) => outcome !== 'duplicate')).toMatchObject([{ outcome: 'applied' }])
      expect(answers.filter(({ transition }) => transition !== null)).toHaveLength(1)
    }
    expect(await follow(storage, { count: EVENT_RACE_ROUNDS })).toHaveLength(EVENT_RACE_ROUNDS)
    expect((await storage.listCaseEvents('a', { after: null, limit: 100 })).items).toHaveLength(EVENT_RACE_ROUNDS)
  }),

  check('recordEvent knows an event by its id, whatever else it says', async (storage) => {
    const before = await addCase(storage, 'a')
    const unmatched = newEvent('evt', { inquiryId: 'inq-b' })
    expect((await storage.recordEvent(unmatched)).outcome).toBe('unmatched')
    expect(await storage.recordEvent(newEvent('evt'))).toMatchObject({ outcome: 'duplicate', transition: null })
    expect(await storage.getCase('a')).toEqual(before)
  }),

  check('recordEvent applies an event of the state that the case is in, without a transition', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'completed', 1)
    const again = await move(storage, 'a', 'approved', 5)
    expect(again).toMatchObject({ outcome: 'applied', transition: null, kycCase: { personaStatus: 'approved' } })
    expect((await move(storage, 'a', 'declined', 3)).outcome).toBe('stale')
    expect(await follow(storage, { count: 1 })).toHaveLength(1)
  }),

  check('recordEvent leaves a case alone where the event is stale', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'completed', 5)
    expect(await move(storage, 'a', 'declined', 4)).toEqual({ outcome: 'stale', kycCase, transition: null })
    expect(await storage.getCase('a')).toEqual(kycCase)
  }),

  check('recordEvent drops the session token of a case that leaves pending, and only then', async (storage) => {
    for (const status of PLAYED_STATUSES) {
      await addCase(storage, status)
      const { kycCase } = await move(storage, status, status, 1)
      const isPending = status === 'created' || status === 'pending'
      expect(kycCase?.sealedSessionToken, status).toBe(isPending ? seal(`token of ${status}`) : null)
    }
  }),

  check('recordEvent sets score and verifiedAt, and clears them', async (storage) => {
    await addCase(storage, 'a')
    const states = []
    for (const [index, status] of (
      ['completed', 'approved', 'needs_review', 'declined', 'created'] as const
    ).entries()) {
      const { kycCase } = await move(storage, 'a', status, index)
      states.push([kycCase?.verificationScore, kycCase?.verifiedAt])
    }
    expect(states).toEqual([
      [1, at(0)],
      [1, at(0)],
      [0.5, null],
      [0, null],
      [null, null],
    ])
    const { kycCase } = await move(storage, 'a', 'approved', 9)
    expect(kycCase?.verifiedAt).toEqual(at(9))
  }),

  check('recordEvent takes an event of an erased case for stale, and leaves the case as it is', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await storage.createCase(newCase('b', { userId: 'user' }))
    const erased = [await storage.eraseCase('a', at(1)), await storage.eraseCase('b', at(1))]
    const events = [newEvent('1', { personaStatus: 'needs_review', occurredAt: at(2) })]
    events.push(newEvent('2', { inquiryId: 'inq-b', referenceId: 'b' }))
    for (const [index, event] of events.entries()) {
      const expected = { outcome: 'stale', kycCase: erased[index], transition: null }
      expect(await storage.recordEvent(event)).toEqual(expected)
      expect(await storage.getCase(index === 0 ? 'a' : 'b')).toEqual(erased[index])
    }
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).created, 'neither is open').toBe(true)
  }),
]
