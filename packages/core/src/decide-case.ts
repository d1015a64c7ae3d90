import type { EngineContext } from './engine-context.js'
import { KycError } from './errors.js'
import type { Inquiry } from './inquiry.js'
import { isPersonaError } from './persona-error.js'
import { applySnapshot } from './snapshot.js'
import type { KycCase } from './storage.js'

/** A decision about an inquiry, as Persona's API names it. */
export type Decision = 'approve' | 'decline' | 'mark-for-review'

/** The input of {@link KycEngine.decideCase}. */
export interface DecideCaseOptions {
  readonly decision: Decision
  /** Stored at Persona with the decision; not used when marking for review. */
  readonly comment?: string
}

/** See {@link KycEngine.decideCase}. */
export async function decideCase(
  context: EngineContext,
  kycCase: KycCase,
  options: DecideCaseOptions,
): Promise<KycCase> {
  const inquiryId = requireInquiry(kycCase)
  try {
    const inquiry = await decide(context, inquiryId, options)
    return await applySnapshot(context, kycCase, inquiry, options.decision)
  } catch (error) {
    // Decided already, perhaps by a call whose answer was lost: what Persona holds is what counts.
    if (isPersonaError(error, 'persona_conflict')) {
      await applySnapshot(context, kycCase, await context.persona.inquiries.retrieve(inquiryId), 'retrieve')
    }
    throw error
  }
}

function decide(
  { persona }: EngineContext,
  inquiryId: string,
  { decision, comment }: DecideCaseOptions,
): Promise<Inquiry> {
  const options = comment === undefined ? {} : { comment }
  if (decision === 'approve') return persona.inquiries.approve(inquiryId, options)
  if (decision === 'decline') return persona.inquiries.decline(inquiryId, options)
  return persona.inquiries.markForReview(inquiryId)
}

function requireInquiry({ personaInquiryId }: KycCase): string {
  if (personaInquiryId !== null) return personaInquiryId
  throw new KycError('case_without_inquiry', {
    problem: 'The case has no inquiry yet.',
    fix: 'Complete the initiation first: POST /compliance/kyc for the same user.',
  })
}
