import type { ChainTransaction } from '@persona-kyc/core'
import { type Hash, type PublicClient, type TransactionReceipt, TransactionReceiptNotFoundError } from 'viem'
import { askChain } from './chain-error.js'
import type { Head, ServiceContext } from './service-context.js'
import { findEffectHash, hasEffect } from './transaction-effect.js'

/** The transactions that are still open, in the order of their nonces, and what became of the others. */
export interface Settlement {
  readonly open: readonly ChainTransaction[]
  /** How many of the sender's transactions are in blocks: the lowest nonce that is free. */
  readonly minedCount: number
  readonly closed: number
}

interface End {
  readonly nonce: number
  readonly state: 'done' | 'void'
  readonly hash: string | null
}

/**
 * Ends the transactions whose nonce is used up in a block that counts as final: with their effect they are done, without
 * they are void, and what they were for may be sent anew. Where answers contradict each other, nothing is concluded.
 */
export async function settleTransactions(context: ServiceContext, head: Head): Promise<Settlement> {
  const { store, issuer, chainId, sender, memory } = context
  const all = await store.listOpenTransactions({ chainId, sender })
  const minedCount = await countTransactions(issuer.client, issuer.sender.address)
  // Blocks were taken back: their transactions may be nowhere now.
  if (minedCount < memory.minedCount) memory.sentAt.clear()
  memory.minedCount = minedCount
  const { confirmed } = head
  if (all.length === 0 || confirmed === null) return { open: all, minedCount, closed: 0 }

  const finalCount = await countTransactions(issuer.client, issuer.sender.address, confirmed)
  const final = all.filter(({ nonce }) => nonce < finalCount)
  const isCanonical = createCanonicalCheck(issuer.client)
  const found = await Promise.all(final.map((transaction) => toEnd(context, { transaction, confirmed, isCanonical })))
  const ends = found.filter((end) => end !== null)
  if (ends.length > 0) await store.closeTransactions({ chainId, sender, now: new Date(context.now()) }, ends)
  for (const { nonce, state } of ends) {
    memory.sentAt.delete(nonce)
    memory.underpriced.delete(nonce)
    memory.missingSince.delete(nonce)
    if (state === 'done') context.measure({ name: 'transaction_confirmed' })
  }
  const closed = new Set(ends.map(({ nonce }) => nonce))
  return { open: all.filter(({ nonce }) => !closed.has(nonce)), minedCount, closed: closed.size }
}

interface Candidate {
  readonly transaction: ChainTransaction
  /** The newest final block: the transaction's nonce is used up in it. */
  readonly confirmed: bigint
  readonly isCanonical: (receipt: TransactionReceipt) => Promise<boolean>
}

async function toEnd(context: ServiceContext, candidate: Candidate): Promise<End | null> {
  const { transaction, confirmed, isCanonical } = candidate
  const { caseId, nonce } = transaction
  const receipt = await findReceipt(context.issuer.client, transaction.hashes)
  if (receipt === null) return toEndWithoutReceipt(context, candidate)
  // A node that lags behind the others: it will come to it.
  if (receipt.blockNumber > confirmed) return null
  if (!(await isCanonical(receipt)) || !(await doWitnessesAgree(context, receipt)))
    return contradict(context, candidate)
  if (receipt.status === 'reverted') {
    context.raise({ kind: 'transaction_reverted', caseId, nonce })
    return { nonce, state: 'void', hash: receipt.transactionHash }
  }
  const isEffective =
    (await hasEffect(context.issuer.client, transaction, { blockNumber: confirmed })) ||
    (await hasEffect(context.issuer.client, transaction, { blockNumber: receipt.blockNumber }))
  return isEffective ? { nonce, state: 'done', hash: receipt.transactionHash } : contradict(context, candidate)
}

/** The nonce went to another transaction, or a node knows less than it says. What the chain shows decides. */
async function toEndWithoutReceipt(context: ServiceContext, candidate: Candidate): Promise<End | null> {
  const { client, sender } = context.issuer
  const { transaction, confirmed } = candidate
  const { nonce } = transaction
  if (await hasEffect(client, transaction, { blockNumber: confirmed })) {
    return { nonce, state: 'done', hash: await findEffectHash(client, transaction) }
  }
  for (const witness of context.witnesses) {
    const count = await countTransactions(witness, sender.address, confirmed)
    if (count <= nonce || (await findReceipt(witness, transaction.hashes)) !== null)
      return contradict(context, candidate)
  }
  // A node may mix the states of two blocks while it takes one in: it has to say the same of a later one.
  const since = context.memory.missingSince.get(nonce)
  if (since === undefined) context.memory.missingSince.set(nonce, confirmed)
  if (since === undefined || since >= confirmed) return null
  context.raise({ kind: 'nonce_taken', nonce })
  return { nonce, state: 'void', hash: null }
}

function contradict({ raise }: ServiceContext, { transaction: { caseId, nonce } }: Candidate): null {
  raise({ kind: 'chain_contradicts', nonce, caseId })
  return null
}

async function doWitnessesAgree({ witnesses }: ServiceContext, receipt: TransactionReceipt): Promise<boolean> {
  const theirs = await Promise.all(witnesses.map((witness) => findReceipt(witness, [receipt.transactionHash])))
  return theirs.every((their) => their?.blockHash === receipt.blockHash && their.status === receipt.status)
}

/** Resolves with the receipt of whichever form of a transaction was mined. */
async function findReceipt(client: PublicClient, hashes: readonly string[]): Promise<TransactionReceipt | null> {
  const receipts = await Promise.all(
    hashes.map((hash) =>
      askChain(() =>
        client.getTransactionReceipt({ hash: hash as Hash }).catch((error: unknown) => {
          if (error instanceof TransactionReceiptNotFoundError) return null
          throw error
        }),
      ),
    ),
  )
  // Only a hash that was asked for counts.
  return receipts.find((receipt) => receipt !== null && hashes.includes(receipt.transactionHash)) ?? null
}

function createCanonicalCheck(client: PublicClient): Candidate['isCanonical'] {
  const hashes = new Map<bigint, Promise<Hash>>()
  const read = (blockNumber: bigint) => askChain(async () => (await client.getBlock({ blockNumber })).hash)
  return async ({ blockNumber, blockHash }) => {
    const hash = hashes.get(blockNumber) ?? read(blockNumber)
    hashes.set(blockNumber, hash)
    return (await hash) === blockHash
  }
}

function countTransactions(client: PublicClient, address: `0x${string}`, blockNumber?: bigint): Promise<number> {
  return askChain(() => client.getTransactionCount(blockNumber === undefined ? { address } : { address, blockNumber }))
}
