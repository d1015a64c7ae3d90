import type { EngineContext } from './engine-context.js'
import { isKycError, KycError } from './errors.js'
import type { CreateInquiryOptions } from './inquiries.js'
import type { Inquiry, InquiryWithSession } from './inquiry.js'
import { toLogFields } from './logger.js'
import { isPersonaError, type PersonaApiError } from './persona-error.js'
import { openPersonalData, type PersonalData } from './personal-data.js'
import { remember } from './remember.js'
import { expireQuietly, redactInquiry } from './retire-inquiry.js'
import { sealSessionToken } from './session-token.js'
import { applySnapshot } from './snapshot.js'
import type { KycCase } from './storage.js'
import { isOfTemplate, toTemplateIds } from './template.js'

/**
 * How long one process may create the inquiry before another takes over, in milliseconds. It only saves calls: that
 * two of them make one inquiry rests on the idempotency key and on the search by reference id.
 */
export const LEASE_MS = 3000
const PATIENCE_MS = 20_000
const SURELY_OVER_MS = 60_000
const UNDER_WAY_MS = 1000
const POLL_MS = [25, 50, 100, 200, 400]

/** What {@link createInquiry} needs to know besides the case. */
export interface InitiationOptions {
  /** The inquiry that the new one takes the place of; null for a case's first. */
  readonly replaces: string | null
  /** True unless nobody can have asked Persona for this inquiry before. */
  readonly recovering: boolean
  readonly input: PersonalData | null
}

/**
 * Gets the case its inquiry, when it has none but `replaces`: takes the right to create it, or waits for whoever has
 * it, and takes over from a process that died.
 */
export async function completeInitiation(
  context: EngineContext,
  caseId: string,
  options: Omit<InitiationOptions, 'recovering'>,
): Promise<KycCase> {
  const { storage, now } = context
  const deadline = now() + PATIENCE_MS
  for (let turn = 0; now() < deadline; turn++) {
    const claimed = await storage.leaseInitiation(caseId, {
      currentInquiryId: options.replaces,
      now: new Date(now()),
      until: new Date(now() + LEASE_MS),
    })
    const created = claimed === null ? null : await createUnlessUnderWay(context, claimed, options)
    if (created !== null) return created
    const current = await storage.getCase(caseId)
    if (current === null || current.erasedAt !== null) throw caseErased()
    if (current.personaInquiryId !== options.replaces) return current
    await context.sleep(POLL_MS[Math.min(turn, POLL_MS.length - 1)] ?? 400)
  }
  throw initiationInProgress()
}

/** Null when Persona says that a request for this inquiry still runs: then that one is waited for. */
async function createUnlessUnderWay(
  context: EngineContext,
  kycCase: KycCase,
  options: Omit<InitiationOptions, 'recovering'>,
): Promise<KycCase | null> {
  try {
    return await createInquiry(context, kycCase, { ...options, recovering: true })
  } catch (error) {
    if (!isKycError(error) || error.code !== 'initiation_in_progress') throw error
    await context.sleep(UNDER_WAY_MS)
    return null
  }
}

/** Creates the case's inquiry at Persona and attaches it; the caller holds the case's initiation. */
export async function createInquiry(
  context: EngineContext,
  kycCase: KycCase,
  options: InitiationOptions,
): Promise<KycCase> {
  try {
    return await findOrCreate(context, kycCase, options)
  } catch (error) {
    context.logger.warn({ caseId: kycCase.id, ...toLogFields(error) }, 'inquiry not created')
    if (kycCase.initiatingUntil !== null) await context.storage.releaseInitiation(kycCase.id, kycCase.initiatingUntil)
    throw error
  }
}

function initiationInProgress(): KycError {
  return new KycError('initiation_in_progress', {
    problem: 'The inquiry of this case is just being created.',
    fix: 'Call again in a few seconds.',
  })
}

/** The error for a case that was erased, or is gone. */
export function caseErased(): KycError {
  return new KycError('case_erased', { problem: 'The case was erased.', fix: 'Start a new verification.' })
}

async function findOrCreate(context: EngineContext, kycCase: KycCase, options: InitiationOptions): Promise<KycCase> {
  const found = options.recovering ? await findInquiry(context, kycCase, options.replaces) : null
  if (found !== null) return adopt(context, kycCase, found, options.replaces)
  const outcome = await requestInquiry(context, kycCase, options).catch(toFailure)
  if (!('failure' in outcome)) return attach(context, kycCase, { ...outcome, replaces: options.replaces })
  const key = toIdempotencyKey(kycCase, options.replaces)
  if (isStored(context, key, outcome.failure)) await context.storage.advanceAttempt(kycCase.id, kycCase.inquiryAttempt)
  // Whether this or an earlier request took effect is unknown, so look. What is not there yet, the next call finds.
  const late = outcome.failure.status === null ? null : await findInquiry(context, kycCase, options.replaces)
  if (late !== null) return adopt(context, kycCase, late, options.replaces)
  throw outcome.failure.code === 'persona_conflict' ? initiationInProgress() : outcome.failure
}

function toFailure(error: unknown): { failure: PersonaApiError } {
  if (isPersonaError(error)) return { failure: error }
  throw error
}

/**
 * True for an answer that Persona keeps under the idempotency key for 24 hours: the next request needs another key. What
 * says 401 or 429 never got that far. What says 408, 409, 502, 503 or 504 may come from the edge while the request still
 * runs: another key would make a second inquiry, so it is taken for stored only when it still comes after a minute.
 */
