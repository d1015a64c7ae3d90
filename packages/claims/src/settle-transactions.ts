import { type ChainTransaction, toLogFields } from '@persona-kyc/core'
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

  const finalCount = await countFinal(context, confirmed)
  const final = all.filter(({ nonce }) => nonce < finalCount)
  const isCanonical = createCanonicalCheck(issuer.client)
  const found = await Promise.all(
    final.map((transaction) => toEndOrNull(context, { transaction, confirmed, isCanonical })),
  )
  const ends = found.filter((end) => end !== null)
  if (ends.length > 0) await store.closeTransactions({ chainId, sender, now: new Date(context.now()) }, ends)
  for (const { nonce, state } of ends) {
    memory.sentAt.delete(nonce)
    memory.underpriced.delete(nonce)
    memory.missingSince.delete(nonce)
    memory.refusedSince.delete(nonce)
    if (state === 'done') context.measure({ name: 'transaction_confirmed' })
  }
  const closed = new Set(ends.map(({ nonce }) => nonce))
  return { open: all.filter(({ nonce }) => !closed.has(nonce)), minedCount, closed: closed.size }
}

/** How many of the sender's transactions count as final: 0 where the endpoint lacks that block's state, which holds up no case. */
async function countFinal({ issuer: { client, sender }, logger }: ServiceContext, confirmed: bigint): Promise<number> {
  try {
    return await countTransactions(client, sender.address, confirmed)
  } catch (error) {
    logger.warn(toLogFields(error), 'no transaction settled: it is tried again')
    return 0
  }
}

interface Candidate {
  readonly transaction: ChainTransaction
  /** The newest final block: the transaction's nonce is used up in it. */
  readonly confirmed: bigint
  readonly isCanonical: (receipt: TransactionReceipt) => Promise<boolean>
}

/** A transaction, or a witness, that cannot be asked about holds up no other. */
async function toEndOrNull(context: ServiceContext, candidate: Candidate): Promise<End | null> {
  try {
    return await toEnd(context, candidate)
  } catch (error) {
    const { caseId, nonce } = candidate.transaction
    context.logger.warn({ caseId, nonce, ...toLogFields(error) }, 'transaction not settled: it is tried again')
    return null
  }
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
  const hash = receipt.transactionHash
  // It was given up, and a transfer of nothing had its nonce.
  if (isTransfer(receipt, context.sender)) return { nonce, state: 'void', hash }
  if (receipt.status === 'success') return { nonce, state: 'done', hash }
  context.raise({ kind: 'transaction_reverted', caseId, nonce })
  return { nonce, state: 'void', hash }
}

function isTransfer({ to }: TransactionReceipt, sender: string): boolean {
  return to?.toLowerCase() === sender
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

function contradict({ raiseOnce }: ServiceContext, { transaction: { caseId, nonce } }: Candidate): null {
  raiseOnce({ kind: 'chain_contradicts', nonce, caseId })
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

/** True for a receipt of a block that is on the chain and holds the transaction: a receipt alone is easily made up. */
function createCanonicalCheck(client: PublicClient): Candidate['isCanonical'] {
  const blocks = new Map<bigint, Promise<{ hash: Hash; transactions: readonly Hash[] }>>()
  const read = (blockNumber: bigint) => askChain(() => client.getBlock({ blockNumber }))
  return async ({ blockNumber, blockHash, transactionHash }) => {
    const block = blocks.get(blockNumber) ?? read(blockNumber)
    blocks.set(blockNumber, block)
    const { hash, transactions } = await block
    return hash === blockHash && transactions.includes(transactionHash)
  }
}

function countTransactions(client: PublicClient, address: `0x${string}`, blockNumber?: bigint): Promise<number> {
  return askChain(() => client.getTransactionCount(blockNumber === undefined ? { address } : { address, blockNumber }))
}
