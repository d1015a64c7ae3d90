import { forbidden } from './authorize.js'
import { caseNotFound, type KycCaseView } from './case-view.js'
import type { KycEngine } from './engine.js'
import { isKycError } from './errors.js'

/** What of the engine a caller is given who may see claimable cases only. */
export type ClaimEngine = Pick<KycEngine, 'getCase' | 'listCases' | 'updateClaim' | 'clearClaim'>

/**
 * Returns the engine for a caller who may see claimable cases only: those that are verified or carry a claim reference.
 * Any other case is as if it did not exist, also one that stops being claimable meanwhile; a list that could hold
 * another one is refused with 403; no case has a session token.
 */
export function limitToClaimable(engine: ClaimEngine): ClaimEngine {
  const getCase = async (caseId: string) => requireClaimable(await engine.getCase(caseId))
  return {
    getCase,
    async listCases(query = {}) {
      if (!isClaimableList(query)) throw forbidden()
      const { items, next } = await engine.listCases(query)
      return { items: items.filter(isClaimable).map(withoutSession), next }
    },
    async updateClaim(caseId, claim) {
      try {
        return requireClaimable(await engine.updateClaim(caseId, claim))
      } catch (error) {
        if (isKycError(error) && error.code === 'case_not_verified') await getCase(caseId)
        throw error
      }
    },
    async clearClaim(caseId, claim) {
      const seen = await getCase(caseId)
      const cleared = await engine.clearClaim(caseId, claim)
      if (isClaimable(cleared)) return withoutSession(cleared)
      // The reference made the case visible: without it, the caller is shown no more than what it could see before.
      if (seen.status === 'verified') throw caseNotFound()
      return { ...seen, kycClaimId: null, kycClaimTxHash: null, updatedAt: cleared.updatedAt }
    },
  }
}

/** True for a case that is verified or carries a claim reference. */
export function isClaimable({ status, kycClaimId }: KycCaseView): boolean {
  return status === 'verified' || kycClaimId !== null
}

/** True for a list that can hold claimable cases only. */
export function isClaimableList({ status, claim }: { readonly [Name in 'status' | 'claim']?: string | null }): boolean {
  return status === 'verified' || claim === 'present' || claim === 'stale'
}

function requireClaimable(kycCase: KycCaseView): KycCaseView {
  if (isClaimable(kycCase)) return withoutSession(kycCase)
  throw caseNotFound()
}

function withoutSession(kycCase: KycCaseView): KycCaseView {
  return { ...kycCase, personaSessionToken: null }
}
