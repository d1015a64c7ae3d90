import type { RecordedEvent, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { together, yieldTurn } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { requireFound } from './found-value.js'
import { addCase, move } from './steps.js'
import { expectChains, toTransitions } from './transition-chains.js'

/** What a follower of the feed sees. */
export const feedCases: readonly ConformanceCase[] = [
  check('readFeed of nothing is an empty page whose `next` stays usable', async (storage) => {
    const empty = await storage.readFeed({ after: null, limit: 500 })
    expect(empty).toEqual({ items: [], next: expect.any(String), cursors: [] })
    await addCase(storage, 'a')
    const { transition } = await move(storage, 'a', 'approved', 1)
    expect(await follow(storage, { count: 1, after: empty.next })).toEqual([transition])
  }),

  check('readFeed goes on from the `next` of its end with what came later, and only that', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'approved', 1)
    await follow(storage, { count: 1 })
    const end = (await storage.readFeed({ after: null, limit: 1 })).next
    const past = await storage.readFeed({ after: end, limit: 1 })
    expect(past.items).toEqual([])
    const { transition } = await move(storage, 'a', 'declined', 2)
    expect(await follow(storage, { count: 1, after: requireFound(past.next) })).toEqual([transition])
    expect(await follow(storage, { count: 1, after: end })).toEqual([transition])
  }),

  check('readFeed breaks a page anywhere, also between transitions of one case', async (storage) => {
    for (const id of ['a', 'b']) await addCase(storage, id)
    const recorded: RecordedEvent[] = []
    for (const [index, status] of (['completed', 'failed', 'needs_review', 'approved', 'created'] as const).entries()) {
      recorded.push(await move(storage, 'a', status, index))
      if (index === 2) recorded.push(await move(storage, 'b', 'approved', index))
    }
    const expected = toTransitions(recorded)
    for (const limit of [1, 2, 3, 6, 500]) {
      const feed = await follow(storage, { count: expected.length, limit })
      expect(feed, `pages of ${limit}`).toHaveLength(expected.length)
      expect(feed).toEqual(expect.arrayContaining(expected))
      expectChains(feed)
    }
  }),

  check('readFeed gives a cursor for the place after each item', async (storage) => {
    for (const id of ['a', 'b']) await addCase(storage, id)
    for (const [index, status] of (['approved', 'declined', 'approved'] as const).entries()) {
      for (const id of ['a', 'b']) await move(storage, id, status, index)
    }
    const feed = await follow(storage, { count: 6 })
    const page = await storage.readFeed({ after: null, limit: 500 })
    expect(page.cursors).toHaveLength(6)
    expect(page.next).toBe(page.cursors.at(-1))
    for (const [index, after] of page.cursors.entries()) {
      expect((await storage.readFeed({ after, limit: 500 })).items).toEqual(feed.slice(index + 1))
    }
  }),

  check('readFeed refuses the cursor of another storage', async (storage, harness) => {
    const other = await harness.create()
    for (const each of [storage, other]) {
      await addCase(each, 'a')
      await move(each, 'a', 'approved', 1)
    }
    const empty = (await other.readFeed({ after: null, limit: 1 })).next
    await follow(other, { count: 1 })
    const end = (await other.readFeed({ after: null, limit: 1 })).next
    for (const after of [empty, end]) {
      await expect(storage.readFeed({ after, limit: 1 })).rejects.toMatchObject({
        code: 'argument_invalid',
        message: expect.stringMatching(/another (database|storage)/),
      })
    }
  }),

  check('readFeed lets a follower miss and repeat nothing while 16 writers write', async (storage) => {
    const caseIds = ['shared', ...Array.from({ length: 8 }, (_, index) => `case-${index}`)]
    for (const id of caseIds) await addCase(storage, id)
    let clock = 0
    const write = async (writer: number) => {
      const recorded: RecordedEvent[] = []
      const id = writer < 8 ? `case-${writer}` : 'shared'
      for (let turn = 0; turn < 12; turn++) {
        recorded.push(await move(storage, id, turn % 2 === 0 ? 'approved' : 'declined', clock++))
        await yieldTurn()
      }
      return toTransitions(recorded)
    }
    let isWriting = true
    const writing = together(16, write).finally(() => {
      isWriting = false
    })
    const seen: Transition[] = []
    let after: string | null = null
    while (isWriting) {
      const page = await storage.readFeed({ after, limit: 3 })
      seen.push(...page.items)
      after = requireFound(page.next)
      await yieldTurn()
    }
    const expected = (await writing).flat()
    seen.push(...(await follow(storage, { count: expected.length - seen.length, limit: 3, after })))
    const toKey = ({ caseId, revision }: Transition) => `${caseId} ${revision}`
    expect(seen.map(toKey).sort()).toEqual(expected.map(toKey).sort())
    expect(seen).toEqual(expect.arrayContaining(expected))
    expectChains(seen)
  }),
]
