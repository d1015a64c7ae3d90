import type { EngineContext } from './engine-context.js'
import { isKycError } from './errors.js'
import { type InquirySnapshot, isInquiryEvent, type PersonaEvent } from './events.js'
import { withRetries } from './retries.js'
import { announce, toEffect } from './snapshot.js'
import type { DeliveryTelemetry, NewEvent, RecordedEvent } from './storage.js'
import { isOfTemplate } from './template.js'

/** An event with its place in the order of events. */
export interface TimedEvent extends PersonaEvent {
  /** When it was made, or what stands for that where a delivery does not tell. */
  readonly occurredAt: Date
}

/** What is recorded of an event: not what it holds of a person. */
export type RecordableEvent = Omit<TimedEvent, 'body'>

/** A history has more patience than a webhook: 40 seconds, and what the attempts take, which may be four each. */
const PAUSE_SECONDS = 2
const RETRIES = 20

const CASE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Records an event of Persona, moves its case, and tells the app. `delivery` is null where no webhook brought it. */
export async function recordPersonaEvent(
  context: EngineContext,
  event: RecordableEvent,
  delivery: DeliveryTelemetry | null,
): Promise<RecordedEvent> {
  const recorded = await context.storage.recordEvent(toNewEvent(context, event, delivery))
  const { outcome, kycCase } = recorded
  context.logger.debug(
    { eventId: event.id, eventName: event.name, outcome, caseId: kycCase?.id ?? null },
    'event recorded',
  )
  await announce(context, recorded)
  return recorded
}

/**
 * Returns a function that does the same with events out of a history. Nobody waits for an answer: once the storage has
 * recorded one, others are tried again while it cannot be reached, or somebody holds their case. Rejects with the signal's
 * reason when that ends the wait.
 */
export function createPastRecorder(context: EngineContext, signal: AbortSignal) {
  let hasRecorded = false
  let pause: Promise<void> | null = null
  // One for all: an import has hundreds of events under way.
  const sleep = (ms: number) => {
    pause ??= context.sleep(ms, signal).finally(() => {
      pause = null
    })
    return pause
  }
  const toPassing = (error: unknown) =>
    hasRecorded && isKycError(error) && error.code === 'storage_unavailable'
      ? { retryAfterSeconds: PAUSE_SECONDS }
      : null
  const options = {
    retries: RETRIES,
    maxRetryWaitMs: PAUSE_SECONDS * 1000,
    random: Math.random,
    sleep,
    signal,
    toPassing,
  }
  return (event: RecordableEvent): Promise<RecordedEvent> =>
    withRetries(async () => {
      const recorded = await recordPersonaEvent(context, event, null)
      hasRecorded = true
      return recorded
    }, options)
}

/** A reference id finds a case only if it is a case id, which nobody can guess, and the inquiry may be of our template. */
export function toTrustedReference({ templateId }: EngineContext, inquiry: InquirySnapshot): string | null {
  const { referenceId, templateIds } = inquiry
  const isTrusted = referenceId !== null && CASE_ID.test(referenceId) && isOfTemplate(templateIds, templateId)
  return isTrusted ? referenceId : null
}

function toNewEvent(context: EngineContext, event: RecordableEvent, delivery: DeliveryTelemetry | null): NewEvent {
  const { id, name, createdAt, occurredAt, inquiry } = event
  const status = isInquiryEvent(name) ? (inquiry?.status ?? null) : null
  return {
    id,
    name,
    inquiryId: inquiry?.id ?? null,
    referenceId: inquiry === null ? null : toTrustedReference(context, inquiry),
    createdAt,
    effect: status === null ? null : toEffect(context, status, occurredAt),
    receivedAt: new Date(context.now()),
    delivery,
  }
}
