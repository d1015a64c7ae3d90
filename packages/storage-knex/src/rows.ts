import type { CaseEvent, CaseStatus, EventOutcome, KycCase, SealedText, Transition } from '@persona-kyc/core'

/** A row of `kyc_cases`, as the driver gives it. */
export interface CaseRow {
  readonly id: string
  readonly user_id: string
  readonly document_type: string
  readonly status: CaseStatus
  readonly verification_score: number | null
  readonly persona_inquiry_id: string | null
  readonly persona_session_token: SealedText | null
  readonly persona_status: string | null
  readonly kyc_claim_id: string | null
  readonly kyc_claim_tx_hash: string | null
  readonly personal_data: SealedText | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly verified_at: Date | null
  readonly erased_at: Date | null
  readonly inquiry_attempt: number
  readonly initiating_until: Date | null
  readonly revision: number
}

/** A row of `kyc_transitions`. */
export interface TransitionRow {
  readonly case_id: string
  readonly revision: number
  readonly from_status: CaseStatus
  readonly to_status: CaseStatus
  readonly score: number | null
  readonly persona_status: string
  readonly event_id: string
  readonly event_name: string
  readonly occurred_at: Date
  readonly recorded_at: Date
  /** A 64-bit number as text. */
  readonly feed_xid: string
}

/** A row of `kyc_events`, with the transition that it caused or nulls. */
export type EventRow = {
  readonly id: string
  readonly name: string
  readonly outcome: EventOutcome
  readonly event_persona_status: string | null
  readonly event_occurred_at: Date | null
  readonly received_at: Date
} & { readonly [Column in keyof TransitionRow]: TransitionRow[Column] | null }

/** The case of a row. */
export function fromCaseRow(row: CaseRow): KycCase {
  return {
    id: row.id,
    userId: row.user_id,
    documentType: row.document_type,
    status: row.status,
    verificationScore: row.verification_score,
    personaInquiryId: row.persona_inquiry_id,
    inquiryAttempt: row.inquiry_attempt,
    initiatingUntil: row.initiating_until,
    sealedSessionToken: row.persona_session_token,
    sealedPersonalData: row.personal_data,
    personaStatus: row.persona_status,
    kycClaimId: row.kyc_claim_id,
    kycClaimTxHash: row.kyc_claim_tx_hash,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    verifiedAt: row.verified_at,
    erasedAt: row.erased_at,
  }
}

/** The transition of a row. */
export function fromTransitionRow(row: TransitionRow): Transition {
  return {
    caseId: row.case_id,
    revision: row.revision,
    from: row.from_status,
    to: row.to_status,
    score: row.score,
    personaStatus: row.persona_status,
    eventId: row.event_id,
    eventName: row.event_name,
    occurredAt: row.occurred_at,
    recordedAt: row.recorded_at,
  }
}

/** The audit entry of a row. */
export function fromEventRow(row: EventRow): CaseEvent {
  return {
    id: row.id,
    name: row.name,
    outcome: row.outcome,
    personaStatus: row.event_persona_status,
    occurredAt: row.event_occurred_at,
    receivedAt: row.received_at,
    transition: row.revision === null ? null : fromTransitionRow(row as TransitionRow),
  }
}
