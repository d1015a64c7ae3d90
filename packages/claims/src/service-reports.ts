/** Something that an operator should know of. Holds ids, addresses and numbers only. */
export type IdentityServiceAlarm =
  /** The sender cannot pay. Nothing is sent until it can; it is looked again every minute. */
  | { readonly kind: 'funds_missing'; readonly sender: string; readonly neededWei: bigint }
  /** The factory names an identity for the user's wallet that was made for another one: somebody may have linked the wallet to theirs. Nothing is issued to it. */
  | { readonly kind: 'identity_foreign'; readonly caseId: string; readonly identity: string }
  /** The case has a claim of another issuer or topic than this service's: it is kept while the case is verified. */
  | { readonly kind: 'other_issuer'; readonly caseId: string }
  /** No node takes the transaction, for another reason than its fees: it is given up, and its nonce used for a transfer of nothing. */
  | { readonly kind: 'transaction_refused'; readonly caseId: string; readonly nonce: number }
  /** Transactions wait for nonces that are not this service's: these are filled by transfers of nothing. */
  | { readonly kind: 'nonce_gap'; readonly from: number; readonly to: number }
  /** A transaction waits although it pays the most that is allowed. */
  | { readonly kind: 'fee_limit_reached'; readonly nonce: number }
  /** A contract refuses a call again and again: see the error `chain_refused`. */
  | { readonly kind: 'claim_refused'; readonly caseId: string; readonly attempts: number }
  /** The case has a claim reference that is not this service's. */
  | { readonly kind: 'claim_conflict'; readonly caseId: string }
  /** What RPC endpoints say does not fit together: one lies, or is on a fork. Nothing is concluded from it. */
  | { readonly kind: 'chain_contradicts'; readonly nonce: number | null; readonly caseId: string }
  /** The RPC endpoint serves another chain than before. Nothing is done until it is the old one again. */
  | { readonly kind: 'chain_mismatch' }
  /** A transaction was mined and reverted. It is checked and sent anew. */
  | { readonly kind: 'transaction_reverted'; readonly caseId: string; readonly nonce: number }
  /** A nonce that was given to a transaction was used by one that is not ours: the key is used elsewhere too. */
  | { readonly kind: 'nonce_taken'; readonly nonce: number }

/** One thing to be counted. */
export interface IdentityServiceMetric {
  readonly name:
    | 'claim_issued'
    | 'claim_revoked'
    | 'case_parked'
    | 'identity_created'
    | 'transaction_sent'
    | 'transaction_replaced'
    | 'transaction_confirmed'
    | 'round_failed'
  /** For `case_parked`: why. */
  readonly reason?: string
}
