import type { EngineContext } from './engine-context.js'
import { KycError } from './errors.js'
import { caseErased, completeInitiation } from './initiation.js'
import { ensureSession, resume } from './session.js'
import { applySnapshot } from './snapshot.js'
import type { KycCase } from './storage.js'

/** See {@link KycEngine.resumeCase}. */
export async function resumeCase(context: EngineContext, kycCase: KycCase): Promise<KycCase> {
  if (kycCase.erasedAt !== null) throw caseErased()
  if (kycCase.status !== 'pending') throw notResumable()
  if (kycCase.personaInquiryId === null) {
    const completed = await completeInitiation(context, kycCase.id, { replaces: null, input: null })
    return ensureSession(context, completed, null)
  }
  const resumed = await resume(context, kycCase, kycCase.personaInquiryId)
  if (resumed !== null) return resumed
  const inquiry = await context.persona.inquiries.retrieve(kycCase.personaInquiryId)
  // An inquiry that nobody has started opens without a token.
  if (inquiry.attributes.status === 'created' && inquiry.attributes.redactedAt === null) return kycCase
  await applySnapshot(context, kycCase, inquiry, 'retrieve')
  throw notResumable()
}

function notResumable(): KycError {
  return new KycError('case_not_resumable', {
    problem: 'The inquiry of this case cannot be resumed: it is decided, redacted, or has no session left.',
    fix: 'Read the case; if it is still pending, POST /compliance/kyc gives the user a new inquiry.',
  })
}
