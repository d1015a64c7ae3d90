import { expect } from 'vitest'
import { createSeededRandom, toShuffled } from '../seeded-random.js'
import { at } from './builders.js'
import {
  close,
  LATER,
  listWork,
  newClaim,
  newTransaction,
  open,
  readWork,
  request,
  toStored,
} from './claim-builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check, checkTransaction } from './conformance-case.js'

const DEFERRED = { dueAt: at(500), reason: 'chain_unreachable', attempts: 3 }

/** What cases want on chain, and when it is worked on. */
export const claimRequestCases: readonly ConformanceCase[] = [
  check('requestClaim notes what a case wants, due at once', async (storage) => {
    expect(await listWork(storage)).toEqual([])
    await request(storage, 'a', { revision: 3, wantsClaim: true, now: at(5) })
    await request(storage, 'b', { revision: 0, wantsClaim: false, now: at(6) })
    const nothing = { claims: [], transactions: [] }
    const noted = { reason: null, attempts: 0, recalls: 0 }
    expect(await listWork(storage)).toEqual([
      { request: { caseId: 'a', revision: 3, wantsClaim: true, dueAt: at(5), ...noted }, ...nothing },
      { request: { caseId: 'b', revision: 0, wantsClaim: false, dueAt: at(6), ...noted }, ...nothing },
    ])
  }),

  check('requestClaim changes nothing for a revision that is not higher', async (storage) => {
    await request(storage, 'a', { revision: 2 })
    await storage.deferClaimRequest('a', { recalls: 0, revision: 2, ...DEFERRED })
    const before = await listWork(storage)
    for (const revision of [0, 1, 2]) {
      const again = { caseId: 'a', revision, wantsClaim: false, now: at(9) }
      expect(await storage.requestClaim(again), `revision ${revision}`).toBe(false)
    }
    expect(await listWork(storage)).toEqual(before)
    expect(before).toMatchObject([{ request: { revision: 2, wantsClaim: true, ...DEFERRED } }])
  }),

  check('requestClaim begins anew for a higher revision, also where the one before was settled', async (storage) => {
    for (const [index, dueAt] of [at(500), null].entries()) {
      const revision = index * 2 + 1
      await request(storage, 'a', { revision })
      await storage.recallClaimRequest('a', at(400))
      expect(await storage.deferClaimRequest('a', { recalls: 1, revision, ...DEFERRED, dueAt })).toBe(true)
      await request(storage, 'a', { revision: revision + 1, wantsClaim: false, now: at(9) })
      const anew = { caseId: 'a', revision: revision + 1, wantsClaim: false, dueAt: at(9) }
      expect((await readWork(storage, 'a')).request).toEqual({ ...anew, reason: null, attempts: 0, recalls: 0 })
    }
  }),

  check('requestClaim ends with the highest of 50 revisions that come at once', async (storage) => {
    const random = createSeededRandom(3)
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const caseId = `case-${round}`
      const revisions = toShuffled(
        Array.from({ length: 50 }, (_, index) => index + 1),
        random,
      )
      const noted = await Promise.all(
        revisions.map((revision) =>
          storage.requestClaim({ caseId, revision, wantsClaim: revision % 2 === 0, now: at(revision) }),
        ),
      )
      expect(noted[revisions.indexOf(50)], 'the highest is noted').toBe(true)
      const highest = { revision: 50, wantsClaim: true, dueAt: at(50) }
      expect((await readWork(storage, caseId)).request).toMatchObject(highest)
    }
  }),

  check('requestClaim ends with the higher of two first revisions that cross, in either order', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS * 2; round++) {
      const caseId = `case-${round}`
      const revisions = round % 2 === 0 ? [1, 2] : [2, 1]
      await Promise.all(
        revisions.map((revision) =>
          storage.requestClaim({ caseId, revision, wantsClaim: revision === 1, now: at(revision) }),
        ),
      )
      const higher = { revision: 2, wantsClaim: false, dueAt: at(2) }
      expect((await readWork(storage, caseId)).request, `round ${round}`).toMatchObject(higher)
    }
  }),

  check('requestClaim notes one revision once for 50 callers', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const wanted = { caseId: `case-${round}`, revision: 1, wantsClaim: true, now: at(5) }
      const noted = await together(50, () => storage.requestClaim(wanted))
      expect(noted.filter((isNoted) => isNoted)).toHaveLength(1)
    }
  }),

  check('recallClaimRequest makes a request due that waits or is settled', async (storage) => {
    expect(await storage.recallClaimRequest('a', at(100))).toBe(false)
    expect(await listWork(storage)).toEqual([])
    await request(storage, ['a', 'b'], { revision: 2, wantsClaim: true })
    for (const [index, dueAt] of [at(90_000), null].entries()) {
      await storage.deferClaimRequest('a', { recalls: index, revision: 2, dueAt, reason: 'superseded', attempts: 1 })
      expect(await storage.recallClaimRequest('a', at(100 + index))).toBe(true)
      const recalled = { revision: 2, wantsClaim: true, dueAt: at(100 + index), recalls: index + 1 }
      expect((await readWork(storage, 'a')).request).toMatchObject(recalled)
    }
    expect((await readWork(storage, 'b')).request.dueAt).toEqual(at(5))
  }),

  check('deferClaimRequest stores when to work on a request next', async (storage) => {
    await request(storage, ['a', 'b'])
    const before = await readWork(storage, 'b')
    expect(await storage.deferClaimRequest('a', { recalls: 0, revision: 1, ...DEFERRED })).toBe(true)
    const deferred = { caseId: 'a', revision: 1, wantsClaim: true, recalls: 0, ...DEFERRED }
    expect((await readWork(storage, 'a')).request).toEqual(deferred)
    expect(
      await storage.deferClaimRequest('a', { recalls: 0, revision: 1, dueAt: at(501), reason: null, attempts: 0 }),
    ).toBe(true)
    expect((await readWork(storage, 'a')).request).toEqual({ ...deferred, dueAt: at(501), reason: null, attempts: 0 })
    expect(
      await storage.deferClaimRequest('a', { recalls: 0, revision: 1, dueAt: null, reason: null, attempts: 0 }),
    ).toBe(true)
    expect(await listWork(storage)).toEqual([before])
  }),

  check('deferClaimRequest stores nothing for another revision than the noted one', async (storage) => {
    await request(storage, 'a', { revision: 2 })
    const before = await listWork(storage)
    for (const revision of [1, 3]) {
      expect(await storage.deferClaimRequest('a', { recalls: 0, revision, ...DEFERRED }), `revision ${revision}`).toBe(
        false,
      )
    }
    expect(await storage.deferClaimRequest('b', { recalls: 0, revision: 1, ...DEFERRED })).toBe(false)
    expect(await listWork(storage)).toEqual(before)
  }),

  check('deferClaimRequest stores nothing once the request was made due again', async (storage) => {
    await request(storage, 'a')
    await storage.recallClaimRequest('a', at(7))
    const before = await listWork(storage)
    expect(await storage.deferClaimRequest('a', { recalls: 0, revision: 1, ...DEFERRED, dueAt: null })).toBe(false)
    expect(await listWork(storage)).toEqual(before)
    expect(await storage.deferClaimRequest('a', { recalls: 1, revision: 1, ...DEFERRED })).toBe(true)
  }),

  check('a recall that crosses deferrals by those who have not seen it leaves the request due', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const caseId = `case-${round}`
      await request(storage, caseId)
      const settled = { revision: 1, recalls: 0, dueAt: null, reason: null, attempts: 0 }
      await together(20, (index) =>
        index === 10 ? storage.recallClaimRequest(caseId, at(9)) : storage.deferClaimRequest(caseId, settled),
      )
      expect((await readWork(storage, caseId)).request).toMatchObject({ recalls: 1, dueAt: at(9) })
    }
  }),

  check('a request that crosses deferrals of the one before is due all the same', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const caseId = `case-${round}`
      await request(storage, caseId)
      const settled = { revision: 1, recalls: 0, dueAt: null, reason: null, attempts: 0 }
      await together(20, (index) =>
        index === 10
          ? storage.requestClaim({ caseId, revision: 2, wantsClaim: false, now: at(9) })
          : storage.deferClaimRequest(caseId, settled),
      )
      expect((await readWork(storage, caseId)).request).toMatchObject({ recalls: 0, revision: 2, dueAt: at(9) })
    }
  }),

  check('listDueClaims lists what is due, the longest due first, up to its limit', async (storage) => {
    const order = Array.from({ length: 30 }, (_, index) => index)
    for (const index of toShuffled(order, createSeededRandom(4))) {
      await request(storage, `case-${(index * 7) % 30}`, { now: at(index) })
    }
    await request(storage, 'settled', { now: at(0) })
    await storage.deferClaimRequest('settled', {
      recalls: 0,
      revision: 1,
      dueAt: null,
      reason: 'no_identity',
      attempts: 1,
    })
    const list = async (now: Date, limit: number) =>
      (await storage.listDueClaims({ now, limit })).map(({ request: { dueAt } }) => dueAt)
    expect(await list(LATER, 500)).toEqual(order.map(at))
    for (const limit of [1, 7, 30]) expect(await list(LATER, limit)).toEqual(order.slice(0, limit).map(at))
    expect(await list(at(12), 500)).toEqual(order.slice(0, 13).map(at))
    expect(await list(at(12), 5)).toEqual(order.slice(0, 5).map(at))
    expect(await list(at(-1), 500)).toEqual([])
  }),

  check('listDueClaims gives each request the claims and transactions of its case, in order', async (storage) => {
    for (const [index, caseId] of ['a', 'b', 'c'].entries()) await request(storage, caseId, { now: at(index) })
    const claims = []
    for (const [caseId, generation] of [['a', 1] as const, ['b', 1] as const, ['a', 2] as const]) {
      const claim = newClaim(caseId, { generation, now: at(40 + generation) })
      await storage.addClaim(claim)
      const move = { from: ['signed'], to: 'revoked', txHash: '0xf1', now: at(50 + generation) } as const
      claims.push(await storage.moveClaim(claim, move))
    }
    const wanted = ['a', 'b', 'a', 'a', 'c'].map((caseId, index) => newTransaction(`purpose ${index}`, { caseId }))
    const opened = await open(storage, wanted)
    await close(storage, 2, { state: 'void' })
    await close(storage, 3, { hash: '0xf3' })
    const [first, ofB, lost, last, ofC] = opened
    const [b, c, a] = await listWork(storage)
    const ended = [
      { ...lost, state: 'void' },
      { ...last, state: 'done', hashes: ['0xf3'] },
    ]
    expect(a).toMatchObject({ request: { caseId: 'a' }, claims: [claims[0], claims[2]] })
    expect(a?.transactions).toEqual([first, ...ended])
    expect(b).toMatchObject({ request: { caseId: 'b' }, claims: [claims[1]], transactions: [ofB] })
    expect(c).toMatchObject({ request: { caseId: 'c' }, claims: [], transactions: [ofC] })
  }),

  checkTransaction('addClaim that waits for its case to change its mind stores nothing', async (storage, begin) => {
    await request(storage, 'a')
    const { storage: bound, commit } = await begin()
    await request(bound, 'a', { revision: 2, wantsClaim: false })
    let isWaiting = true
    const adding = storage.addClaim(newClaim('a')).finally(() => {
      isWaiting = false
    })
    for (let turn = 0; turn < 50; turn++) await storage.ping()
    const hasWaited = isWaiting
    await commit()
    const added = await adding
    expect(added).toEqual(hasWaited ? null : toStored(newClaim('a')))
    expect((await readWork(storage, 'a')).claims).toEqual(added === null ? [] : [added])
  }),

  checkTransaction(
    'a claim that is added while its case changes its mind is seen with the change',
    async (storage, begin) => {
      await request(storage, 'a')
      const { storage: bound, commit } = await begin()
      await bound.addClaim(newClaim('a'))
      // Not awaited yet: a storage may keep the request waiting for the open transaction.
      const seeing = storage
        .requestClaim({ caseId: 'a', revision: 2, wantsClaim: false, now: at(9) })
        .then(() => readWork(storage, 'a'))
      for (let turn = 0; turn < 50; turn++) await storage.ping()
      await commit()
      expect((await readWork(storage, 'a')).claims, 'no claim comes up later').toEqual((await seeing).claims)
    },
  ),
]
