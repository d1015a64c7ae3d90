import type { EngineContext } from './engine-context.js'
import { SignatureError } from './errors.js'
import { type InquirySnapshot, isInquiryEvent, type PersonaEvent, parseEvent } from './events.js'
import { toLogFields } from './logger.js'
import { isPersonaError, PersonaApiError } from './persona-error.js'
import { redactInquiry } from './retire-inquiry.js'
import type { SignedDelivery } from './signature.js'
import { announce, toEffect } from './snapshot.js'
import type { EventOutcome, KycCase, NewEvent, RecordedEvent, Transition } from './storage.js'
import { isOfTemplate } from './template.js'

/** One webhook delivery: the raw bytes and the headers that matter. */
export interface WebhookDelivery extends SignedDelivery {
  /** `Persona-Webhook-First-Attempted-At`, in unix seconds; null or left out where it is missing. */
  readonly firstAttemptedAtSeconds?: number | null | undefined
}

/** What became of a delivery. */
export interface WebhookResult {
  readonly outcome: EventOutcome
  readonly eventId: string
  /** The case that the event belongs to, or null. */
  readonly caseId: string | null
  /** The change of the case's state that it made, or null. */
  readonly transition: Transition | null
}

type TimedEvent = PersonaEvent & { readonly createdAt: Date }

/** Persona waits five seconds for the answer to a webhook. */
const REDACTION_MS = 3000
const CASE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** See {@link KycEngine.processWebhook}. */
export async function processWebhook(context: EngineContext, delivery: WebhookDelivery): Promise<WebhookResult> {
  const { logger, storage } = context
  const verdict = await context.verify(delivery)
  if (!verdict.valid) {
    logger.warn({ reason: verdict.reason, bytes: delivery.body.length }, 'webhook refused')
    throw new SignatureError(verdict.reason)
  }
  const event = toTimed(await readEvent(context, delivery.body), verdict.timestampSeconds, delivery)
  const recorded = await storage.recordEvent(toNewEvent(context, event))
  const { outcome, kycCase, transition } = recorded
  const caseId = kycCase?.id ?? null
  logger.debug({ eventId: event.id, eventName: event.name, outcome, caseId }, 'webhook recorded')
  await announce(context, recorded)
  await redactLeftover(context, recorded, event)
  return { outcome, eventId: event.id, caseId, transition }
}

/**
 * An inquiry of an erased case that the erasure could not find, because it was just being created. Rejects when it is
 * not redacted: then Persona delivers again, and this is tried again.
 */
async function redactLeftover(context: EngineContext, recorded: RecordedEvent, event: PersonaEvent): Promise<void> {
  const { inquiry } = event
  if (inquiry === null || event.name === 'inquiry.redacted') return
  const kycCase = recorded.kycCase ?? (await findReferenced(context, recorded, inquiry))
  if (kycCase === null || kycCase.erasedAt === null || kycCase.personaInquiryId === inquiry.id) return
  const fields = { caseId: kycCase.id, inquiryId: inquiry.id }
  try {
    await redactInquiry(context, inquiry.id, { signal: AbortSignal.timeout(REDACTION_MS) })
    context.logger.warn(fields, 'inquiry of an erased case redacted')
  } catch (error) {
    context.logger.error({ ...fields, ...toLogFields(error) }, 'inquiry of an erased case not redacted')
    throw isPersonaError(error) ? error : new PersonaApiError('persona_timeout')
  }
}

/** The case of a duplicate, which the storage does not tell. */
async function findReferenced(
  context: EngineContext,
  { outcome }: RecordedEvent,
  inquiry: InquirySnapshot,
): Promise<KycCase | null> {
  const caseId = outcome === 'duplicate' ? toTrustedReference(context, inquiry) : null
  return caseId === null ? null : context.storage.getCase(caseId)
}

async function readEvent({ logger }: EngineContext, body: Uint8Array): Promise<PersonaEvent> {
  try {
    return await parseEvent(body)
  } catch (error) {
    logger.warn({ ...toLogFields(error), bytes: body.length }, 'webhook is signed but cannot be read')
    throw error
  }
}

/**
 * Gives an event of the short form, which has neither id nor time of its own, a time: the end of the second in which it
 * was first sent. Where a header tells that second, it is part of the id, so that the same words sent again later are
 * another event; without it they are taken for a retry, lest an old event turn the case around. The header is not signed;
 * it can only make an event older than its signature.
 */
function toTimed(event: PersonaEvent, signedAtSeconds: number, delivery: WebhookDelivery): TimedEvent {
  const { id, createdAt } = event
  if (createdAt !== null) return { ...event, createdAt }
  const { firstAttemptedAtSeconds: header } = delivery
  const sentAtSeconds = Math.min(signedAtSeconds, header ?? signedAtSeconds)
  const isTold = header !== null && header !== undefined
  return { ...event, id: isTold ? `${id}_${sentAtSeconds}` : id, createdAt: new Date(sentAtSeconds * 1000 + 999) }
}

function toNewEvent(context: EngineContext, { id, name, createdAt, inquiry }: TimedEvent): NewEvent {
  const status = isInquiryEvent(name) ? (inquiry?.status ?? null) : null
  return {
    id,
    name,
    inquiryId: inquiry?.id ?? null,
    referenceId: inquiry === null ? null : toTrustedReference(context, inquiry),
    effect: status === null ? null : toEffect(context, status, createdAt),
    receivedAt: new Date(context.now()),
  }
}

/** A reference id finds a case only if it is a case id, which nobody can guess, and the inquiry may be of our template. */
function toTrustedReference({ templateId }: EngineContext, inquiry: InquirySnapshot): string | null {
  const { referenceId, templateIds } = inquiry
  const isTrusted = referenceId !== null && CASE_ID.test(referenceId) && isOfTemplate(templateIds, templateId)
  return isTrusted ? referenceId : null
}
