import { expect } from 'vitest'
import { at, newEvent, PLAYED_STATUSES } from './builders.js'
import { together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { requireFound } from './found-value.js'
import { addCase, attach, move } from './steps.js'
import { expectChains, toTransitions } from './transition-chains.js'

/** Which events append a transition. */
export const transitionCases: readonly ConformanceCase[] = [
  check('transitions are those events that changed the state, numbered without a gap', async (storage) => {
    await addCase(storage, 'a')
    const recorded = await together(50, (index) =>
      move(storage, 'a', requireFound(PLAYED_STATUSES[(index * 3) % PLAYED_STATUSES.length]), index),
    )
    const expected = toTransitions(recorded)
    const feed = await follow(storage, { count: expected.length })
    expect(feed).toHaveLength(expected.length)
    expect(feed).toEqual(expect.arrayContaining(expected))
    expectChains(feed)
    expect(feed.at(-1)?.to ?? 'pending').toBe((await storage.getCase('a'))?.status)
    expect(recorded.filter(({ outcome }) => outcome !== 'applied' && outcome !== 'stale')).toEqual([])
  }),

  check('transitions of a case go on when its inquiry is replaced', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'needs_review', 5)
    await move(storage, 'a', 'pending', 6)
    await attach(storage, 'a', { inquiryId: 'inq-2', replaces: 'inq-a' })
    const next = await storage.recordEvent(newEvent('evt', { inquiryId: 'inq-2' }))
    expect(next.transition).toMatchObject({ revision: 3, from: 'pending', to: 'verified' })
    expect(next.kycCase?.revision).toBe(3)
  }),

  check('a case tells the revision of its newest transition, 0 before the first', async (storage) => {
    expect(await addCase(storage, 'a')).toMatchObject({ revision: 0 })
    expect((await move(storage, 'a', 'pending', 1)).kycCase).toMatchObject({ revision: 0 })
    const statuses = ['approved', 'completed', 'needs_review', 'declined'] as const
    let revision = 0
    for (const [index, status] of statuses.entries()) {
      const { kycCase, transition } = await move(storage, 'a', status, index + 2)
      revision = transition?.revision ?? revision
      expect(kycCase?.revision, status).toBe(revision)
      expect((await storage.getCase('a'))?.revision).toBe(revision)
    }
    expect(revision).toBe(3)
    expect((await move(storage, 'a', 'approved', 1)).kycCase, 'an old event').toMatchObject({ revision })
    expect(await storage.eraseCase('a', at(95_000))).toMatchObject({ revision })
    const { items } = await storage.listCases({ status: null, claim: null, after: null, limit: 1 })
    expect(items).toMatchObject([{ revision }])
  }),
]
