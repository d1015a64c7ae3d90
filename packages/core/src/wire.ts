import * as z from 'zod'
import type { KycCaseView } from './case-view.js'
import type { JsonObject } from './inflection.js'
import type { InitiateKycOptions } from './initiate-kyc.js'
import { DEFAULT_LIMIT, MAX_LIMIT, STORABLE } from './input.js'
import type { CaseEvent, ClaimReference, Transition } from './storage.js'

const id = z.string().min(1).max(255).regex(STORABLE)
// What lies inside is the app's own; the parser has bounded its size and depth.
const record = z.looseObject({})
const dateTime = z.iso.datetime()
const caseStatus = z.enum(['pending', 'verified', 'rejected', 'review'])
const outcome = z.enum(['applied', 'duplicate', 'stale', 'ignored', 'unmatched'])
const limit = z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT)
const after = z.string().min(1).max(512).nullable().default(null)

/** The body of `POST /compliance/kyc`. */
export const initiateBody = z.strictObject({
  user_id: id,
  document_type: id.max(64),
  document_data: record.optional(),
  personal_info: record.optional(),
})

/** Its header. */
export const initiateHeaders = z.object({ 'idempotency-key': z.string().min(1).max(255).optional() })

/** The answer to `POST /compliance/kyc`. */
export const initiateAnswer = z.object({
  case_id: z.string(),
  persona_inquiry_id: z.string().nullable(),
  /** Null where none is needed or possible: a case in review, or an inquiry that nobody has started yet. */
  persona_session_token: z.string().nullable(),
  status: caseStatus,
})

/** A case on the wire. */
export const caseAnswer = z.object({
  case_id: z.string(),
  user_id: z.string(),
  document_type: z.string(),
  status: caseStatus,
  /** How often the status has changed. */
  revision: z.number().int().min(0),
  verification_score: z.number().min(0).max(1).nullable(),
  persona_inquiry_id: z.string().nullable(),
  /** Only while the case is pending. */
  persona_session_token: z.string().optional(),
  persona_status: z.string().nullable(),
  kyc_claim_id: z.string().nullable(),
  kyc_claim_tx_hash: z.string().nullable(),
  created_at: dateTime,
  updated_at: dateTime,
  verified_at: dateTime.nullable(),
  erased_at: dateTime.nullable(),
})

const claimMembers = { kyc_claim_id: id.max(128), kyc_claim_tx_hash: id.max(128) }

/** The body of `PUT /compliance/kyc/:case_id/claim`. */
export const claimBody = z.strictObject(claimMembers)

/** The query of `DELETE /compliance/kyc/:case_id/claim`. */
export const claimQuery = z.strictObject(claimMembers)

/** The body of the decisions; it may be left out. */
export const decisionBody = z.strictObject({ comment: z.string().max(2000).optional() })

/** The query of `GET /compliance/kyc`. */
export const listQuery = z.strictObject({
  status: caseStatus.nullable().default(null),
  claim: z.enum(['missing', 'present', 'stale']).nullable().default(null),
  after,
  limit,
})

/** The query of the other lists. */
export const pageQuery = z.strictObject({ after, limit })

/** A page of cases. */
export const caseListAnswer = z.object({ cases: z.array(caseAnswer), next_after: z.string().nullable() })

const transitionAnswer = z.object({
  case_id: z.string(),
  revision: z.number().int().min(1),
  from: caseStatus,
  to: caseStatus,
  verification_score: z.number().nullable(),
  persona_status: z.string(),
  event_id: z.string(),
  event_name: z.string(),
  occurred_at: dateTime,
  recorded_at: dateTime,
})

/** A page of a case's audit trail. */
export const caseEventsAnswer = z.object({
  events: z.array(
    z.object({
      event_id: z.string(),
      event_name: z.string(),
      outcome,
      persona_status: z.string().nullable(),
      occurred_at: dateTime.nullable(),
      received_at: dateTime,
      transition: transitionAnswer.nullable(),
    }),
  ),
  next_after: z.string().nullable(),
})

