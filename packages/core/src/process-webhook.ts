import { raiseAlarm } from './alarms.js'
import type { EngineContext } from './engine-context.js'
import { SignatureError, type SignatureRejection } from './errors.js'
import { type InquirySnapshot, type PersonaEvent, parseEvent } from './events.js'
import { toLogFields } from './logger.js'
import { isPersonaError, PersonaApiError } from './persona-error.js'
import { recordPersonaEvent, type TimedEvent, toTrustedReference } from './record-persona-event.js'
import { redactInquiry } from './retire-inquiry.js'
import type { SignedDelivery } from './signature.js'
import type { DeliveryTelemetry, EventOutcome, KycCase, RecordedEvent, Transition } from './storage.js'

/** One webhook delivery: the raw bytes and the headers that matter. */
export interface WebhookDelivery extends SignedDelivery {
  /** `Persona-Webhook-First-Attempted-At`, in unix seconds; null or left out where it is missing. */
  readonly firstAttemptedAtSeconds?: number | null | undefined
  /** `Persona-Webhook-Attempts-Made`, 1 for the first; null or left out where it is missing. */
  readonly attemptsMade?: number | null | undefined
  /** `Persona-Webhook-Attempts-Left`; null or left out where it is missing. */
  readonly attemptsLeft?: number | null | undefined
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

const NO_TELEMETRY: DeliveryTelemetry = { attemptsMade: null, attemptsLeft: null, firstAttemptedAt: null }
/** Persona waits five seconds for the answer to a webhook. */
const REDACTION_MS = 3000
/** From so many further attempts on, Persona is about to give the event up. */
const FEW_ATTEMPTS = 2

/** See {@link KycEngine.processWebhook}. */
export async function processWebhook(context: EngineContext, delivery: WebhookDelivery): Promise<WebhookResult> {
  const verdict = await context.verify(delivery)
  if (!verdict.valid) throw refuse(context, delivery, verdict.reason)
  const event = toTimed(await readEvent(context, delivery.body), verdict.timestampSeconds, delivery)
  warnOfLastAttempts(context, event, delivery)
  const recorded = await recordPersonaEvent(context, event, toTelemetry(delivery))
  await redactLeftover(context, recorded, event)
  const { outcome, kycCase, transition } = recorded
  return { outcome, eventId: event.id, caseId: kycCase?.id ?? null, transition }
}

function refuse(context: EngineContext, delivery: WebhookDelivery, reason: SignatureRejection): SignatureError {
  context.logger.warn({ reason, bytes: delivery.body.length }, 'webhook refused')
  const { attemptsMade, attemptsLeft, firstAttemptedAt } = toTelemetry(delivery) ?? NO_TELEMETRY
  if (reason === 'stale' && attemptsMade !== null && attemptsMade > 1) {
    raiseAlarm(context, { kind: 'stale_retry_refused', attemptsMade, attemptsLeft, firstAttemptedAt })
  }
  return new SignatureError(reason)
}

function warnOfLastAttempts(context: EngineContext, { id, name }: TimedEvent, delivery: WebhookDelivery): void {
  const { attemptsMade = null, attemptsLeft = null } = delivery
  if (attemptsLeft === null || attemptsLeft > FEW_ATTEMPTS) return
  raiseAlarm(context, { kind: 'delivery_nearly_given_up', eventId: id, eventName: name, attemptsMade, attemptsLeft })
}

/** Null where no header told anything. */
function toTelemetry(delivery: WebhookDelivery): DeliveryTelemetry | null {
  const { attemptsMade = null, attemptsLeft = null, firstAttemptedAtSeconds = null } = delivery
  if (attemptsMade === null && attemptsLeft === null && firstAttemptedAtSeconds === null) return null
  const firstAttemptedAt = firstAttemptedAtSeconds === null ? null : new Date(firstAttemptedAtSeconds * 1000)
  return { attemptsMade, attemptsLeft, firstAttemptedAt }
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
  const { id, name, createdAt, inquiry, body } = event
  if (createdAt !== null) return { id, name, createdAt, inquiry, body, occurredAt: createdAt }
  const { firstAttemptedAtSeconds: header } = delivery
  const sentAtSeconds = Math.min(signedAtSeconds, header ?? signedAtSeconds)
  const isTold = header !== null && header !== undefined
  const occurredAt = new Date(sentAtSeconds * 1000 + 999)
  return isTold
    ? { ...event, id: `${id}_${sentAtSeconds}`, createdAt: occurredAt, occurredAt }
    : { ...event, occurredAt }
}
