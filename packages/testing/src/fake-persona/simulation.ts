import { applyTransition, findReusableSession } from './operations.js'
import type { InquiryContext, InquiryRecord } from './records.js'
import { toVerification } from './verification.js'

/** Persona's sandbox actions that change the status, verbatim. */
export type InquiryAction =
  | 'start_inquiry'
  | 'complete_inquiry'
  | 'fail_inquiry'
  | 'expire_inquiry'
  | 'mark_for_review_inquiry'
  | 'approve_inquiry'
  | 'decline_inquiry'

/** Persona's sandbox actions that add a verification, verbatim. */
export type VerificationAction = 'create_passed_verification' | 'create_failed_verification'

/** One action: its name, or the object that Persona's API takes. */
export type SimulateAction =
  | InquiryAction
  | VerificationAction
  | { readonly type: InquiryAction }
  | { readonly type: VerificationAction; readonly data: { readonly 'verification-template-id': string } }

const TRANSITION_OF = {
  start_inquiry: 'start',
  complete_inquiry: 'complete',
  fail_inquiry: 'fail',
  expire_inquiry: 'expire',
  mark_for_review_inquiry: 'mark_for_review',
  approve_inquiry: 'approve',
  decline_inquiry: 'decline',
} as const satisfies Record<InquiryAction, string>

const DEFAULT_VERIFICATION_TEMPLATE = 'vtmpl_fake'

/** Says whether the text names an action that changes the status. */
export function isInquiryAction(type: string): type is InquiryAction {
  return Object.hasOwn(TRANSITION_OF, type)
}

/** Says whether the text names an action that adds a verification. */
export function isVerificationAction(type: string): type is VerificationAction {
  return type === 'create_passed_verification' || type === 'create_failed_verification'
}

/** Performs one action. @throws PersonaRejection 409 when the inquiry's status does not allow it. */
export function simulateAction(context: InquiryContext, record: InquiryRecord, action: SimulateAction): void {
  const type = typeof action === 'string' ? action : action.type
  if (isInquiryAction(type)) {
    applyTransition(context, record, TRANSITION_OF[type])
    if (type === 'start_inquiry') useSession(context, record)
    return
  }
  const data = typeof action === 'object' && 'data' in action ? action.data : undefined
  const templateId = data?.['verification-template-id'] ?? DEFAULT_VERIFICATION_TEMPLATE
  addVerification(context, record, { templateId, passed: type === 'create_passed_verification' })
}

function useSession(context: InquiryContext, record: InquiryRecord): void {
  const session = findReusableSession(context, record)
  if (session !== undefined) session.used = true
}

function addVerification(
  { clock, nextId, events }: InquiryContext,
  { resource }: InquiryRecord,
  { templateId, passed }: { templateId: string; passed: boolean },
): void {
  const createdAt = clock.nextInstant()
  const verification = toVerification({ id: nextId('ver'), inquiryId: resource.id, templateId, passed, createdAt })
  resource.relationships.verifications.data.push({ type: verification.type, id: verification.id })
  resource.attributes['updated-at'] = createdAt
  events.record(passed ? 'verification.passed' : 'verification.failed', verification, createdAt)
}
