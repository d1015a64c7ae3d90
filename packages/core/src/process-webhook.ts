import type { EngineContext } from './engine-context.js'
import { SignatureError } from './errors.js'
import { type InquirySnapshot, isInquiryEvent, type PersonaEvent, parseEvent } from './events.js'
import { toLogFields } from './logger.js'
import { redactInquiry } from './retire-inquiry.js'
import type { SignedDelivery } from './signature.js'
import { announce, toEffect } from './snapshot.js'
import type { EventOutcome, NewEvent, Transition } from './storage.js'
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
  if (kycCase?.erasedAt && event.name !== 'inquiry.redacted') await redactLate(context, kycCase.id, event)
  return { outcome, eventId: event.id, caseId, transition }
}

/** An inquiry of an erased case that still lives: it was being created when the case was erased. */
async function redactLate(context: EngineContext, caseId: string, { inquiry }: PersonaEvent): Promise<void> {
  if (inquiry === null) return
  try {
    await redactInquiry(context, inquiry.id)
    context.logger.warn({ caseId, inquiryId: inquiry.id }, 'inquiry of an erased case redacted')
  } catch (error) {
    context.logger.error(
      { caseId, inquiryId: inquiry.id, ...toLogFields(error) },
      'inquiry of an erased case not redacted',
    )
  }
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
 * Gives an event of the short form, which has neither id nor time of its own, both: it happened at the end of the second
 * in which it was first sent, and that second is part of its id. So all its deliveries are one event, and the same words
 * sent again later are another. The header is not signed; it can only make an event older than its signature.
 */
function toTimed(event: PersonaEvent, signedAtSeconds: number, delivery: WebhookDelivery): TimedEvent {
  const { createdAt } = event
  if (createdAt !== null) return { ...event, createdAt }
  const sentAtSeconds = Math.min(signedAtSeconds, delivery.firstAttemptedAtSeconds ?? signedAtSeconds)
  return { ...event, id: `${event.id}_${sentAtSeconds}`, createdAt: new Date(sentAtSeconds * 1000 + 999) }
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
