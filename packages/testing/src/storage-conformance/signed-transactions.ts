import type { KycStorage } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at } from './builders.js'
import {
  close,
  listWork,
  MAX_UINT256,
  newTransaction,
  open,
  readWork,
  request,
  SENDER,
  toAddress,
  toForm,
} from './claim-builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'

const OTHERS = [
  { ...SENDER, sender: toAddress(0x5f) },
  { ...SENDER, chainId: 1 },
]

/** How transactions that have a nonce are signed and ended. */
export const signedTransactionCases: readonly ConformanceCase[] = [
  check('signTransactions stores the newest form, amounts to the wei, and the hashes of all', async (storage) => {
    const [opened, untouched] = await open(storage, ['p', 'q'])
    const amounts = [MAX_UINT256, 0n, 2n ** 53n + 1n, 10n ** 77n]
    const hashes: string[] = []
    for (const [index, amount] of amounts.entries()) {
      const form = { ...toForm(0, `f${index}`), maxFeePerGas: amount, maxPriorityFeePerGas: amount && amount - 1n }
      await storage.signTransactions({ ...SENDER, now: at(40 + index) }, [form])
      const { nonce, hash, ...newest } = form
      hashes.push(hash)
      const signed = { ...opened, ...newest, hashes, signedAt: at(40 + index) }
      expect(await storage.listOpenTransactions(SENDER)).toEqual([signed, untouched])
    }
  }),

  check('signTransactions changes nothing for a known hash', async (storage) => {
    await open(storage, ['p'])
    await storage.signTransactions({ ...SENDER, now: at(40) }, [toForm(0, 'f0')])
    await storage.signTransactions({ ...SENDER, now: at(41) }, [toForm(0, 'f1')])
    const before = await storage.listOpenTransactions(SENDER)
    for (const mark of ['f0', 'f1']) {
      await storage.signTransactions({ ...SENDER, now: at(42) }, [{ ...toForm(0, mark), raw: '0x', maxFeePerGas: 9n }])
    }
    expect(await storage.listOpenTransactions(SENDER)).toEqual(before)
  }),

  check('signTransactions changes none that is not open, is unknown or is another sender’s', async (storage) => {
    await request(storage, 'a')
    await openForOthers(storage)
    await open(storage, ['p', 'q'])
    await close(storage, 0)
    const before = await readWork(storage, 'a')
    await storage.signTransactions({ ...SENDER, now: at(44) }, [toForm(0, 'f0'), toForm(2, 'f2')])
    for (const other of OTHERS) await storage.signTransactions({ ...other, now: at(44) }, [toForm(1, 'f1')])
    await storage.signTransactions({ ...SENDER, now: at(44) }, [])
    expect(await readWork(storage, 'a')).toEqual(before)
  }),

  check('signTransactions stores many at once, and of several forms of one the last as the newest', async (storage) => {
    await open(storage, ['p', 'q', 'r'])
    await storage.signTransactions({ ...SENDER, now: at(40) }, [toForm(1, 'e1')])
    const marks = [
      [2, 'f2'],
      [1, 'fb'],
      [1, 'e1'],
      [1, 'fa'],
      [1, 'fb'],
      [0, 'f0'],
    ] as const
    await storage.signTransactions(
      { ...SENDER, now: at(44) },
      marks.map(([nonce, mark]) => toForm(nonce, mark)),
    )
    expect(await storage.listOpenTransactions(SENDER)).toMatchObject([
      { nonce: 0, raw: '0x02f0', hashes: ['0xf0'] },
      { nonce: 1, raw: '0x02fa', hashes: ['0xe1', '0xfb', '0xfa'] },
      { nonce: 2, raw: '0x02f2', hashes: ['0xf2'] },
    ])
  }),

  check('signTransactions keeps the hashes of 50 forms that come at once', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const sender = { ...SENDER, chainId: 1000 + round }
      await open(storage, ['p', 'q'], sender)
      await together(50, (index) => {
        const forms = [toForm(0, `a${index}`), toForm(1, `b${index}`)]
        return storage.signTransactions({ ...sender, now: at(44) }, index % 2 === 0 ? forms : forms.reverse())
      })
      for (const { raw, hashes } of await storage.listOpenTransactions(sender)) {
        expect(new Set(hashes).size).toBe(50)
        expect(raw, 'the newest form has the last hash').toBe(requireFound(hashes.at(-1)).replace('0x', '0x02'))
      }
    }
  }),

  check('closeTransactions ends open transactions, the hash of the mined form last', async (storage) => {
    await request(storage, 'a')
    await open(storage, ['p', 'q', 'r', 's'])
    for (const mark of ['e', 'f']) {
      const forms = [0, 1, 2].map((nonce) => toForm(nonce, `${mark}${nonce}`))
      await storage.signTransactions({ ...SENDER, now: at(44) }, forms)
    }
    const before = (await readWork(storage, 'a')).transactions
    await storage.closeTransactions({ ...SENDER, now: at(77) }, [
      { nonce: 2, state: 'done', hash: null },
      { nonce: 0, state: 'done', hash: '0xe0' },
      { nonce: 1, state: 'done', hash: '0xunknown' },
      { nonce: 3, state: 'void', hash: null },
    ])
    expect((await readWork(storage, 'a')).transactions).toEqual([
      { ...before[0], state: 'done', hashes: ['0xf0', '0xe0'] },
      { ...before[1], state: 'done', hashes: ['0xe1', '0xf1', '0xunknown'] },
      { ...before[2], state: 'done', hashes: ['0xe2', '0xf2'] },
      { ...before[3], state: 'void' },
    ])
    expect(await storage.listOpenTransactions(SENDER)).toEqual([])
  }),

  check('closeTransactions changes none that is not open, is unknown or is another sender’s', async (storage) => {
    await request(storage, 'a')
    await openForOthers(storage)
    await open(storage, ['p', 'q'])
    await close(storage, 0, { hash: '0xf0', now: at(70) })
    const before = await readWork(storage, 'a')
    await close(storage, 0, { state: 'void', hash: '0xf9', now: at(78) })
    await close(storage, 2, { now: at(78) })
    for (const other of OTHERS) {
      await storage.closeTransactions({ ...other, now: at(78) }, [{ nonce: 1, state: 'void', hash: null }])
    }
    await storage.closeTransactions({ ...SENDER, now: at(78) }, [])
    expect(await readWork(storage, 'a')).toEqual(before)
    expect(before.request.dueAt).toEqual(at(70))
  }),

  check('closeTransactions makes the requests of their cases due that wait, and no others', async (storage) => {
    const waiting = { revision: 1, recalls: 0, dueAt: at(90_000), reason: 'pending', attempts: 4 }
    for (const caseId of ['a', 'b', 'settled', 'other']) {
      await request(storage, caseId)
      await storage.deferClaimRequest(caseId, { ...waiting, dueAt: caseId === 'settled' ? null : waiting.dueAt })
    }
    await open(
      storage,
      ['a', 'a', 'b', 'settled', 'without request', 'other'].map((caseId, index) =>
        newTransaction(`${index}`, { caseId }),
      ),
    )
    const ends = [0, 1, 2, 3, 4].map((nonce) => ({ nonce, state: nonce % 2 ? 'void' : 'done', hash: null }) as const)
    await storage.closeTransactions({ ...SENDER, now: at(77) }, ends)
    const requests = (await listWork(storage)).map(({ request: { caseId, dueAt } }) => [caseId, dueAt])
    expect(requests.slice(0, 2).sort()).toEqual([
      ['a', at(77)],
      ['b', at(77)],
    ])
    expect(requests.slice(2)).toEqual([['other', at(90_000)]])
    expect((await readWork(storage, 'a')).request).toMatchObject({ ...waiting, recalls: 1, dueAt: at(77) })
  }),

  check('closeTransactions ends a transaction once for 50 callers', async (storage) => {
    await request(storage, ['a', 'b'])
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const [first, second] = await open(
        storage,
        ['a', 'b'].map((caseId) => newTransaction(`${round} ${caseId}`, { caseId })),
      )
      const nonces = [requireFound(first).nonce, requireFound(second).nonce]
      await together(50, (index) => {
        const ends = nonces.map((nonce) => ({ nonce, state: 'done', hash: `0x${index}` }) as const)
        return storage.closeTransactions({ ...SENDER, now: at(77) }, index % 2 === 0 ? ends : ends.reverse())
      })
      for (const caseId of ['a', 'b']) {
        const { transactions } = await readWork(storage, caseId)
        expect(transactions.at(-1)).toMatchObject({ state: 'done', hashes: [expect.any(String)] })
      }
    }
  }),

  check('listOpenTransactions lists up to 1,000, by nonce', async (storage) => {
    const purposes = Array.from({ length: 1002 }, (_, index) => `p${index}`)
    await open(storage, purposes)
    await close(storage, 500)
    const listed = await storage.listOpenTransactions(SENDER)
    const nonces = purposes.map((_, nonce) => nonce).filter((nonce) => nonce !== 500)
    expect(listed.map(({ nonce }) => nonce)).toEqual(nonces.slice(0, 1000))
    expect(listed.map(({ purpose }) => purpose)).toEqual(nonces.slice(0, 1000).map((nonce) => `p${nonce}`))
  }),
]

/** Opens transactions with the nonces 0 to 2 for others, about another case. */
async function openForOthers(storage: KycStorage): Promise<void> {
  for (const { chainId, sender } of OTHERS) {
    const wanted = [0, 1, 2].map((index) => newTransaction(`${sender} ${index}`, { caseId: 'others' }))
    await open(storage, wanted, { chainId, sender })
  }
}
