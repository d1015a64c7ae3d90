import type { PersonaClient } from './client.js'
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
  /** Stored at Persona with the decision. Persona takes none when marking for review. */
  readonly comment?: string | undefined
}

/** See {@link KycEngine.decideCase}. */
export async function decideCase(
  context: EngineContext,
  kycCase: KycCase,
  options: DecideCaseOptions,
): Promise<KycCase> {
  const inquiryId = requireInquiry(kycCase)
  const decision = requireDecision(options.decision)
  try {
    const inquiry = await CALLS[decision](context.persona, inquiryId, options.comment)
    return await applySnapshot(context, kycCase, inquiry, decision)
  } catch (error) {
    // Decided already, perhaps by a call whose answer was lost: what Persona holds is what counts.
    if (isPersonaError(error, 'persona_conflict')) {
      await applySnapshot(context, kycCase, await context.persona.inquiries.retrieve(inquiryId), 'retrieve')
    }
    throw error
  }
}

const CALLS: Readonly<
  Record<Decision, (persona: PersonaClient, inquiryId: string, comment?: string) => Promise<Inquiry>>
> = {
  approve: ({ inquiries }, inquiryId, comment) => inquiries.approve(inquiryId, { comment }),
  decline: ({ inquiries }, inquiryId, comment) => inquiries.decline(inquiryId, { comment }),
  'mark-for-review': ({ inquiries }, inquiryId) => inquiries.markForReview(inquiryId),
}

function requireDecision(decision: Decision): Decision {
  if (Object.hasOwn(CALLS, decision)) return decision
  throw new KycError('argument_invalid', {
    problem: 'The decision is unknown.',
    fix: 'Use "approve", "decline" or "mark-for-review".',
  })
}

function requireInquiry({ personaInquiryId }: KycCase): string {
  if (personaInquiryId !== null) return personaInquiryId
  throw new KycError('case_without_inquiry', {
    problem: 'The case has no inquiry yet.',
    fix: 'Complete the initiation first: POST /compliance/kyc for the same user.',
  })
}
