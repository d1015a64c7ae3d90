import { expect } from 'vitest'
import { at, CLAIM } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'
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

  check('clearClaim removes that claim reference, in any state of the case, and no other', async (storage) => {
    await addCase(storage, 'a')
    for (const [index, status] of (['approved', 'declined', 'needs_review', 'pending'] as const).entries()) {
      await move(storage, 'a', 'approved', index * 10)
      await storage.setClaim('a', CLAIM)
      const kycCase = requireFound((await move(storage, 'a', status, index * 10 + 1)).kycCase)
      for (const other of [{ kycClaimId: '0xc2' }, { kycClaimTxHash: '0xf2' }]) {
        const answer = await storage.clearClaim('a', { ...CLAIM, ...other, now: at(98_000) })
        expect(answer).toEqual({ result: 'conflict', kycCase })
      }
      expect(await storage.getCase('a')).toEqual(kycCase)
      const cleared = { ...kycCase, kycClaimId: null, kycClaimTxHash: null, updatedAt: at(99_000) }
      expect(await storage.clearClaim('a', { ...CLAIM, now: at(99_000) })).toEqual({
        result: 'cleared',
        kycCase: cleared,
      })
      expect(await storage.getCase('a'), status).toEqual(cleared)
    }
  }),

  check('clearClaim leaves a case without a claim unchanged, and lets it have another', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'approved', 1)
    expect(await storage.clearClaim('a', CLAIM)).toEqual({ result: 'unchanged', kycCase })
    expect(await storage.getCase('a')).toEqual(kycCase)
    await storage.setClaim('a', CLAIM)
    await storage.clearClaim('a', CLAIM)
    const another = { ...CLAIM, kycClaimId: '0xc2' }
    expect(await storage.setClaim('a', another)).toMatchObject({ result: 'stored', kycCase: { kycClaimId: '0xc2' } })
    expect((await storage.clearClaim('a', CLAIM)).result).toBe('conflict')
  }),

  check('clearClaim clears an erased case too', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'approved', 1)
    await storage.setClaim('a', CLAIM)
    await storage.eraseCase('a', at(95_000))
    expect((await storage.clearClaim('a', CLAIM)).result).toBe('cleared')
    expect(await storage.getCase('a')).toMatchObject({ kycClaimId: null, kycClaimTxHash: null })
  }),

  check('clearClaim clears a claim once for 50 callers', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const id = `case-${round}`
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
      await storage.setClaim(id, CLAIM)
      const answers = await together(50, () => storage.clearClaim(id, CLAIM))
      expect(answers.map(({ result }) => result).sort()).toEqual(['cleared', ...Array(49).fill('unchanged')])
    }
  }),
]
