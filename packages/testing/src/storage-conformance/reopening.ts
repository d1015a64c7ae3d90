import { expect } from 'vitest'
import { newCase } from './builders.js'
import { EVENT_RACE_ROUNDS } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { addCase, move } from './steps.js'

/** Which case of a user is open when a decided one goes back to review. */
export const reopeningCases: readonly ConformanceCase[] = [
  check('a decided case that goes back to review is open again', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await move(storage, 'a', 'needs_review', 2)
    const answer = await storage.createCase(newCase('b', { userId: 'user' }))
    expect(answer).toMatchObject({ created: false, kycCase: { id: 'a' } })
  }),

  check('a case that goes back to review stays closed where its user has another open one', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await addCase(storage, 'b', { userId: 'user' })
    expect(await move(storage, 'a', 'needs_review', 2)).toMatchObject({ outcome: 'applied', kycCase: { id: 'a' } })
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).kycCase.id).toBe('b')
    await move(storage, 'b', 'approved', 1)
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).created).toBe(true)
  }),

  check('a case that reopens while its user starts another leaves one open, and rejects neither', async (storage) => {
    for (let round = 0; round < EVENT_RACE_ROUNDS; round++) {
      const [userId, old, fresh] = [`user-${round}`, `old-${round}`, `new-${round}`]
      await addCase(storage, old, { userId })
      await move(storage, old, 'declined', 1)
      const reopen = () => move(storage, old, 'needs_review', 2)
      const start = () => storage.createCase(newCase(fresh, { userId }))
      const [recorded, started] = await (round % 2 === 0
        ? Promise.all([reopen(), start()])
        : Promise.all([start(), reopen()]).then(([second, first]) => [first, second] as const))
      expect(recorded).toMatchObject({ outcome: 'applied', kycCase: { status: 'review' } })
      expect(started.kycCase.id).toBe(started.created ? fresh : old)
      const probe = await storage.createCase(newCase(`probe-${round}`, { userId }))
      expect({ created: probe.created, id: probe.kycCase.id }).toEqual({ created: false, id: started.kycCase.id })
    }
  }),

  check('of 10 cases of a user that reopen at once, one is open', async (storage) => {
    for (let round = 0; round < EVENT_RACE_ROUNDS; round++) {
      const [userId, ids] = [`user-${round}`, Array.from({ length: 10 }, (_, index) => `case-${round}-${index}`)]
      for (const id of ids) {
        await addCase(storage, id, { userId })
        await move(storage, id, 'declined', 1)
      }
      const recorded = await Promise.all(ids.map((id) => move(storage, id, 'needs_review', 2)))
      expect(recorded.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'applied'))
      const open = await storage.createCase(newCase(`probe-${round}`, { userId }))
      expect(open.created).toBe(false)
      await move(storage, open.kycCase.id, 'approved', 3)
      expect((await storage.createCase(newCase(`probe-${round}`, { userId }))).created).toBe(true)
    }
  }),
]
