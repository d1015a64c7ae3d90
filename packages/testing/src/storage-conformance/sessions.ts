import { expect } from 'vitest'
import { at, SESSION, seal } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { listAll } from './pages.js'
import { addCase, attach, move } from './steps.js'

/** Which cases keep a session token. */
export const sessionCases: readonly ConformanceCase[] = [
  check('storeSessionToken stores a token for the inquiry of a pending case', async (storage) => {
    const before = await addCase(storage, 'a')
    const stored = await storage.storeSessionToken('a', SESSION)
    expect(stored).toEqual({ ...before, sealedSessionToken: seal('another token'), updatedAt: at(2000) })
    expect(await storage.getCase('a')).toEqual(stored)
  }),

  check('storeSessionToken refuses another inquiry, a decided case and an erased one', async (storage) => {
    const before = await addCase(storage, 'a')
    expect(await storage.storeSessionToken('a', { ...SESSION, inquiryId: 'inq-b' })).toBeNull()
    expect(await storage.getCase('a')).toEqual(before)
    for (const status of ['approved', 'declined', 'needs_review'] as const) {
      await addCase(storage, status)
      await move(storage, status, status, 1)
      expect(await storage.storeSessionToken(status, { ...SESSION, inquiryId: `inq-${status}` })).toBeNull()
      expect((await storage.getCase(status))?.sealedSessionToken).toBeNull()
    }
    await storage.eraseCase('a', at(1))
    expect(await storage.storeSessionToken('a', SESSION)).toBeNull()
    expect((await storage.getCase('a'))?.sealedSessionToken).toBeNull()
  }),

  check('no session token outlives a decision or an erasure that comes at the same time', async (storage) => {
    const ids = Array.from({ length: 100 }, (_, index) => `case-${index}`)
    for (const id of ids) await addCase(storage, id)
    const races = ids.flatMap((id, index) => [
      storage.storeSessionToken(id, { ...SESSION, inquiryId: `inq-${id}` }),
      index % 2 === 0 ? move(storage, id, 'approved', 1) : storage.eraseCase(id, at(3000)),
      attach(storage, id),
    ])
    await Promise.all(races)
    const cases = await listAll(storage, {})
    expect(cases.filter(({ sealedSessionToken }) => sealedSessionToken !== null)).toEqual([])
  }),
]
