import type { EngineContext } from './engine-context.js'
import { isJsonObject } from './inflection.js'
import { completeInitiation } from './initiation.js'
import type { Inquiry } from './inquiry.js'
import { toLogFields } from './logger.js'
import { isPersonaError, PersonaApiError } from './persona-error.js'
import type { PersonalData } from './personal-data.js'
import { expireQuietly } from './retire-inquiry.js'
import { openSessionToken, sealSessionToken } from './session-token.js'
import { applySnapshot } from './snapshot.js'
import type { KycCase } from './storage.js'

/** Persona's default. @see https://docs.withpersona.com/inquiry-sessions */
const MAX_SESSIONS = 25

/**
 * Makes sure that the person can go on with a pending case. A stored token that is still valid is kept: Persona asks
 * not to resume at every visit. An inquiry that is expired or pending is resumed; one that is used up is replaced.
 */
export async function ensureSession(
  context: EngineContext,
  kycCase: KycCase,
  input: PersonalData | null,
): Promise<KycCase> {
  const { personaInquiryId, status } = kycCase
  if (status !== 'pending' || personaInquiryId === null) return kycCase
  if ((await openSessionToken(context, kycCase)) !== null) return kycCase
  const inquiry = await retrieve(context, personaInquiryId)
  if (inquiry === null || isUsedUp(inquiry)) return replaceInquiry(context, kycCase, personaInquiryId, input)
  // As long as it is `created`, the inquiry opens without a token, and Persona refuses to resume it.
  if (inquiry.attributes.status === 'created') return kycCase
  if (!isResumable(inquiry)) return applySnapshot(context, kycCase, inquiry, 'retrieve')
  return (await resume(context, kycCase, inquiry.id)) ?? reconsider(context, kycCase, inquiry.id, input)
}

/** Resumes the inquiry and stores the new token. Null when Persona refuses: a wrong state, or no session left. */
export async function resume(context: EngineContext, kycCase: KycCase, inquiryId: string): Promise<KycCase | null> {
  const { persona, storage, now } = context
  try {
    const { inquiry, sessionToken } = await persona.inquiries.resume(inquiryId)
    // Nobody could go on with that, and the token that is known must not be lost for it.
    if (sessionToken === null) throw new PersonaApiError('persona_unexpected_answer')
    const sealedSessionToken = await sealSessionToken(context, kycCase.id, inquiryId, sessionToken)
    const session = { inquiryId, sealedSessionToken, now: new Date(now()) }
    const resumed = (await storage.storeSessionToken(kycCase.id, session)) ?? (await storage.getCase(kycCase.id))
    // No event tells that an expired inquiry is pending again, and as an expired one it would be resumed at every visit.
    const isKnown = resumed === null || resumed.personaStatus === inquiry.attributes.status
    return isKnown ? resumed : applySnapshot(context, resumed, inquiry, 'resume')
  } catch (error) {
    // Which status says that the sessions are used up is not documented; a wrong state is 409.
    if (!isPersonaError(error) || (error.status !== 409 && error.status !== 422)) throw error
    context.logger.info({ caseId: kycCase.id, ...toLogFields(error) }, 'inquiry not resumed')
    return null
  }
}

/** True when Persona may resume the inquiry. */
function isResumable({ attributes }: Inquiry): boolean {
  return attributes.redactedAt === null && (attributes.status === 'pending' || attributes.status === 'expired')
}

/** Persona refused to resume what looked resumable: either it moved on meanwhile, or its sessions are used up. */
async function reconsider(
  context: EngineContext,
  kycCase: KycCase,
  inquiryId: string,
  input: PersonalData | null,
): Promise<KycCase> {
  const inquiry = await retrieve(context, inquiryId)
  const hasMoved = inquiry !== null && inquiry.attributes.redactedAt === null && !isResumable(inquiry)
  if (hasMoved) return applySnapshot(context, kycCase, inquiry, 'retrieve')
  return replaceInquiry(context, kycCase, inquiryId, input)
}

async function replaceInquiry(
  context: EngineContext,
  kycCase: KycCase,
  inquiryId: string,
  input: PersonalData | null,
): Promise<KycCase> {
  const replaced = await completeInitiation(context, kycCase.id, { replaces: inquiryId, input })
  // It was decided after all, while the new one was made.
  if (replaced.personaInquiryId === inquiryId) return replaced
  context.logger.info({ caseId: kycCase.id, inquiryId, by: replaced.personaInquiryId }, 'inquiry replaced')
  await expireQuietly(context, inquiryId)
  return (await openSessionToken(context, replaced)) === null ? resumeReplacement(context, replaced) : replaced
}

/** An interrupted replacement may have left an inquiry without a token that anybody knows. It is not replaced again. */
async function resumeReplacement(context: EngineContext, kycCase: KycCase): Promise<KycCase> {
  const { personaInquiryId } = kycCase
  const inquiry = personaInquiryId === null ? null : await retrieve(context, personaInquiryId)
  if (inquiry === null || !isResumable(inquiry)) return kycCase
  return (await resume(context, kycCase, inquiry.id)) ?? kycCase
}

async function retrieve({ persona }: EngineContext, inquiryId: string): Promise<Inquiry | null> {
  try {
    return await persona.inquiries.retrieve(inquiryId)
  } catch (error) {
    if (isPersonaError(error, 'persona_not_found')) return null
    throw error
  }
}

function isUsedUp(inquiry: Inquiry): boolean {
  const { sessions } = inquiry.relationships
  const count = isJsonObject(sessions) && Array.isArray(sessions.data) ? sessions.data.length : 0
  return inquiry.attributes.redactedAt !== null || (isResumable(inquiry) && count >= MAX_SESSIONS)
}
