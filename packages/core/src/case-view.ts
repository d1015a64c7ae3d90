import { KycError } from './errors.js'
import type { KycCase, KycStorage } from './storage.js'

/** A case as apps see it: without ciphertexts, with the session token while it is pending. */
export interface KycCaseView
  extends Omit<KycCase, 'sealedSessionToken' | 'sealedPersonalData' | 'initiatingUntil' | 'inquiryAttempt'> {
  readonly personaSessionToken: string | null
}

/** Resolves with the case. Rejects with `case_not_found`. */
export async function requireCase(storage: KycStorage, caseId: string): Promise<KycCase> {
  const kycCase = await storage.getCase(caseId)
  if (kycCase !== null) return kycCase
  throw caseNotFound()
}

/** The error for an id that no case has. */
export function caseNotFound(): KycError {
  return new KycError('case_not_found', {
    problem: 'There is no case of this id.',
    fix: 'Check the id and the environment.',
  })
}

/** What apps see of a case. */
export function toCaseView(kycCase: KycCase, personaSessionToken: string | null): KycCaseView {
  return {
    id: kycCase.id,
    userId: kycCase.userId,
    documentType: kycCase.documentType,
    status: kycCase.status,
    revision: kycCase.revision,
    verificationScore: kycCase.verificationScore,
    personaInquiryId: kycCase.personaInquiryId,
    personaSessionToken,
    personaStatus: kycCase.personaStatus,
    kycClaimId: kycCase.kycClaimId,
    kycClaimTxHash: kycCase.kycClaimTxHash,
    createdAt: kycCase.createdAt,
    updatedAt: kycCase.updatedAt,
    verifiedAt: kycCase.verifiedAt,
    erasedAt: kycCase.erasedAt,
  }
}
