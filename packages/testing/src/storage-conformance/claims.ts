import { expect } from 'vitest'
import { at, CLAIM } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { addCase, move } from './steps.js'

/** Which cases get a claim reference, and which one. */
export const claimCases: readonly ConformanceCase[] = [
  check('setClaim stores a claim once: the same again is unchanged, another one a conflict', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'approved', 1)
    const { now, ...reference } = CLAIM
    const withClaim = { ...kycCase, ...reference, updatedAt: now }
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'stored', kycCase: withClaim })
    expect(await storage.getCase('a')).toEqual(withClaim)
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'unchanged', kycCase: withClaim })
    for (const other of [{ kycClaimId: '0xc2' }, { kycClaimTxHash: '0xf2' }]) {
      const answer = await storage.setClaim('a', { ...CLAIM, ...other, now: at(99_000) })
      expect(answer).toEqual({ result: 'conflict', kycCase: withClaim })
    }
    expect(await storage.getCase('a')).toEqual(withClaim)
  }),

  check('setClaim refuses a case that is not verified', async (storage) => {
    const before = await addCase(storage, 'a')
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_verified', kycCase: before })
    for (const status of ['declined', 'needs_review'] as const) {
      const { kycCase } = await move(storage, 'a', status, status === 'declined' ? 1 : 2)
      expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_verified', kycCase })
    }
    expect(await storage.getCase('a')).toMatchObject({ kycClaimId: null, kycClaimTxHash: null })
  }),

  check('setClaim stores exactly one of 50 different claims', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const id = `case-${round}`
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
      const answers = await together(50, (index) => storage.setClaim(id, { ...CLAIM, kycClaimId: `0x${index}` }))
      const stored = answers.filter(({ result }) => result === 'stored')
      expect(stored, `round ${round}`).toHaveLength(1)
      expect(answers.filter(({ result }) => result === 'conflict')).toHaveLength(49)
      expect(answers.every(({ kycCase }) => kycCase?.kycClaimId === stored[0]?.kycCase?.kycClaimId)).toBe(true)
      expect(await storage.getCase(id)).toEqual(stored[0]?.kycCase)
    }
  }),

  check('setClaim stores one claim once for 50 callers', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const id = `case-${round}`
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
      const answers = await together(50, () => storage.setClaim(id, CLAIM))
      expect(answers.map(({ result }) => result).sort()).toEqual(['stored', ...Array(49).fill('unchanged')])
    }
  }),
]
