import { expect } from 'vitest'
import { at } from './builders.js'
import { newClaim, newTransaction, open, readWork, request, SENDER, toAddress, toForm } from './claim-builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check, checkTransaction } from './conformance-case.js'

/** What nonces and purposes come to under many callers, and within a transaction of the database. */
export const chainTransactionRaceCases: readonly ConformanceCase[] = [
  check('openTransactions gives 50 callers nonces without a gap, each in its order', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const sender = { ...SENDER, chainId: 1000 + round }
      const answers = await together(50, (index) => open(storage, [`${index} z`, `${index} a`, `${index} m`], sender))
      const nonces = answers.map((opened) => opened.map(({ nonce }) => nonce))
      expect(nonces.flat().sort((left, right) => left - right)).toEqual(
        Array.from({ length: 150 }, (_, nonce) => nonce),
      )
      for (const own of nonces) expect(own).toEqual([...own].sort((left, right) => left - right))
    }
  }),

  check('openTransactions gives 50 callers one transaction for a purpose, and loses no nonce', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const sender = { ...SENDER, chainId: 1000 + round }
      const answers = await together(50, () => open(storage, ['p', 'q'], sender))
      const [first = []] = answers
      expect(first).toMatchObject([
        { purpose: 'p', nonce: 0 },
        { purpose: 'q', nonce: 1 },
      ])
      expect(answers).toEqual(Array(50).fill(first))
      expect(await storage.listOpenTransactions(sender)).toEqual(first)
      expect(await open(storage, ['next'], sender)).toMatchObject([{ nonce: 2 }])
    }
  }),

  check(
    'openTransactions gives 50 callers whose purposes overlap each purpose once, without a gap',
    async (storage) => {
      for (let round = 0; round < RACE_ROUNDS; round++) {
        const sender = { ...SENDER, chainId: 1000 + round }
        const answers = await together(50, (index) => {
          const purposes = [`p${index}`, `p${index + 1}`, `p${(index * 7) % 50}`]
          return open(storage, index % 2 === 0 ? purposes : purposes.reverse(), sender)
        })
        const listed = await storage.listOpenTransactions(sender)
        expect(listed.map(({ nonce }) => nonce)).toEqual(Array.from({ length: 51 }, (_, nonce) => nonce))
        expect(new Set(listed.map(({ purpose }) => purpose)).size).toBe(51)
        for (const opened of answers) expect(listed).toEqual(expect.arrayContaining([...opened]))
      }
    },
  ),

  check('openTransactions gives a purpose to one of 10 senders at once', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const senders = Array.from({ length: 10 }, (_, index) => ({
        chainId: 1000 + round,
        sender: toAddress(0x100 + index),
      }))
      const answers = await together(50, (index) =>
        open(storage, index % 2 === 0 ? ['p', 'q'] : ['q', 'p'], senders[index % senders.length]),
      )
      const listed = (await Promise.all(senders.map((sender) => storage.listOpenTransactions(sender)))).flat()
      expect(listed.map(({ purpose }) => purpose).sort()).toEqual(['p', 'q'])
      for (const opened of answers) expect(listed).toEqual(expect.arrayContaining([...opened]))
      for (const sender of senders) {
        const own = listed.filter((transaction) => transaction.sender === sender.sender)
        const next = await open(storage, [`next of ${sender.sender}`], sender)
        expect(own.map(({ nonce }) => nonce)).toEqual(own.map((_, nonce) => nonce))
        expect(next).toMatchObject([{ nonce: own.length }])
      }
    }
  }),

  check('openTransactions and a claim that leaves its state, at once, agree', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS * 2; round++) {
      const caseId = `case-${round}`
      await request(storage, caseId)
      const claim = newClaim(caseId, { identity: toAddress(100 + round) })
      await storage.addClaim(claim)
      const wanted = newTransaction(caseId, { caseId, claim: { generation: 1, state: 'signed' } })
      const [opened, seen] = await Promise.all([
        open(storage, [wanted]),
        storage
          .moveClaim(claim, { from: ['signed'], to: 'revoking', now: at(50) })
          .then(() => readWork(storage, caseId)),
      ])
      expect((await readWork(storage, caseId)).transactions).toEqual(opened)
      expect(seen.transactions, 'no transaction comes up later').toEqual(opened)
    }
  }),

  checkTransaction(
    'a transaction that is opened while its claim moves is seen with the move',
    async (storage, begin) => {
      await request(storage, 'a')
      await storage.addClaim(newClaim('a'))
      const { storage: bound, commit } = await begin()
      await open(bound, [newTransaction('p', { claim: { generation: 1, state: 'signed' } })])
      // Not awaited yet: a storage may keep the move waiting for the open transaction.
      const seeing = storage
        .moveClaim(newClaim('a'), { from: ['signed'], to: 'revoking', now: at(50) })
        .then(() => readWork(storage, 'a'))
      for (let turn = 0; turn < 50; turn++) await storage.ping()
      await commit()
      const { transactions } = await readWork(storage, 'a')
      expect(transactions, 'no transaction comes up later').toEqual((await seeing).transactions)
    },
  ),

  checkTransaction(
    'openTransactions that waits for a claim to move goes by where it has moved',
    async (storage, begin) => {
      await request(storage, 'a')
      await storage.addClaim(newClaim('a'))
      const { storage: bound, commit } = await begin()
      await bound.moveClaim(newClaim('a'), { from: ['signed'], to: 'issued', now: at(50) })
      let isWaiting = true
      const opening = open(storage, [
        newTransaction('p', { claim: { generation: 1, state: 'signed' } }),
        newTransaction('q'),
      ]).finally(() => {
        isWaiting = false
      })
      for (let turn = 0; turn < 50; turn++) await storage.ping()
      const hasWaited = isWaiting
      await commit()
      const opened = await opening
      expect(opened.map(({ purpose, nonce }) => `${purpose}${nonce}`)).toEqual(hasWaited ? ['q0'] : ['p0', 'q1'])
      expect(await storage.listOpenTransactions(SENDER)).toEqual(opened)
    },
  ),

  checkTransaction('a request, a claim and a nonce are gone with a transaction rolled back', async (storage, begin) => {
    await request(storage, 'a')
    const before = await readWork(storage, 'a')
    const { storage: bound, rollback } = await begin()
    await request(bound, 'b')
    await bound.addClaim(newClaim('a'))
    await open(bound, ['p', 'q'])
    expect(await readWork(bound, 'a'), 'a transaction sees its own work').toMatchObject({
      claims: [{ caseId: 'a' }],
      transactions: [{ nonce: 0 }, { nonce: 1 }],
    })
    await rollback()
    expect(await storage.listDueClaims({ now: at(1000), limit: 500 })).toEqual([before])
    expect(await storage.listOpenTransactions(SENDER)).toEqual([])
    expect(await open(storage, ['q'])).toMatchObject([{ nonce: 0 }])
  }),

  checkTransaction('a request, a claim and a nonce stay with a transaction committed', async (storage, begin) => {
    const { storage: bound, commit } = await begin()
    await request(bound, 'a')
    await bound.addClaim(newClaim('a'))
    await open(bound, ['p'])
    await bound.signTransactions({ ...SENDER, now: at(44) }, [toForm(0, 'f0')])
    const work = await readWork(bound, 'a')
    await commit()
    expect(await readWork(storage, 'a')).toEqual(work)
    expect(work.transactions).toMatchObject([{ nonce: 0, hashes: ['0xf0'] }])
    expect(await open(storage, ['q'])).toMatchObject([{ nonce: 1 }])
  }),
]
