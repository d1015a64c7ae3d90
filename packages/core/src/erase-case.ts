import type { EngineContext } from './engine-context.js'
import { KycError } from './errors.js'
import { redactInquiry } from './retire-inquiry.js'
import type { KycCase } from './storage.js'

/** See {@link KycEngine.eraseCase}. Erases here first: that cannot fail for Persona's sake. */
export async function eraseCase(context: EngineContext, kycCase: KycCase): Promise<KycCase> {
  const { id, personaInquiryId } = kycCase
  const { storage, sessionTokens, logger, now } = context
  const erased = await storage.eraseCase(id, new Date(now()))
  if (personaInquiryId !== null) sessionTokens.delete(personaInquiryId)
  for (const inquiryId of await findInquiries(context, id, personaInquiryId)) {
    await redactInquiry(context, inquiryId)
    logger.info({ caseId: id, inquiryId }, 'inquiry redacted')
  }
  requireNoInitiation(kycCase, now())
  return erased ?? kycCase
}

/** What another process is just creating cannot be found yet. That process redacts it, unless it dies. */
function requireNoInitiation({ personaInquiryId, initiatingUntil }: KycCase, nowMs: number): void {
  if (personaInquiryId !== null || initiatingUntil === null || initiatingUntil.getTime() <= nowMs) return
  throw new KycError('initiation_in_progress', {
    problem: 'The case is erased, but an inquiry of it was just being created.',
    fix: 'Call again in a few seconds, so that it is redacted too.',
  })
}

/** The attached inquiry, and whatever else Persona has under this reference id: replaced or never attached ones. */
async function findInquiries(
  { persona }: EngineContext,
  caseId: string,
  attached: string | null,
): Promise<Set<string>> {
  const found = new Set(attached === null ? [] : [attached])
  for await (const inquiry of persona.inquiries.list({ referenceId: caseId })) {
    if (inquiry.attributes.redactedAt === null) found.add(inquiry.id)
    else found.delete(inquiry.id)
  }
  return found
}
