import type { EngineContext } from './engine-context.js'
import type { Inquiry } from './inquiry.js'
import { toLogFields } from './logger.js'
import { toPersonaStatus, toStatusRank } from './status.js'
import type { EventEffect, KycCase, RecordedEvent, Transition } from './storage.js'

const HOOK_PATIENCE_MS = 1000

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
  const recorded = await recordSnapshot(context, inquiry, cause)
  return recorded.kycCase ?? (await context.storage.getCase(kycCase.id)) ?? kycCase
}

/** Records an inquiry that Persona's API answered with, as the event that it stands for. */
export async function recordSnapshot(context: EngineContext, inquiry: Inquiry, cause: string): Promise<RecordedEvent> {
  const { status, updatedAt } = inquiry.attributes
  const createdAt = new Date(updatedAt)
  const recorded = await context.storage.recordEvent({
    id: `api_${inquiry.id}_${updatedAt}_${status}`,
    name: `api.${cause}`,
    inquiryId: inquiry.id,
    referenceId: null,
    createdAt,
    effect: toEffect(context, status, createdAt),
    receivedAt: new Date(context.now()),
    delivery: null,
  })
  await announce(context, recorded)
  return recorded
}

/** Tells the app of a transition that is committed. What the app's hook throws is logged and goes no further. */
export async function announce(context: EngineContext, { transition }: RecordedEvent): Promise<void> {
  if (transition === null) return
  const { caseId, revision, from, to, eventId, eventName } = transition
  context.logger.info({ caseId, revision, from, to, eventId, eventName }, 'case moved')
  if (to === 'verified') context.logger.info({ caseId, revision }, 'ready to issue identity claim')
  await callHook(context, transition)
}

/** A webhook must be answered within five seconds, so the hook is waited for a little and then left to itself. */
async function callHook({ onTransition, logger }: EngineContext, transition: Transition): Promise<void> {
  if (onTransition === null) return
  const { caseId, revision } = transition
  const call = async () => onTransition(transition)
  const done = call().then(
    () => 'done',
    (error: unknown) => logger.error({ caseId, revision, ...toLogFields(error) }, 'onTransition failed'),
  )
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ caseId, revision }, 'onTransition takes long')
      resolve()
    }, HOOK_PATIENCE_MS)
  })
  await Promise.race([done, patience])
  clearTimeout(timer)
}
