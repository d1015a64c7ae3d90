import type { EngineContext } from './engine-context.js'
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
  return erased ?? kycCase
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
