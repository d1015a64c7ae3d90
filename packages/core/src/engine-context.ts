import { fromBase64 } from './base64.js'
import type { Cipher } from './cipher.js'
import type { PersonaClient } from './client.js'
import { isJsonObject, type JsonObject } from './inflection.js'
import type { Inquiry } from './inquiry.js'
import { type Logger, toLogFields } from './logger.js'
import type { SignatureVerdict, SignedDelivery } from './signature.js'
import { type StatusPolicy, toPersonaStatus, toStatusRank } from './status.js'
import type { EventEffect, KycCase, KycStorage, RecordedEvent, SealedText, Transition } from './storage.js'

/** What an app may tell of the person. */
export interface PersonalData {
  readonly documentData?: JsonObject
  readonly personalInfo?: JsonObject
}

/** What an app says when it starts a verification. */
export interface InquiryInput extends PersonalData {
  /** Your own word for it, such as `passport`. */
  readonly documentType: string
}

/** What the engine's operations share. Internal: apps see KycEngine. */
export interface EngineContext {
  readonly persona: PersonaClient
  readonly storage: KycStorage
  readonly templateId: string
  readonly redirectUri: string | null
  readonly policy: StatusPolicy
  readonly cipher: Cipher | null
  readonly logger: Logger
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly verify: (delivery: SignedDelivery) => Promise<SignatureVerdict>
  readonly toInquiryFields: ((input: InquiryInput) => JsonObject) | null
  readonly onTransition: ((transition: Transition) => unknown) | null
  /** Session tokens by inquiry id, of this process only: where there is no key to store them under. */
  readonly sessionTokens: Map<string, string>
  /** Work on a case that is under way in this process: later callers join it. */
  readonly underWay: Map<string, Promise<KycCase>>
}

const MAX_REMEMBERED_TOKENS = 10_000
const EXPIRY_MARGIN_SECONDS = 60

/** Turns a status and its time into what the store needs to move a case. */
export function toEffect(context: EngineContext, status: string, occurredAt: Date): EventEffect {
  const personaStatus = toPersonaStatus(status)
  return { personaStatus, ...context.policy(personaStatus), occurredAt, rank: toStatusRank(personaStatus) }
}

/** Moves the case by an inquiry that Persona's API answered with, through the same statement as a webhook. */
export async function applySnapshot(
  context: EngineContext,
  kycCase: KycCase,
  inquiry: Inquiry,
  cause: string,
): Promise<KycCase> {
  const { status, updatedAt } = inquiry.attributes
  const recorded = await context.storage.recordEvent({
    id: `api_${inquiry.id}_${updatedAt}_${status}`,
    name: `api.${cause}`,
    inquiryId: inquiry.id,
    referenceId: null,
    effect: toEffect(context, status, new Date(updatedAt)),
    receivedAt: new Date(context.now()),
  })
  await announce(context, recorded)
  return recorded.kycCase ?? (await context.storage.getCase(kycCase.id)) ?? kycCase
}

/** Tells the app of a transition that is committed. What the app's hook throws is logged and goes no further. */
export async function announce(context: EngineContext, { transition }: RecordedEvent): Promise<void> {
  if (transition === null) return
  const { caseId, revision, from, to, eventId, eventName } = transition
  context.logger.info({ caseId, revision, from, to, eventId, eventName }, 'case moved')
  if (to === 'verified') context.logger.info({ caseId, revision }, 'ready to issue identity claim')
  try {
    await context.onTransition?.(transition)
  } catch (error) {
    context.logger.error({ caseId, revision, ...toLogFields(error) }, 'onTransition failed')
  }
}

/** Keeps a session token: sealed for the store, or in this process only. Resolves with what the store may have. */
export async function sealSessionToken(
  context: EngineContext,
  caseId: string,
  inquiryId: string,
  token: string | null,
): Promise<SealedText | null> {
  if (token === null) return null
  if (context.cipher !== null) return context.cipher.seal(token, `${caseId}.session_token`)
  const { sessionTokens } = context
  sessionTokens.delete(inquiryId)
  sessionTokens.set(inquiryId, token)
  const [oldest] = sessionTokens.keys()
  if (sessionTokens.size > MAX_REMEMBERED_TOKENS && oldest !== undefined) sessionTokens.delete(oldest)
  return null
}

/**
 * The token with which the person can go on, or null: only of a pending case, and only while Persona would take it.
 */
export async function openSessionToken(context: EngineContext, kycCase: KycCase): Promise<string | null> {
  const { id, status, personaInquiryId, personaStatus, sealedSessionToken, erasedAt } = kycCase
  if (status !== 'pending' || personaInquiryId === null || erasedAt !== null) return null
  if (personaStatus !== null && toStatusRank(personaStatus) > toStatusRank('pending')) return null
  const token =
    context.cipher === null || sealedSessionToken === null
      ? (context.sessionTokens.get(personaInquiryId) ?? null)
      : await context.cipher.open(sealedSessionToken, `${id}.session_token`)
  return token !== null && isFresh(token, context.now()) ? token : null
}

/** What the app gave of the person; null where it was not stored, is erased, or its key is gone. */
export async function openPersonalData({ cipher }: EngineContext, kycCase: KycCase): Promise<PersonalData | null> {
  if (cipher === null || kycCase.sealedPersonalData === null) return null
  const text = await cipher.open(kycCase.sealedPersonalData, `${kycCase.id}.personal_data`)
  return text === null ? null : (JSON.parse(text) as PersonalData)
}

/** Reads `exp` of the JWT that a session token is. A token that says nothing counts as stale: Persona is asked. */
function isFresh(token: string, nowMs: number): boolean {
  try {
    const payload = JSON.parse(new TextDecoder().decode(fromBase64(token.split('.')[1] ?? '')))
    return (
      isJsonObject(payload) && typeof payload.exp === 'number' && payload.exp - EXPIRY_MARGIN_SECONDS > nowMs / 1000
    )
  } catch {
    return false
  }
}
