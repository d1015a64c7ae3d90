import { expect } from 'vitest'
import { newCase } from './builders.js'
import { type ConformanceCase, checkTransaction } from './conformance-case.js'
import { follow } from './follower.js'
import { addCase, move } from './steps.js'
import { expectChains } from './transition-chains.js'

/** What a transaction leaves behind, and when others see it. */
export const transactionCases: readonly ConformanceCase[] = [
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
