import type { ClaimReference } from '@persona-kyc/core'

/** What a source says of a case whose claim may have to change. */
export interface ClaimChange {
  readonly caseId: string
  readonly revision: number
  /** True where the case is verified at that revision. */
  readonly isVerified: boolean
}

/** A case, as the Identity Service sees it. */
export interface ClaimableCase {
  readonly caseId: string
  readonly userId: string
  readonly revision: number
  /** When it became verified; null while it is not, or is erased. */
  readonly verifiedAt: Date | null
  /** The claim reference that it has; null where it has none. */
  readonly claim: ClaimReference | null
}

/** Where the Identity Service learns of cases, and where it stores the references of their claims. */
export interface ClaimSource {
  /** How often a case with a claim is read again, in milliseconds; left out for a source that tells of every change. */
  readonly recheckMs?: number | undefined
  /**
   * Calls `onChange` at least once for each change, with those of one case in their order, and goes on only once it
   * resolves. Resolves when the signal is aborted. Failures that pass are waited out.
   */
  follow(onChange: (change: ClaimChange) => Promise<void>, options: { readonly signal: AbortSignal }): Promise<void>
  /** Resolves with the case; null when there is none, or it may not be seen: then it is not verified and has no claim. */
  readCase(caseId: string): Promise<ClaimableCase | null>
  /** Stores the reference on the case; the same again is fine. Says why where it does not. */
  storeClaim(caseId: string, claim: ClaimReference): Promise<'stored' | 'not_verified' | 'conflict' | 'not_found'>
  /** Removes the reference from the case; none there is fine. Says why where it does not. */
  clearClaim(caseId: string, claim: ClaimReference): Promise<'cleared' | 'conflict' | 'not_found'>
}
