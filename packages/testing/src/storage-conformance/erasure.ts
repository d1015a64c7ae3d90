import { expect } from 'vitest'
import { at, newCase } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { addCase } from './steps.js'

/** What an erasure takes away. */
export const erasureCases: readonly ConformanceCase[] = [
  check('eraseCase drops personal data and session token, and keeps the rest', async (storage) => {
    const before = await addCase(storage, 'a')
    const erased = await storage.eraseCase('a', at(3001))
    expect(erased).toEqual({
      ...before,
      sealedPersonalData: null,
      sealedSessionToken: null,
      erasedAt: at(3001),
      updatedAt: at(3001),
    })
    expect(await storage.getCase('a')).toEqual(erased)
  }),

  check('eraseCase again keeps the time of the first erasure', async (storage) => {
    await addCase(storage, 'a')
    await storage.eraseCase('a', at(3001))
    expect((await storage.eraseCase('a', at(4001)))?.erasedAt).toEqual(at(3001))
  }),

  check('eraseCase ends an initiation', async (storage) => {
    const { kycCase } = await storage.createCase(newCase('a'))
    expect(kycCase.initiatingUntil).not.toBeNull()
    expect(await storage.eraseCase('a', at(1))).toMatchObject({ erasedAt: at(1), initiatingUntil: null })
    expect((await storage.getCase('a'))?.initiatingUntil).toBeNull()
  }),
]
