/** What a case wants on chain. The Identity Service works on it until the chain agrees. */
export interface ClaimRequest {
  readonly caseId: string
  /** The revision of the case that wants it. */
  readonly revision: number
  /** True for a case that is verified, false for one that no longer is. */
  readonly wantsClaim: boolean
  /** When to work on it next; null once the chain agrees, or nothing more can be done. */
  readonly dueAt: Date | null
  /** Why it waits, or was settled without a claim: a stable code. Null where it does not. */
  readonly reason: string | null
  /** How often it was worked on since it last came forward. */
  readonly attempts: number
  /** How often something has made it due since its revision was noted: who has not seen the last time must look again. */
  readonly recalls: number
}

/**
 * How far a claim is: `signed` has a signature that others may have seen, `issued` is confirmed on chain and stored on
 * the case, `revoking` is to be made invalid and never becomes valid again, `revoked` is confirmed to be invalid.
 */
export type ClaimState = 'signed' | 'issued' | 'revoking' | 'revoked'

/** A claim about to be stored, before anybody has seen its signature. */
export interface NewStoredClaim {
  readonly caseId: string
  /** 1 for the first claim of the case, one more for each that follows a revoked one. */
  readonly generation: number
  /** The revision of the request that it was made for. */
  readonly revision: number
  readonly chainId: number
  /** The address of the claim issuer's contract, in lower case. */
  readonly issuer: string
  /** A 256-bit number in decimal digits. */
  readonly topic: string
  /** The address of the identity, in lower case. */
  readonly identity: string
  readonly claimId: string
  readonly data: string
  readonly signature: string
  readonly uri: string
  /** When the case became verified: of two cases with one identity, the later one holds the claim. */
  readonly verifiedAt: Date
  readonly now: Date
}

/** A claim as it is stored: all that is needed to issue, find and revoke it. */
export interface StoredClaim extends Omit<NewStoredClaim, 'now' | 'revision'> {
  readonly state: ClaimState
  /** The transaction that issued it, once it is confirmed. */
  readonly txHash: string | null
  /** The case that took over the identity's claim; the case itself where the holder did not want it; null while neither. */
  readonly supersededBy: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** How a transaction ended: `done` had its effect, `void` never will (its nonce went to another, or it was reverted). */
export type ChainTransactionState = 'open' | 'done' | 'void'

/** A transaction about to be given a nonce. */
export interface NewChainTransaction {
  /** What it is for. At most one transaction of a purpose that is not void exists on a chain, whoever sends it. */
  readonly purpose: string
  readonly caseId: string
  /** The claim that it is about must be in this state; null for one that is about none. */
  readonly claim: { readonly generation: number; readonly state: ClaimState } | null
  /** An address in lower case. */
  readonly to: string
  /** The calldata, as hex. */
  readonly data: string
  /** The gas limit. */
  readonly gas: bigint
}

/** A transaction that has a nonce. It is stored before it is sent, so that it is never sent under a second one. */
export interface ChainTransaction extends Omit<NewChainTransaction, 'claim'> {
  readonly chainId: number
  /** An address in lower case. */
  readonly sender: string
  readonly nonce: number
  readonly state: ChainTransactionState
  /** The newest signed form, as hex; null before the first. */
  readonly raw: string | null
  /** The hashes of all signed forms, the newest last: any of them may be the one that is mined. */
  readonly hashes: readonly string[]
  /** Of the newest signed form, in wei; null before the first. */
  readonly maxFeePerGas: bigint | null
  readonly maxPriorityFeePerGas: bigint | null
  /** When the newest form was signed. */
  readonly signedAt: Date | null
  readonly createdAt: Date
}

/** Which account sends on which chain. */
export interface ChainSender {
  readonly chainId: number
  /** An address in lower case. */
  readonly sender: string
}

/** A request, with the claims of its case by generation, and all its transactions by nonce. */
export interface ClaimWork {
  readonly request: ClaimRequest
  readonly claims: readonly StoredClaim[]
  readonly transactions: readonly ChainTransaction[]
}

/** The part of the storage's contract that is about claims on chain. */
export interface ClaimStorage {
  /**
   * Notes what a case wants, due at `now`. A revision that is not higher than the noted one changes nothing: then it
   * resolves with false.
   */
  requestClaim(request: {
    readonly caseId: string
    readonly revision: number
    readonly wantsClaim: boolean
    readonly now: Date
  }): Promise<boolean>

  /** Makes a request due at `dueAt` that waits or is settled, and counts it. False when there is none. */
  recallClaimRequest(caseId: string, dueAt: Date): Promise<boolean>

  /** Lists what is due at `now`, the longest due first, 1 to 500. */
  listDueClaims(query: { readonly now: Date; readonly limit: number }): Promise<readonly ClaimWork[]>

  /**
   * Stores when to work on a request next. False, and nothing is stored, when another revision was noted or it was made
   * due since the caller has read it.
   */
  deferClaimRequest(
    caseId: string,
    request: Pick<ClaimRequest, 'revision' | 'recalls' | 'dueAt' | 'reason' | 'attempts'>,
  ): Promise<boolean>

  /**
   * Stores a signed claim if its case still wants one under that revision and has none that is not revoked, and no other
   * case has one that is not revoked on that chain, of that issuer, topic and identity. Resolves with the claim that is
   * there afterwards: this one, the one that the case has already, or the one that is in its way; null when the case
   * does not want one.
   */
  addClaim(claim: NewStoredClaim): Promise<StoredClaim | null>

  /**
   * Moves a claim from one state to another. Resolves with it; null, and nothing is changed, when it is in none of the
   * states `from`. `txHash` and `supersededBy` are kept where they are left out.
   */
  moveClaim(
    key: Pick<StoredClaim, 'caseId' | 'generation'>,
    move: {
      readonly from: readonly ClaimState[]
      readonly to: ClaimState
      readonly txHash?: string | undefined
      readonly supersededBy?: string | undefined
      readonly now: Date
    },
  ): Promise<StoredClaim | null>

  /**
   * Gives each transaction the sender's next nonce: one more than the highest that it was ever given here, but at least
   * `chainNonce`. A purpose that has a transaction which is not void keeps that one; one whose claim is not in its state
   * gets none. Resolves with the transactions that are there afterwards, in the order in which they were given.
   */
  openTransactions(
    sender: ChainSender & { readonly chainNonce: number; readonly now: Date },
    transactions: readonly NewChainTransaction[],
  ): Promise<readonly ChainTransaction[]>

  /** Stores the newest signed form of open transactions, before it is sent. Others, and a form of a known hash, stay as they are. */
  signTransactions(
    sender: ChainSender & { readonly now: Date },
    forms: readonly {
      readonly nonce: number
      readonly raw: string
      readonly hash: string
      readonly maxFeePerGas: bigint
      readonly maxPriorityFeePerGas: bigint
    }[],
  ): Promise<void>

  /** Ends open transactions, and makes the requests of their cases due at `now` that wait: once each, and counts it. */
  closeTransactions(
    sender: ChainSender & { readonly now: Date },
    ends: readonly {
      readonly nonce: number
      readonly state: Exclude<ChainTransactionState, 'open'>
      /** The form that was mined, put last among the hashes; null where none was. */
      readonly hash: string | null
    }[],
  ): Promise<void>

  /** Lists the sender's open transactions by nonce, up to 1,000. */
  listOpenTransactions(sender: ChainSender): Promise<readonly ChainTransaction[]>
}
