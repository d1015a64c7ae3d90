import type { ClaimWork, NewChainTransaction, StoredClaim } from '@persona-kyc/core'
import type { Address, Hex } from 'viem'
import type { ContractCall } from './calls.js'
import { askChain } from './chain-error.js'
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
 * would revert it.
 */
export async function toTransaction(
  { issuer }: ServiceContext,
  call: ContractCall,
  transaction: Pick<NewChainTransaction, 'purpose' | 'caseId' | 'claim'>,
): Promise<NewChainTransaction> {
  const gas = await askChain(() => issuer.client.estimateGas({ ...call, account: issuer.sender.address }))
  return { ...transaction, to: call.to.toLowerCase(), data: call.data, gas: withReserve(gas) }
}

/** What the transaction is for that gives a claim to its identity. */
export function toIssuePurpose(caseId: string, generation: number): string {
  return `issue:${caseId}:${generation}`
}

/** The transaction of that purpose that is under way or done. */
export function findTransaction(
  { transactions }: ClaimWork,
  purpose: string,
): ClaimWork['transactions'][number] | undefined {
  return transactions.find((transaction) => transaction.purpose === purpose && transaction.state !== 'void')
}
