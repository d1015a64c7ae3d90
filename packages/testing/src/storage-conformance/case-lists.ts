import type { CaseQuery } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom, toShuffled } from '../seeded-random.js'
import { at, CLAIM, newCase } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'
import { listAll, walk } from './pages.js'
import { addCase, move } from './steps.js'

/** How cases are paged through and filtered. */
export const caseListCases: readonly ConformanceCase[] = [
  check('listCases of nothing is an empty page without a next', async (storage) => {
    const query = { status: null, claim: null, after: null, limit: 500 }
    expect(await storage.listCases(query)).toEqual({ items: [], next: null })
  }),

  check('listCases goes by the time of creation, to the millisecond', async (storage) => {
    const order = Array.from({ length: 30 }, (_, index) => index)
    for (const index of toShuffled(order, createSeededRandom(1))) {
      await storage.createCase(newCase(`case-${(index * 7) % 30}`, { createdAt: at(index) }))
    }
    for (const limit of [1, 4, 30, 500]) {
      const listed = await listAll(storage, { limit })
      expect(listed.map(({ createdAt }) => createdAt)).toEqual(order.map(at))
    }
  }),

  check('listCases walks cases of one time once each, at any length of page', async (storage) => {
    const ids = ['Z', 'a', 'é', '～', '😀', '_', '-', '10', '9', ...Array.from({ length: 16 }, (_, i) => `case-${i}`)]
    for (const id of ids) await storage.createCase(newCase(id))
    for (const limit of [1, 2, 7, ids.length - 1, ids.length, ids.length + 1]) {
      const listed = await listAll(storage, { limit })
      expect(listed.map(({ id }) => id).sort(), `pages of ${limit}`).toEqual([...ids].sort())
    }
  }),

  check('listCases says that nothing follows exactly when nothing does', async (storage) => {
    for (const id of ['a', 'b', 'c', 'd']) await storage.createCase(newCase(id))
    const query = { status: null, claim: null, after: null }
    const [most, rest] = [
      await storage.listCases({ ...query, limit: 3 }),
      await storage.listCases({ ...query, limit: 4 }),
    ]
    expect([most.items.length, rest.items.length, rest.next]).toEqual([3, 4, null])
    const last = await storage.listCases({ ...query, after: requireFound(most.next), limit: 1 })
    expect([last.items.length, last.next]).toEqual([1, null])
  }),

  check('listCases filters by state and by claim, also across pages', async (storage) => {
    const statuses = ['pending', 'approved', 'declined', 'needs_review', 'approved', 'approved'] as const
    for (const [index, status] of [...statuses, ...statuses].entries()) {
      await addCase(storage, `case-${index}`)
      await move(storage, `case-${index}`, status, 1)
    }
    for (const id of ['case-1', 'case-10']) await storage.setClaim(id, CLAIM)
    const count = async (query: Partial<CaseQuery>) => (await listAll(storage, { limit: 2, ...query })).length
    expect(await count({ status: 'pending' })).toBe(2)
    expect(await count({ status: 'verified' })).toBe(6)
    expect(await count({ status: 'rejected' })).toBe(2)
    expect(await count({ status: 'review' })).toBe(2)
    expect(await count({ claim: 'present' })).toBe(2)
    expect(await count({ claim: 'missing' })).toBe(10)
    expect(await count({ status: 'rejected', claim: 'present' })).toBe(0)
    const unclaimed = await listAll(storage, { status: 'verified', claim: 'missing', limit: 1 })
    expect(unclaimed.map(({ id }) => id).sort()).toEqual(['case-11', 'case-4', 'case-5', 'case-7'])
  }),

  check('listCases leaves an erased case out of those that miss a claim, and only there', async (storage) => {
    for (const id of ['a', 'b', 'c']) {
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
    }
    await storage.setClaim('c', CLAIM)
    for (const id of ['b', 'c']) await storage.eraseCase(id, at(95_000))
    const idsOf = async (query: Partial<CaseQuery>) => (await listAll(storage, query)).map(({ id }) => id).sort()
    expect(await idsOf({ claim: 'missing' })).toEqual(['a'])
    expect(await idsOf({ claim: 'missing', status: 'verified', limit: 1 })).toEqual(['a'])
    expect(await idsOf({ claim: 'present' })).toEqual(['c'])
    expect(await idsOf({ status: 'verified' })).toEqual(['a', 'b', 'c'])
  }),

  check('listCases lists as stale what has a claim and is no longer verified, erased or not', async (storage) => {
    const statuses = ['approved', 'declined', 'needs_review', 'pending'] as const
    for (const [index, status] of [...statuses, ...statuses].entries()) {
      const id = `case-${index}`
      await addCase(storage, id, { createdAt: at(index) })
      await move(storage, id, 'approved', 1)
      if (index < 6) await storage.setClaim(id, CLAIM)
      await move(storage, id, status, 2)
    }
    await storage.eraseCase('case-2', at(95_000))
    const idsOf = async (query: Partial<CaseQuery>) => (await listAll(storage, query)).map(({ id }) => id)
    for (const limit of [1, 2, 4, 500]) {
      expect(await idsOf({ claim: 'stale', limit })).toEqual(['case-1', 'case-2', 'case-3', 'case-5'])
    }
    expect(await idsOf({ claim: 'stale', status: 'rejected' })).toEqual(['case-1', 'case-5'])
    expect(await idsOf({ claim: 'stale', status: 'verified' })).toEqual([])
    await storage.clearClaim('case-1', CLAIM)
    await move(storage, 'case-3', 'approved', 3)
    expect(await idsOf({ claim: 'stale' })).toEqual(['case-2', 'case-5'])
  }),

  check('listUnsettledCases pages through what Persona may yet decide, within its window', async (storage) => {
    const statuses = ['created', 'approved', 'declined', 'needs_review', 'pending', 'needs_review', 'created'] as const
    for (const [index, status] of [...statuses.entries()].reverse()) {
      const id = `case-${index}`
      await addCase(storage, id, { createdAt: at(index * 1000) })
      await move(storage, id, status, index)
    }
    await storage.eraseCase('case-6', at(60_010))
    await storage.createCase(newCase('case-7', { createdAt: at(7000) }))
    const list = async (limit: number, createdSince: Date, quietSince: Date) => {
      const found = await walk((after) => storage.listUnsettledCases({ createdSince, quietSince, after, limit }))
      return found.map(({ id }) => id)
    }
    const all = ['case-0', 'case-3', 'case-4', 'case-5', 'case-7']
    for (const limit of [1, 2, 5, 6]) expect(await list(limit, at(0), at(90_000))).toEqual(all)
    expect(await list(2, at(3000), at(90_000))).toEqual(all.slice(1))
    expect(await list(2, at(3001), at(90_000))).toEqual(all.slice(2))
    expect(await list(2, at(0), at(60_004))).toEqual(['case-0', 'case-3', 'case-4', 'case-7'])
    expect(await list(2, at(0), at(60_003))).toEqual(['case-0', 'case-3', 'case-7'])
    expect(await list(2, at(8000), at(90_000))).toEqual([])
  }),
]
