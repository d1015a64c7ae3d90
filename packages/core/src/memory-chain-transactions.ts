import type { ChainSender, ChainTransaction, ClaimStorage, NewChainTransaction } from './claim-storage.js'

type TransactionMethod = 'openTransactions' | 'signTransactions' | 'closeTransactions' | 'listOpenTransactions'

/** The transactions of a storage in memory, and those of one case, by nonce. */
export interface MemoryChainTransactions extends Pick<ClaimStorage, TransactionMethod> {
  transactionsOf(caseId: string): readonly ChainTransaction[]
}

/** What transactions need of the claims and requests that they are about. */
export interface TransactionContext {
  /** True when the claim of the case is in the state that the transaction asks for. */
  isInState(caseId: string, claim: NonNullable<NewChainTransaction['claim']>): boolean
  /** Makes the request of the case due at `now` if it waits. */
  hasten(caseId: string, now: Date): void
}

const MAX_LISTED = 1000

/** Returns the part of the storage in memory that is about transactions on chain. */
export function createMemoryChainTransactions({ isInState, hasten }: TransactionContext): MemoryChainTransactions {
  const transactions = new Map<string, ChainTransaction>()

  const list = (test: (transaction: ChainTransaction) => boolean) =>
    [...transactions.values()].filter(test).sort((left, right) => left.nonce - right.nonce)
  const put = (transaction: ChainTransaction) => transactions.set(toKey(transaction, transaction.nonce), transaction)
  const findOpen = (sender: ChainSender, nonce: number) => {
    const transaction = transactions.get(toKey(sender, nonce))
    return transaction?.state === 'open' ? transaction : undefined
  }

  return {
    async openTransactions({ chainId, sender, chainNonce, now }, wanted) {
      const isOfSender = (other: ChainSender) => other.chainId === chainId && other.sender === sender
      const find = (purpose: string) =>
        list((other) => other.chainId === chainId && other.purpose === purpose && other.state !== 'void')[0]
      for (const { claim, ...transaction } of wanted) {
        if (find(transaction.purpose) !== undefined) continue
        if (claim !== null && !isInState(transaction.caseId, claim)) continue
        const nonce = Math.max(chainNonce, (list(isOfSender).at(-1)?.nonce ?? -1) + 1)
        put({ ...transaction, ...UNSIGNED, chainId, sender, nonce, state: 'open', createdAt: now })
      }
      return wanted.flatMap(({ purpose }) => find(purpose) ?? [])
    },

    async signTransactions({ now, ...sender }, forms) {
      for (const { nonce, hash, raw, maxFeePerGas, maxPriorityFeePerGas } of forms) {
        const transaction = findOpen(sender, nonce)
        if (transaction === undefined || transaction.hashes.includes(hash)) continue
        const newest = { raw, maxFeePerGas, maxPriorityFeePerGas, signedAt: now }
        put({ ...transaction, ...newest, hashes: [...transaction.hashes, hash] })
      }
    },

    async closeTransactions({ now, ...sender }, ends) {
      const caseIds = new Set<string>()
      for (const { nonce, state, hash } of ends) {
        const transaction = findOpen(sender, nonce)
        if (transaction === undefined) continue
        const others = transaction.hashes.filter((other) => other !== hash)
        put({ ...transaction, state, hashes: hash === null ? others : [...others, hash] })
        caseIds.add(transaction.caseId)
      }
      for (const caseId of caseIds) hasten(caseId, now)
    },

    async listOpenTransactions({ chainId, sender }) {
      const open = list((other) => other.chainId === chainId && other.sender === sender && other.state === 'open')
      return open.slice(0, MAX_LISTED)
    },

    transactionsOf: (caseId) => list((other) => other.caseId === caseId),
  }
}

const UNSIGNED = { raw: null, hashes: [], maxFeePerGas: null, maxPriorityFeePerGas: null, signedAt: null }

function toKey({ chainId, sender }: ChainSender, nonce: number): string {
  return `${chainId} ${sender} ${nonce}`
}
