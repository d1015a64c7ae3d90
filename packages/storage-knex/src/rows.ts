import type {
  AuditEntry,
  CaseEvent,
  CaseStatus,
  Consumer,
  DeadLetter,
  EventOutcome,
  KycCase,
  SealedText,
  StoredEvent,
  Transition,
} from '@persona-kyc/core'
import { toDate, toDateOrNull } from './row-values.js'

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

/** A row of the feed: a transition, or nulls where the page is empty, and what the page is a part of. */
export type FeedRow = (TransitionRow | { readonly [Column in keyof TransitionRow]: null }) & {
  readonly feed_id: string
  /** True when the place asked for is later than anything that this database has seen. */
  readonly is_ahead: boolean
}

/** A row of `kyc_events`. */
export interface StoredEventRow {
  readonly id: string
  readonly name: string
  readonly inquiry_id: string | null
  readonly outcome: EventOutcome
  readonly event_created_at: Date | null
  readonly event_persona_status: string | null
  readonly event_occurred_at: Date | null
  readonly received_at: Date
  readonly attempts_made: number | null
  readonly attempts_left: number | null
  readonly first_attempted_at: Date | null
}

/** A row of `kyc_events`, with the transition that it caused or nulls. */
export type EventRow = StoredEventRow & { readonly [Column in keyof TransitionRow]: TransitionRow[Column] | null }

/** A row of `kyc_consumers`. */
export interface ConsumerRow {
  readonly name: string
  readonly cursor: string | null
  readonly fence: number
  readonly attempts: number
  readonly leased_until: Date | null
  readonly dead_letters: number
}

/** A row of `kyc_dead_letters`, with its transition. */
export interface DeadLetterRow extends TransitionRow {
  readonly consumer: string
  readonly reason: DeadLetter['reason']
  readonly attempts: number
  readonly error: string | null
  readonly parked_at: Date
  readonly replay_requested_at: Date | null
}

/** A row of `kyc_audit`. */
export interface AuditRow {
  readonly id: string
  readonly principal: string | null
  readonly action: string
  readonly route: string
  readonly verdict: AuditEntry['verdict']
  readonly case_id: string | null
  readonly decided_at: Date
}

/** The case of a row. */
export function fromCaseRow(row: CaseRow): KycCase {
  return {
    id: row.id,
    userId: row.user_id,
    documentType: row.document_type,
    status: row.status,
    revision: row.revision,
    verificationScore: row.verification_score,
    personaInquiryId: row.persona_inquiry_id,
    inquiryAttempt: row.inquiry_attempt,
    initiatingUntil: toDateOrNull(row.initiating_until),
    sealedSessionToken: row.persona_session_token,
    sealedPersonalData: row.personal_data,
    personaStatus: row.persona_status,
    kycClaimId: row.kyc_claim_id,
    kycClaimTxHash: row.kyc_claim_tx_hash,
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    verifiedAt: toDateOrNull(row.verified_at),
    erasedAt: toDateOrNull(row.erased_at),
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
    occurredAt: toDate(row.occurred_at),
    recordedAt: toDate(row.recorded_at),
  }
}

/** The stored event of a row. */
export function fromStoredEventRow(row: StoredEventRow): StoredEvent {
  const { attempts_made: attemptsMade, attempts_left: attemptsLeft } = row
  const firstAttemptedAt = toDateOrNull(row.first_attempted_at)
  const isTold = attemptsMade !== null || attemptsLeft !== null || firstAttemptedAt !== null
  return {
    id: row.id,
    name: row.name,
    inquiryId: row.inquiry_id,
    outcome: row.outcome,
    createdAt: toDateOrNull(row.event_created_at),
    personaStatus: row.event_persona_status,
    occurredAt: toDateOrNull(row.event_occurred_at),
    receivedAt: toDate(row.received_at),
    delivery: isTold ? { attemptsMade, attemptsLeft, firstAttemptedAt } : null,
  }
}

/** The audit entry of a row. */
export function fromEventRow(row: EventRow): CaseEvent {
  return {
    ...fromStoredEventRow(row),
    transition: row.revision === null ? null : fromTransitionRow(row as TransitionRow),
  }
}

/** The consumer of a row. */
export function fromConsumerRow(row: ConsumerRow): Consumer {
  const { name, cursor, fence, attempts, dead_letters: deadLetters } = row
  return { name, cursor, fence, attempts, leasedUntil: toDateOrNull(row.leased_until), deadLetters }
}

/** The dead letter of a row. */
export function fromDeadLetterRow(row: DeadLetterRow): DeadLetter {
  const { consumer, reason, attempts, error } = row
  return {
    consumer,
    transition: fromTransitionRow(row),
    reason,
    attempts,
    error,
    parkedAt: toDate(row.parked_at),
    replayRequestedAt: toDateOrNull(row.replay_requested_at),
  }
}

/** The entry of the audit trail of a row. */
export function fromAuditRow(row: AuditRow): AuditEntry {
  const { id, principal, action, route, verdict } = row
  return { id, principal, action, route, verdict, caseId: row.case_id, decidedAt: toDate(row.decided_at) }
}