function isStored(context: EngineContext, key: string, { status }: PersonaApiError): boolean {
  if (status === null || status === 401 || status === 429) return false
  if (![408, 409, 502, 503, 504].includes(status)) return true
  const { doubtfulSince } = context
  const since = doubtfulSince.get(key) ?? context.now()
  const isOver = context.now() - since > SURELY_OVER_MS
  if (isOver) doubtfulSince.delete(key)
  else remember(doubtfulSince, key, since)
  return isOver
}

async function requestInquiry(
  context: EngineContext,
  kycCase: KycCase,
  { replaces, input }: InitiationOptions,
): Promise<InquiryWithSession> {
  const { toInquiryFields } = context
  // What was stored, not what this caller says, as far as it was: one idempotency key stands for one request.
  const personalData = toInquiryFields === null ? null : ((await openPersonalData(context, kycCase)) ?? input)
  return context.persona.inquiries.create({
    ...toTemplate(context.templateId),
    referenceId: kycCase.id,
    accountReferenceId: kycCase.userId,
    createSession: true,
    idempotencyKey: toIdempotencyKey(kycCase, replaces),
    ...(context.redirectUri !== null && { redirectUri: context.redirectUri }),
    ...(toInquiryFields !== null && {
      fields: toInquiryFields({ documentType: kycCase.documentType, ...personalData }),
    }),
  })
}

/** One key for one inquiry, whichever process asks for it. Persona answers the same again for 24 hours. */
function toIdempotencyKey({ id, inquiryAttempt }: KycCase, replaces: string | null): string {
  return ['kyc', id, inquiryAttempt, ...(replaces === null ? [] : [replaces])].join('-')
}

/** The newest inquiry that Persona has for this case, unless that is the one to be replaced. */
async function findInquiry(
  { persona, templateId }: EngineContext,
  kycCase: KycCase,
  replaces: string | null,
): Promise<Inquiry | null> {
  for await (const inquiry of persona.inquiries.list({ referenceId: kycCase.id })) {
    if (inquiry.id === replaces) return null
    if (isUsable(inquiry, templateId)) return inquiry
  }
  return null
}

/** True for an inquiry of our template that is not redacted. */
export function isUsable({ attributes, relationships }: Inquiry, templateId: string): boolean {
  return attributes.redactedAt === null && isOfTemplate(toTemplateIds(relationships), templateId)
}

async function adopt(
  context: EngineContext,
  kycCase: KycCase,
  inquiry: Inquiry,
  replaces: string | null,
): Promise<KycCase> {
  context.logger.info({ caseId: kycCase.id, inquiryId: inquiry.id }, 'inquiry of an interrupted initiation adopted')
  const attached = await attach(context, kycCase, { inquiry, sessionToken: null, replaces })
  return inquiry.attributes.status === 'created' ? attached : applySnapshot(context, attached, inquiry, 'adopt')
}

/** Gives the case its inquiry. Rejects with `case_erased` when it was erased meanwhile; then the inquiry is redacted. */
export async function attach(
  context: EngineContext,
  kycCase: KycCase,
  { inquiry, sessionToken, replaces }: { inquiry: Inquiry; sessionToken: string | null; replaces: string | null },
): Promise<KycCase> {
  const sealedSessionToken = await sealSessionToken(context, kycCase.id, inquiry.id, sessionToken)
  const attached = await context.storage.attachInquiry(kycCase.id, {
    inquiryId: inquiry.id,
    replaces,
    personaStatus: inquiry.attributes.status,
    sealedSessionToken,
    now: new Date(context.now()),
  })
  if (attached === null) return abandon(context, kycCase, inquiry)
  if (sessionToken !== null) context.freshTokens.set(attached, sessionToken)
  if (attached.inquiryAttempt > 1) await expireOthers(context, attached)
  return attached
}

/** A request that was given up may have made an inquiry after all. A case has one live inquiry. */
async function expireOthers(context: EngineContext, { id, personaInquiryId }: KycCase): Promise<void> {
  try {
    for await (const { id: inquiryId, attributes } of context.persona.inquiries.list({ referenceId: id })) {
      const isLive = attributes.status === 'created' || attributes.status === 'pending'
      if (isLive && inquiryId !== personaInquiryId) await expireQuietly(context, inquiryId)
    }
  } catch (error) {
    // The case has its inquiry. That there may be another one is no reason to fail.
    context.logger.warn({ caseId: id, ...toLogFields(error) }, 'other inquiries of the case not looked for')
  }
}

/** The case was erased, or given another inquiry, while this one was made: this one must not stay. */
async function abandon(context: EngineContext, kycCase: KycCase, inquiry: Inquiry): Promise<KycCase> {
  const { storage, logger } = context
  const current = await storage.getCase(kycCase.id)
  logger.warn({ caseId: kycCase.id, inquiryId: inquiry.id }, 'inquiry abandoned')
  if (current === null || current.erasedAt !== null) {
    await redactInquiry(context, inquiry.id)
    throw caseErased()
  }
  await expireQuietly(context, inquiry.id)
  return current
}

function toTemplate(templateId: string): CreateInquiryOptions {
  if (templateId.startsWith('tmpl_')) return { templateId }
  if (templateId.startsWith('itmplv_')) return { inquiryTemplateVersionId: templateId }
  return { inquiryTemplateId: templateId }
}
