import type { ClaimWork, NewChainTransaction, StoredClaim } from '@persona-kyc/core'
import type { Address, Hex } from 'viem'
import type { ContractCall } from './calls.js'
import { askChain, chainRefused } from './chain-error.js'
import type { SignedClaim } from './claim.js'
import { withReserve } from './claim-issuer.js'
import type { ServiceContext } from './service-context.js'

/** What a look at a case came to. */
export type Step =
  /** Transactions are to be sent, or are under way. */
  | { readonly kind: 'sent'; readonly transactions: readonly NewChainTransaction[] }
  /** Something else has to happen first. A problem is waited for ever longer. */
  | { readonly kind: 'wait'; readonly reason: string; readonly isProblem: boolean }
  /** Something was stored: look again at once, with what is there now. */
  | { readonly kind: 'again' }
  /** The chain agrees, or there is nothing to be done; `reason` says why where there is no claim for a verified case. */
  | { readonly kind: 'settled'; readonly reason: string | null }

/** A wait for what passes by itself. */
export function wait(reason: string): Step {
  return { kind: 'wait', reason, isProblem: false }
}

/** A wait for somebody to do something. */
export function park(reason: string): Step {
  return { kind: 'wait', reason, isProblem: true }
}

/** The claim of a row. */
export function toSignedClaim(stored: StoredClaim): SignedClaim {
  return {
    identity: stored.identity as Address,
    topic: BigInt(stored.topic),
    data: stored.data as Hex,
    issuer: stored.issuer as Address,
    signature: stored.signature as Hex,
    uri: stored.uri,
  }
}

/**
 * Checks the call by simulation, and resolves with the transaction for it. Rejects with `chain_refused` when a contract
 * would revert it, or needs more gas than is allowed: contracts of strangers could hold up all others by that.
 */
export async function toTransaction(
  { issuer, maxGas }: ServiceContext,
  call: ContractCall,
  transaction: Pick<NewChainTransaction, 'purpose' | 'caseId' | 'claim'>,
): Promise<NewChainTransaction> {
  const used = await askChain(() => issuer.client.estimateGas({ ...call, account: issuer.sender.address }))
  const gas = withReserve(used)
  if (gas > maxGas) throw chainRefused()
  return { ...transaction, to: call.to.toLowerCase(), data: call.data, gas }
}

/** What the transaction is for that gives a claim to its identity. */
export function toIssuePurpose(caseId: string, generation: number): string {
  return `issue:${caseId}:${generation}`
}

type KnownTransaction = ClaimWork['transactions'][number]

/**
 * The transaction for that purpose that is under way or done. One of another sender that has been open for long is as good
 * as none: its key may be lost. What it would do can be done twice without harm.
 */
export function findTransaction(
  context: ServiceContext,
  work: ClaimWork,
  purpose: string,
): KnownTransaction | undefined {
  const known = work.transactions.filter(
    (transaction) => transaction.state !== 'void' && isFor(context, transaction, purpose),
  )
  return known.find(({ state }) => state === 'done') ?? known.find((transaction) => !isAbandoned(context, transaction))
}

/** The purpose to open a transaction with: one of the sender's own where another's stands in the way. */
export function toOwnPurpose(context: ServiceContext, work: ClaimWork, purpose: string): string {
  const isTaken = work.transactions.some(
    (transaction) => transaction.purpose === purpose && isAbandoned(context, transaction),
  )
  return isTaken ? `${purpose}:${context.sender}` : purpose
}

/** How often a transaction for that purpose was mined and reverted, or lost its nonce. */
export function countVoid(context: ServiceContext, work: ClaimWork, purpose: string): number {
  const isVoid = (transaction: KnownTransaction) => transaction.state === 'void' && isFor(context, transaction, purpose)
  return work.transactions.filter(isVoid).length
}

function isFor({ sender }: ServiceContext, transaction: KnownTransaction, purpose: string): boolean {
  return transaction.purpose === purpose || transaction.purpose === `${purpose}:${sender}`
}

function isAbandoned({ sender, now, stuckAfterMs }: ServiceContext, transaction: KnownTransaction): boolean {
  const isOld = now() - transaction.createdAt.getTime() > ABANDONED_AFTER * stuckAfterMs
  return transaction.state === 'open' && transaction.sender !== sender && isOld
}

/** How many times as long as until it is replaced a transaction of another sender is waited for. */
const ABANDONED_AFTER = 10
