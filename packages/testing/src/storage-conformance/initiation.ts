import { expect } from 'vitest'
import { at, newCase } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { attach } from './steps.js'

/** Who may create the inquiry of a case, and under which number. */
export const initiationCases: readonly ConformanceCase[] = [
  check('leaseInitiation leaves the right to the creator of the case until its time', async (storage) => {
    await storage.createCase(newCase('a'))
    expect(await storage.leaseInitiation('a', { currentInquiryId: null, now: at(4999), until: at(9000) })).toBeNull()
    const taken = await storage.leaseInitiation('a', { currentInquiryId: null, now: at(5001), until: at(9001) })
    expect(taken).toEqual(await storage.getCase('a'))
    expect(taken?.initiatingUntil).toEqual(at(9001))
  }),

  check(
    'leaseInitiation gives the right to exactly one of 50, and once it is over to exactly one again',
    async (storage) => {
      await storage.createCase(newCase('a'))
      for (let round = 1; round <= RACE_ROUNDS; round++) {
        const now = at(round * 10_000)
        const claims = await together(50, (index) =>
          storage.leaseInitiation('a', { currentInquiryId: null, now, until: at(round * 10_000 + 1000 + index) }),
        )
        const winners = claims.filter((claim) => claim !== null)
        expect(winners, `round ${round}`).toHaveLength(1)
        expect(await storage.getCase('a')).toEqual(winners[0])
      }
    },
  ),

  check('leaseInitiation refuses who names another inquiry than the case has', async (storage) => {
    const claim = (currentInquiryId: string | null) =>
      storage.leaseInitiation('a', { currentInquiryId, now: at(6000), until: at(7000) })
    await storage.createCase(newCase('a'))
    expect(await claim('inq-a')).toBeNull()
    await attach(storage, 'a')
    expect(await claim(null)).toBeNull()
    expect(await claim('inq-b')).toBeNull()
    expect((await claim('inq-a'))?.initiatingUntil).toEqual(at(7000))
  }),

  check('leaseInitiation refuses an erased case', async (storage) => {
    await storage.createCase(newCase('a'))
    await storage.eraseCase('a', at(1))
    expect(await storage.leaseInitiation('a', { currentInquiryId: null, now: at(6000), until: at(7000) })).toBeNull()
  }),

  check('releaseInitiation gives the right back with the very `until` only', async (storage) => {
    await storage.createCase(newCase('a', { initiatingUntil: at(5000) }))
    for (const wrong of [at(4999), at(5001)]) {
      await storage.releaseInitiation('a', wrong)
      expect((await storage.getCase('a'))?.initiatingUntil).toEqual(at(5000))
    }
    await storage.releaseInitiation('a', at(5000))
    expect((await storage.getCase('a'))?.initiatingUntil).toBeNull()
    const taken = await storage.leaseInitiation('a', { currentInquiryId: null, now: at(1), until: at(6000) })
    expect(taken).not.toBeNull()
    await storage.releaseInitiation('a', at(5000))
    expect((await storage.getCase('a'))?.initiatingUntil).toEqual(at(6000))
  }),

  check('advanceAttempt moves a case on for exactly one of 20', async (storage) => {
    await storage.createCase(newCase('a'))
    for (let attempt = 1; attempt <= RACE_ROUNDS; attempt++) {
      const answers = await together(20, () => storage.advanceAttempt('a', attempt))
      expect(answers.filter((answer) => answer !== null)).toMatchObject([{ id: 'a', inquiryAttempt: attempt + 1 }])
    }
    expect(await storage.advanceAttempt('a', RACE_ROUNDS)).toBeNull()
    expect(await storage.advanceAttempt('a', RACE_ROUNDS + 2)).toBeNull()
    expect((await storage.getCase('a'))?.inquiryAttempt).toBe(RACE_ROUNDS + 1)
  }),
]
