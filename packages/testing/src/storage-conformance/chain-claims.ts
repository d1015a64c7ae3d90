import type { ClaimState, NewStoredClaim } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at } from './builders.js'
import { newClaim, readWork, request, toAddress, toStored } from './claim-builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'

const STATES: readonly ClaimState[] = ['signed', 'issued', 'revoking', 'revoked']
const UNREVOKED = STATES.filter((state) => state !== 'revoked')

/** Which claims are stored, and how they move. */
export const chainClaimCases: readonly ConformanceCase[] = [
  check('addClaim stores a claim with every field', async (storage) => {
    await request(storage, ['a', 'b'])
    for (const claim of [newClaim('a'), newClaim('b', { chainId: 2 ** 48 + 1, topic: '0', uri: '' })]) {
      expect(await storage.addClaim(claim)).toEqual(toStored(claim))
      expect((await readWork(storage, claim.caseId)).claims).toEqual([toStored(claim)])
    }
  }),

  check('addClaim stores none that the case does not want under that revision', async (storage) => {
    expect(await storage.addClaim(newClaim('a')), 'no request').toBeNull()
    await request(storage, 'a', { revision: 2 })
    for (const revision of [1, 3]) {
      expect(await storage.addClaim(newClaim('a', { revision })), `revision ${revision}`).toBeNull()
    }
    await request(storage, 'a', { revision: 3, wantsClaim: false })
    expect(await storage.addClaim(newClaim('a', { revision: 3 })), 'it wants none').toBeNull()
    await request(storage, 'b')
    expect(await storage.addClaim(newClaim('a', { revision: 1 })), 'another case wants one').toBeNull()
    expect((await readWork(storage, 'a')).claims).toEqual([])
  }),

  check('addClaim says nothing of other claims where the case wants none', async (storage) => {
    await request(storage, ['a', 'b'])
    await storage.addClaim(newClaim('a'))
    await request(storage, ['a', 'b'], { revision: 2, wantsClaim: false })
    for (const caseId of ['a', 'b']) expect(await storage.addClaim(newClaim(caseId, { revision: 2 }))).toBeNull()
  }),

  check('addClaim stores also where the request is settled', async (storage) => {
    await request(storage, 'a')
    await storage.deferClaimRequest('a', { recalls: 0, revision: 1, dueAt: null, reason: null, attempts: 0 })
    expect(await storage.addClaim(newClaim('a'))).toEqual(toStored(newClaim('a')))
  }),

  check('addClaim resolves with the claim that the case has already, until that one is revoked', async (storage) => {
    await request(storage, 'a')
    const first = toStored(newClaim('a'))
    const later = newClaim('a', { generation: 2, identity: toAddress(9), signature: '0x02', now: at(99) })
    await storage.addClaim(newClaim('a'))
    for (const state of UNREVOKED) {
      await storage.moveClaim(first, { from: STATES, to: state, now: at(50) })
      expect(await storage.addClaim(later), `the first is ${state}`).toEqual({ ...first, state, updatedAt: at(50) })
      expect(await storage.addClaim(newClaim('a', { now: at(99) }))).toMatchObject({ state, updatedAt: at(50) })
    }
    const revoked = await storage.moveClaim(first, { from: STATES, to: 'revoked', now: at(51) })
    expect(await storage.addClaim(later)).toEqual(toStored(later))
    expect((await readWork(storage, 'a')).claims).toEqual([revoked, toStored(later)])
  }),

  check('addClaim resolves with the claim in its way, until that one is revoked', async (storage) => {
    await request(storage, ['a', 'b'])
    const first = toStored(newClaim('a'))
    await storage.addClaim(newClaim('a'))
    for (const state of UNREVOKED) {
      await storage.moveClaim(first, { from: STATES, to: state, now: at(50) })
      expect(await storage.addClaim(newClaim('b')), `it is ${state}`).toEqual({ ...first, state, updatedAt: at(50) })
    }
    expect((await readWork(storage, 'b')).claims).toEqual([])
    await storage.moveClaim(first, { from: STATES, to: 'revoked', now: at(51) })
    expect(await storage.addClaim(newClaim('b'))).toEqual(toStored(newClaim('b')))
    expect(await storage.addClaim(newClaim('a', { generation: 2 }))).toEqual(toStored(newClaim('b')))
  }),

  check('addClaim has none in its way on another chain, of another issuer, topic or identity', async (storage) => {
    const others: Partial<NewStoredClaim>[] = [
      {},
      { chainId: 1 },
      { issuer: toAddress(8) },
      { topic: '1' },
      { identity: toAddress(8) },
    ]
    for (const [index, other] of others.entries()) {
      await request(storage, `case-${index}`)
      const claim = newClaim(`case-${index}`, other)
      expect(await storage.addClaim(claim)).toEqual(toStored(claim))
    }
  }),

  check('addClaim names the claim of the case itself before one in its way', async (storage) => {
    await request(storage, ['a', 'b'])
    await storage.addClaim(newClaim('a'))
    const own = newClaim('b', { identity: toAddress(9) })
    await storage.addClaim(own)
    expect(await storage.addClaim(newClaim('b', { generation: 2 }))).toEqual(toStored(own))
  }),

  check('addClaim resolves with the revoked claim of a generation that there was', async (storage) => {
    await request(storage, 'a')
    await storage.addClaim(newClaim('a'))
    const revoked = await storage.moveClaim(newClaim('a'), { from: ['signed'], to: 'revoked', now: at(50) })
    expect(await storage.addClaim(newClaim('a', { signature: '0x02', now: at(99) }))).toEqual(revoked)
    expect((await readWork(storage, 'a')).claims).toEqual([revoked])
  }),

  check('addClaim stores exactly one of 50 claims of a case, and tells all callers of it', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const caseId = `case-${round}`
      await request(storage, caseId)
      const identity = (index: number) => toAddress(1000 + (round * 50 + index) * (round % 2))
      const answers = await together(50, (index) =>
        storage.addClaim(
          newClaim(caseId, { generation: 1 + (index % 2), identity: identity(index), data: `0x${index}` }),
        ),
      )
      const { claims } = await readWork(storage, caseId)
      expect(claims).toHaveLength(1)
      expect(answers).toEqual(Array(50).fill(claims[0]))
      await storage.moveClaim(requireFound(claims[0]), { from: ['signed'], to: 'revoked', now: at(50) })
    }
  }),

  check(
    'addClaim stores exactly one of 50 cases’ claims for an identity, and tells all callers of it',
    async (storage) => {
      const caseIds = Array.from({ length: 50 }, (_, index) => `case-${index}`)
      await request(storage, caseIds)
      for (let round = 0; round < RACE_ROUNDS; round++) {
        const identity = toAddress(100 + round)
        const claims = caseIds.map((caseId) => newClaim(caseId, { generation: round + 1, identity }))
        const answers = await Promise.all(claims.map((claim) => storage.addClaim(claim)))
        const [added] = answers
        expect(claims.map(toStored)).toContainEqual(added)
        expect(answers).toEqual(Array(50).fill(added))
        await storage.moveClaim(requireFound(added), { from: ['signed'], to: 'revoked', now: at(50) })
      }
    },
  ),

  check('addClaim and a request that wants none, at once, agree', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS * 2; round++) {
      const caseId = `case-${round}`
      await request(storage, caseId)
      const claim = newClaim(caseId, { identity: toAddress(100 + round) })
      const [added, seen] = await Promise.all([
        storage.addClaim(claim),
        storage
          .requestClaim({ caseId, revision: 2, wantsClaim: false, now: at(9) })
          .then(() => readWork(storage, caseId)),
      ])
      const { claims } = await readWork(storage, caseId)
      expect(claims).toEqual(added === null ? [] : [added])
      expect(seen.claims, 'no claim comes up later').toEqual(claims)
    }
  }),

  check('moveClaim moves a claim that is in one of the states, and no other', async (storage) => {
    await request(storage, ['a', 'b'])
    const a = newClaim('a')
    const b = newClaim('b', { identity: toAddress(9) })
    for (const claim of [a, b]) await storage.addClaim(claim)
    for (const from of [[], ['issued'], ['issued', 'revoking', 'revoked']] as const) {
      expect(await storage.moveClaim(a, { from, to: 'revoked', txHash: '0xf1', now: at(50) })).toBeNull()
    }
    expect((await readWork(storage, 'a')).claims).toEqual([toStored(a)])
    const issued = { ...toStored(a), state: 'issued', updatedAt: at(51) }
    expect(await storage.moveClaim(a, { from: ['revoking', 'signed'], to: 'issued', now: at(51) })).toEqual(issued)
    expect((await readWork(storage, 'a')).claims).toEqual([issued])
    expect((await readWork(storage, 'b')).claims).toEqual([toStored(b)])
    for (const key of [
      { caseId: 'a', generation: 2 },
      { caseId: 'c', generation: 1 },
    ]) {
      expect(await storage.moveClaim(key, { from: STATES, to: 'revoked', now: at(52) })).toBeNull()
    }
  }),

  check('moveClaim keeps the transaction and the successor that it is not given', async (storage) => {
    await request(storage, 'a')
    await storage.addClaim(newClaim('a'))
    const move = { from: STATES, now: at(50) }
    const steps = [
      [{ to: 'issued', txHash: '0xf1' }, '0xf1', null],
      [{ to: 'issued' }, '0xf1', null],
      [{ to: 'revoking', supersededBy: 'b' }, '0xf1', 'b'],
      [{ to: 'revoking', txHash: undefined, supersededBy: undefined }, '0xf1', 'b'],
      [{ to: 'revoked', txHash: '0xf2', supersededBy: 'c' }, '0xf2', 'c'],
    ] as const
    for (const [changes, txHash, supersededBy] of steps) {
      const moved = await storage.moveClaim(newClaim('a'), { ...move, ...changes })
      expect(moved).toMatchObject({ state: changes.to, txHash, supersededBy })
      expect((await readWork(storage, 'a')).claims).toEqual([moved])
    }
  }),

  check('moveClaim gives one move to exactly one of 50 callers', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const claim = newClaim(`case-${round}`, { identity: toAddress(100 + round) })
      await request(storage, claim.caseId)
      await storage.addClaim(claim)
      const moves = await together(50, (index) =>
        storage.moveClaim(claim, { from: ['signed'], to: 'issued', txHash: `0x${index}`, now: at(50 + index) }),
      )
      const moved = moves.filter((answer) => answer !== null)
      expect(moved).toHaveLength(1)
      expect((await readWork(storage, claim.caseId)).claims).toEqual(moved)
    }
  }),
]
