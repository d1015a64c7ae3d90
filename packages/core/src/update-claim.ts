import { caseNotFound } from './case-view.js'
import type { EngineContext } from './engine-context.js'
import { KycError } from './errors.js'
import { requireText } from './input.js'
import type { ClaimReference, KycCase } from './storage.js'

/** See {@link KycEngine.updateClaim}. */
export async function updateClaim(
  { storage, now }: EngineContext,
  caseId: string,
  claim: ClaimReference,
): Promise<KycCase> {
  const { result, kycCase } = await storage.setClaim(caseId, { ...toCanonical(claim), now: new Date(now()) })
  if (kycCase === null) throw caseNotFound()
  if (result === 'stored' || result === 'unchanged') return kycCase
  if (result === 'conflict') throw claimConflict()
  throw new KycError('case_not_verified', {
    problem: 'Only a verified case takes a claim.',
    fix: 'Wait for the transition to verified before issuing one.',
  })
}

/** See {@link KycEngine.clearClaim}. */
export async function clearClaim(
  { storage, now }: EngineContext,
  caseId: string,
  claim: ClaimReference,
): Promise<KycCase> {
  const { result, kycCase } = await storage.clearClaim(caseId, { ...toCanonical(claim), now: new Date(now()) })
  if (kycCase === null) throw caseNotFound()
  if (result === 'conflict') throw claimConflict()
  return kycCase
}

function claimConflict(): KycError {
  return new KycError('claim_conflict', {
    problem: 'The case has another claim already.',
    fix: 'Read the case: its claim is the one that counts.',
  })
}

function toCanonical({ kycClaimId, kycClaimTxHash }: ClaimReference): ClaimReference {
  return {
    kycClaimId: toCanonicalHex(requireText('kycClaimId', kycClaimId, 128)),
    kycClaimTxHash: toCanonicalHex(requireText('kycClaimTxHash', kycClaimTxHash, 128)),
  }
}

/** Hex means the same in either case; one spelling is stored, so that a repeated call is recognised. */
function toCanonicalHex(value: string): string {
  return /^0x[0-9a-f]+$/i.test(value) ? value.toLowerCase() : value
}
