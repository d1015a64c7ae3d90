import type { EngineContext } from './engine-context.js'
import type { CallOptions } from './inquiries.js'
import { toLogFields } from './logger.js'
import { isPersonaError } from './persona-error.js'

/** Expires an inquiry that its case no longer needs. One that Persona does not expire does no harm: it is logged. */
export async function expireQuietly({ persona, logger }: EngineContext, inquiryId: string): Promise<void> {
  try {
    await persona.inquiries.expire(inquiryId)
  } catch (error) {
    logger.info({ inquiryId, ...toLogFields(error) }, 'replaced inquiry not expired')
  }
}

/** Redacts an inquiry; one that is gone or redacted already is as good. */
export async function redactInquiry(
  { persona }: EngineContext,
  inquiryId: string,
  options: CallOptions = {},
): Promise<void> {
  try {
    await persona.inquiries.redact(inquiryId, options)
  } catch (error) {
    if (!isPersonaError(error, 'persona_not_found', 'persona_conflict')) throw error
  }
}
