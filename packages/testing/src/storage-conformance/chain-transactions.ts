import type { ClaimState, NewChainTransaction } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at } from './builders.js'
import {
  close,
  MAX_UINT256,
  newClaim,
  newTransaction,
  open,
  readWork,
  request,
  SENDER,
  toAddress,
  toOpened,
} from './claim-builders.js'
import { type ConformanceCase, check } from './conformance-case.js'

const STATES: readonly ClaimState[] = ['signed', 'issued', 'revoking', 'revoked']
const OTHER_SENDER = { ...SENDER, sender: toAddress(0x5f) }
const OTHER_CHAIN = { ...SENDER, chainId: 2 ** 48 + 1 }

/** Which transactions are given a nonce, and which one. */
export const chainTransactionCases: readonly ConformanceCase[] = [
  check('openTransactions gives the sender’s nonces in order, with every field', async (storage) => {
    await request(storage, 'a')
    expect(await storage.listOpenTransactions(SENDER)).toEqual([])
    expect(await open(storage, [])).toEqual([])
    const wanted = [
      newTransaction('p0', { gas: MAX_UINT256 }),
      newTransaction('p1', { data: '0x' }),
      newTransaction('p2'),
    ]
    const expected = wanted.map((transaction, nonce) => ({ ...toOpened(transaction), nonce: 7 + nonce }))
    expect(await open(storage, wanted, { chainNonce: 7 })).toEqual(expected)
    expect(await storage.listOpenTransactions(SENDER)).toEqual(expected)
    expect((await readWork(storage, 'a')).transactions).toEqual(expected)
  }),

  check(
    'openTransactions goes on after the highest nonce that it ever gave, but at least at the chain’s',
    async (storage) => {
      const nonceOf = async (purpose: string, chainNonce: number) =>
        (await open(storage, [purpose], { chainNonce })).map(({ nonce }) => nonce)
      expect(await nonceOf('p0', 5)).toEqual([5])
      expect(await nonceOf('p1', 0)).toEqual([6])
      await close(storage, 6, { state: 'void' })
      expect(await nonceOf('p2', 6)).toEqual([7])
      await close(storage, 7, { state: 'done' })
      expect(await nonceOf('p3', 8)).toEqual([8])
      expect(await nonceOf('p4', 11)).toEqual([11])
      expect(await nonceOf('p5', 11)).toEqual([12])
    },
  ),

  check('openTransactions counts the nonces of each sender on each chain', async (storage) => {
    for (const [index, sender] of [SENDER, OTHER_SENDER, OTHER_CHAIN].entries()) {
      const opened = await open(storage, [`${index} a`, `${index} b`], sender)
      expect(opened.map(({ chainId, sender: address, nonce }) => [chainId, address, nonce])).toEqual([
        [sender.chainId, sender.sender, 0],
        [sender.chainId, sender.sender, 1],
      ])
      expect(await storage.listOpenTransactions(sender)).toEqual(opened)
    }
  }),

  check('openTransactions keeps the transaction of a purpose, whoever sends it, on each chain', async (storage) => {
    const [first] = await open(storage, ['p'])
    const changed = newTransaction('p', { caseId: 'b', to: toAddress(9), data: '0x02', gas: 1n })
    expect(await open(storage, [changed], { now: at(99) })).toEqual([first])
    expect(await open(storage, [changed], { ...OTHER_SENDER, chainNonce: 5 })).toEqual([first])
    expect(await storage.listOpenTransactions(OTHER_SENDER)).toEqual([])
    const elsewhere = { ...toOpened(changed), ...OTHER_CHAIN, nonce: 5 }
    expect(await open(storage, [changed], { ...OTHER_CHAIN, chainNonce: 5 })).toEqual([elsewhere])
    expect(await open(storage, ['q'])).toMatchObject([{ nonce: 1 }])
    expect(await open(storage, ['r'], OTHER_SENDER)).toMatchObject([{ nonce: 0 }])
  }),

  check(
    'openTransactions opens a purpose anew once its transaction is void, and never once it is done',
    async (storage) => {
      await request(storage, 'a')
      await open(storage, ['p', 'q'])
      await close(storage, 0, { state: 'void' })
      await close(storage, 1, { state: 'done', hash: '0xf1' })
      const [p, q] = await open(storage, ['p', 'q'])
      expect(p).toEqual({ ...toOpened(newTransaction('p')), nonce: 2 })
      expect(q).toEqual({ ...toOpened(newTransaction('q')), nonce: 1, state: 'done', hashes: ['0xf1'] })
      expect(await open(storage, ['p'])).toEqual([p])
      expect((await readWork(storage, 'a')).transactions).toMatchObject([{ nonce: 0, state: 'void' }, q ?? {}, p ?? {}])
    },
  ),

  check(
    'openTransactions keeps the order that it is given, also of known purposes and of repeated ones',
    async (storage) => {
      await open(storage, ['m', 'b', 'x'])
      const opened = await open(storage, ['z', 'x', 'a', 'z', 'm', 'a', 'k'])
      expect(opened.map(({ purpose, nonce }) => `${purpose}${nonce}`)).toEqual([
        'z3',
        'x2',
        'a4',
        'z3',
        'm0',
        'a4',
        'k5',
      ])
      expect(await open(storage, ['y'])).toMatchObject([{ nonce: 6 }])
    },
  ),

  check(
    'openTransactions gives none where the claim is not in its state, and loses no nonce by it',
    async (storage) => {
      await request(storage, 'a')
      const claim = newClaim('a')
      await storage.addClaim(claim)
      let nonce = 0
      for (const present of STATES) {
        await storage.moveClaim(claim, { from: STATES, to: present, now: at(50) })
        const wanted = STATES.map((state) => newTransaction(`${present} ${state}`, { claim: { generation: 1, state } }))
        const opened = await open(storage, [...wanted, newTransaction(present)])
        expect(opened.map(({ purpose }) => purpose)).toEqual([`${present} ${present}`, present])
        expect(opened.map((transaction) => transaction.nonce)).toEqual([nonce, nonce + 1])
        nonce += 2
      }
    },
  ),

  check('openTransactions gives none for a claim of another generation or case', async (storage) => {
    await request(storage, ['a', 'b'])
    await storage.addClaim(newClaim('a'))
    const claim = { generation: 1, state: 'signed' } as const
    const refused: Partial<NewChainTransaction>[] = [
      { claim: { ...claim, generation: 2 } },
      { caseId: 'b', claim },
      { caseId: 'unknown', claim },
    ]
    for (const other of refused) expect(await open(storage, [newTransaction('p', other)])).toEqual([])
    const [other = {}] = refused
    const both = await open(storage, [
      newTransaction('p', other),
      newTransaction('q', { claim }),
      newTransaction('r', other),
    ])
    expect(both).toMatchObject([{ purpose: 'q', nonce: 0 }])
  }),

  check('openTransactions keeps a transaction whose claim has left its state', async (storage) => {
    await request(storage, 'a')
    await storage.addClaim(newClaim('a'))
    const wanted = newTransaction('p', { claim: { generation: 1, state: 'signed' } })
    const opened = await open(storage, [wanted])
    await storage.moveClaim(newClaim('a'), { from: ['signed'], to: 'revoking', now: at(50) })
    expect(await open(storage, [wanted])).toEqual(opened)
    await close(storage, 0, { state: 'void' })
    expect(await open(storage, [wanted])).toEqual([])
  }),
]