/** A page of the feed. `next_after` is never null: the feed goes on. */
export const feedAnswer = z.object({ events: z.array(transitionAnswer), next_after: z.string() })

/** What Persona sends; the route checks the signature of the bytes before it reads any of it. */
export const webhookBody = z.looseObject({})

/** The headers of a webhook. */
export const webhookHeaders = z.object({
  'persona-signature': z.string(),
  'persona-webhook-first-attempted-at': z.string().optional(),
})

/** The answer to a webhook that was accepted. */
export const webhookAnswer = z.object({ received: z.literal(true), outcome })

/** The answer of the health route. */
export const healthAnswer = z.object({
  status: z.enum(['ok', 'unavailable']),
  storage: z.enum(['ok', 'unreachable']),
  persona: z.enum(['ok', 'slow', 'unreachable', 'unauthorized', 'failing']),
})

/** RFC 9457. */
export const problemAnswer = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), code: z.string() })).optional(),
})

/** The engine's input from the wire. */
export function fromInitiateBody(body: z.infer<typeof initiateBody>, idempotencyKey?: string): InitiateKycOptions {
  return {
    userId: body.user_id,
    documentType: body.document_type,
    ...(body.document_data !== undefined && { documentData: body.document_data as JsonObject }),
    ...(body.personal_info !== undefined && { personalInfo: body.personal_info as JsonObject }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  }
}

/** A claim's reference from the wire. */
export function fromClaim(claim: z.infer<typeof claimBody>): ClaimReference {
  return { kycClaimId: claim.kyc_claim_id, kycClaimTxHash: claim.kyc_claim_tx_hash }
}

/** The short answer of an initiation. */
export function toInitiateAnswer(kycCase: KycCaseView): z.infer<typeof initiateAnswer> {
  return {
    case_id: kycCase.id,
    persona_inquiry_id: kycCase.personaInquiryId,
    persona_session_token: kycCase.personaSessionToken,
    status: kycCase.status,
  }
}

/** A case for the wire. */
export function toCaseAnswer(kycCase: KycCaseView): z.infer<typeof caseAnswer> {
  return {
    case_id: kycCase.id,
    user_id: kycCase.userId,
    document_type: kycCase.documentType,
    status: kycCase.status,
    revision: kycCase.revision,
    verification_score: kycCase.verificationScore,
    persona_inquiry_id: kycCase.personaInquiryId,
    ...(kycCase.personaSessionToken !== null && { persona_session_token: kycCase.personaSessionToken }),
    persona_status: kycCase.personaStatus,
    kyc_claim_id: kycCase.kycClaimId,
    kyc_claim_tx_hash: kycCase.kycClaimTxHash,
    created_at: kycCase.createdAt.toISOString(),
    updated_at: kycCase.updatedAt.toISOString(),
    verified_at: kycCase.verifiedAt?.toISOString() ?? null,
    erased_at: kycCase.erasedAt?.toISOString() ?? null,
  }
}

/** A transition for the wire. */
export function toTransitionAnswer(transition: Transition): z.infer<typeof transitionAnswer> {
  return {
    case_id: transition.caseId,
    revision: transition.revision,
    from: transition.from,
    to: transition.to,
    verification_score: transition.score,
    persona_status: transition.personaStatus,
    event_id: transition.eventId,
    event_name: transition.eventName,
    occurred_at: transition.occurredAt.toISOString(),
    recorded_at: transition.recordedAt.toISOString(),
  }
}

/** An entry of the audit trail for the wire. */
export function toCaseEventAnswer(event: CaseEvent): z.infer<typeof caseEventsAnswer>['events'][number] {
  return {
    event_id: event.id,
    event_name: event.name,
    outcome: event.outcome,
    persona_status: event.personaStatus,
    occurred_at: event.occurredAt?.toISOString() ?? null,
    received_at: event.receivedAt.toISOString(),
    transition: event.transition === null ? null : toTransitionAnswer(event.transition),
  }
}
