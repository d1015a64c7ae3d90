import * as z from 'zod'
import type { AuditEntry, AuditQuery } from './audit-storage.js'
import type { KycCaseView } from './case-view.js'
import type { JsonObject } from './inflection.js'
import type { InitiateKycOptions } from './initiate-kyc.js'
import { DEFAULT_LIMIT, MAX_LIMIT, STORABLE } from './input.js'
import type { CaseEvent, ClaimReference, Transition } from './storage.js'

/** The schemas that the description of the routes lists by a name. */
export const namedSchemas = z.registry<{ id: string }>()

const id = z.string().min(1).max(255).regex(STORABLE)
// What lies inside is the app's own; the parser has bounded its size and depth.
const record = z.looseObject({})
const dateTime = z.iso.datetime().meta({ examples: ['2026-11-22T12:41:31.510Z'] })
const caseStatus = z
  .enum(['pending', 'verified', 'rejected', 'review'])
  .meta({ description: 'Where a case stands.', examples: ['verified'] })
  .register(namedSchemas, { id: 'CaseStatus' })
const outcome = z
  .enum(['applied', 'duplicate', 'stale', 'ignored', 'unmatched'])
  .meta({ description: 'What became of an event.', examples: ['applied'] })
  .register(namedSchemas, { id: 'Outcome' })
const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_LIMIT)
  .default(DEFAULT_LIMIT)
  .describe('How many the page may hold.')
const after = z
  .string()
  .min(1)
  .max(512)
  .nullable()
  .default(null)
  .describe('The `next_after` of the page before; left out for the start.')
const caseId = z
  .string()
  .min(1)
  .meta({ examples: ['504e4a9e-beab-4149-9c61-1d264ff02182'] })
const userId = { description: 'The app’s own opaque id of the person.', examples: ['user_42'] }
const documentType = { description: 'The app’s own word for the document.', examples: ['passport'] }
const revision = { description: 'How often the status has changed.', examples: [1] }
const claimId = { description: 'The id of the claim on chain.', examples: ['0x5f1c'] }
const claimTxHash = { description: 'The transaction that made it.', examples: ['0x9b2a'] }
const eventId = z
  .string()
  .min(1)
  .meta({ description: 'Persona’s id.', examples: ['evt_rT4Rj8dcA5yxsbbrkm1ZnHrn'] })
const eventName = z
  .string()
  .min(1)
  .meta({
    description: 'Persona’s name of the event; `api.` and a word for an answer of its API.',
    examples: ['inquiry.approved'],
  })
const inquiryId = z
  .string()
  .nullable()
  .meta({ description: 'The inquiry to open in the browser.', examples: ['inq_X7FdDDAiPKaSfkrWqhPzwKQi'] })
const personaStatus = { description: 'The status of the inquiry, as Persona spells it.', examples: ['approved'] }
const nextAfter = z
  .string()
  .nullable()
  .meta({ description: 'Null on the last page.', examples: ['MjAyNi0xMS0yMg', null] })

/** The body of `POST /compliance/kyc`. */
export const initiateBody = z
  .strictObject({
    user_id: id.meta(userId),
    document_type: id.max(64).meta(documentType),
    document_data: record.optional().describe('Of the app’s own. Encrypted, or not stored at all.'),
    personal_info: record.optional().describe('Of the app’s own. Encrypted, or not stored at all.'),
  })
  .describe('Who is to be verified, and by which document.')
  .register(namedSchemas, { id: 'Initiation' })

/** Its header. */
export const initiateHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('The same key, user and document type get the same case, also when that is decided.'),
})

/** The answer to `POST /compliance/kyc`. */
export const initiateAnswer = z
  .object({
    case_id: caseId,
    persona_inquiry_id: inquiryId,
    persona_session_token: z
      .string()
      .nullable()
      .meta({
        description:
          'Null where none is needed or possible: a case in review, or an inquiry that nobody has started yet.',
        examples: ['eyJhbGciOiJIUzI1NiJ9.e30.c2Vzc2lvbg', null],
      }),
    status: caseStatus,
  })
  .describe('What the browser needs to go on.')
  .register(namedSchemas, { id: 'Session' })

/** A case on the wire. */
export const caseAnswer = z
  .object({
    case_id: caseId,
    user_id: z.string().min(1).meta(userId),
    document_type: z.string().min(1).meta(documentType),
    status: caseStatus,
    revision: z.number().int().min(0).meta(revision),
    verification_score: z.number().min(0).max(1).nullable().describe('Null while pending.'),
    persona_inquiry_id: inquiryId,
    persona_session_token: z
      .string()
      .optional()
      .meta({
        description: 'A secret of the browser’s flow; only while the case is pending.',
        examples: ['eyJhbGciOiJIUzI1NiJ9.e30.c2Vzc2lvbg'],
      }),
    persona_status: z.string().nullable().meta(personaStatus),
    kyc_claim_id: z.string().nullable().meta(claimId),
    kyc_claim_tx_hash: z.string().nullable().meta(claimTxHash),
    created_at: dateTime,
    updated_at: dateTime,
    verified_at: dateTime.nullable().describe('Null where the case is not verified.'),
    erased_at: dateTime.nullable().describe('Null where the personal data is not erased.'),
  })
  .describe('A case: one person’s verification.')
  .register(namedSchemas, { id: 'Case' })

const claimMembers = { kyc_claim_id: id.max(128).meta(claimId), kyc_claim_tx_hash: id.max(128).meta(claimTxHash) }

/** The body of `PUT /compliance/kyc/:case_id/claim`. */
export const claimBody = z
  .strictObject(claimMembers)
  .describe('The claim of a case. Hex is compared without regard to case.')
  .register(namedSchemas, { id: 'Claim' })

/** The query of `DELETE /compliance/kyc/:case_id/claim`. */
export const claimQuery = z.strictObject(claimMembers)

/** The body of the decisions; it may be left out. */
export const decisionBody = z
  .strictObject({
    comment: z
      .string()
      .max(2000)
      .optional()
      .meta({ description: 'Stored at Persona only; none when marking for review.', examples: ['Checked by phone.'] }),
  })
  .describe('Why it is decided so.')
  .register(namedSchemas, { id: 'Decision' })

/** The query of `GET /compliance/kyc`. */
export const listQuery = z.strictObject({
  status: caseStatus.nullable().default(null).describe('Only cases that stand there.'),
  claim: z
    .enum(['missing', 'present', 'stale'])
    .nullable()
    .default(null)
    .describe('Only cases without a claim that are not erased; with one; with one though no longer verified.'),
  after,
  limit,
})

/** The query of the other lists. */
export const pageQuery = z.strictObject({ after, limit })

/** A page of cases. */
export const caseListAnswer = z
  .object({ cases: z.array(caseAnswer), next_after: nextAfter })
  .describe('A page of cases, without session tokens.')
  .register(namedSchemas, { id: 'CasePage' })

const transitionAnswer = z
  .object({
    case_id: caseId,
    revision: z.number().int().min(1).meta(revision),
    from: caseStatus,
    to: caseStatus,
    verification_score: z
      .number()
      .nullable()
      .meta({ description: 'Null while pending.', examples: [1] }),
    persona_status: z.string().min(1).meta(personaStatus),
    event_id: eventId,
    event_name: eventName,
    occurred_at: dateTime,
    recorded_at: dateTime,
  })
  .describe('One change of a case’s status.')
  .register(namedSchemas, { id: 'Transition' })

/** A page of a case's audit trail. */
export const caseEventsAnswer = z
  .object({
    events: z.array(
      z.object({
        event_id: eventId,
        event_name: eventName,
        outcome,
        persona_status: z.string().nullable().meta(personaStatus),
        occurred_at: dateTime.nullable(),
        received_at: dateTime,
        transition: transitionAnswer.nullable().describe('The change that it caused.'),
      }),
    ),
    next_after: nextAfter,
  })
  .describe('A page of what was received about a case, in the order of arrival.')
  .register(namedSchemas, { id: 'CaseEventPage' })

/** A page of the feed. `next_after` is never null: the feed goes on. */
export const feedAnswer = z
  .object({
    events: z.array(transitionAnswer),
    next_after: z
      .string()
      .min(1)
      .meta({
        description: 'Where to go on, also after an empty page.',
        examples: ['758.1.504e4a9e-beab-4149-9c61-1d264ff02182'],
      }),
  })
  .describe('A page of the feed.')
  .register(namedSchemas, { id: 'FeedPage' })

const verdict = z
  .enum(['allowed', 'forbidden', 'hidden'])
  .meta({ description: '`hidden` was answered as if the case did not exist.', examples: ['allowed'] })

/** The query of `GET /compliance/audit`. */
export const auditQuery = z.strictObject({
  case_id: id.optional().describe('Only entries about this case.'),
  principal: id.optional().describe('Only entries about this caller.'),
  after,
  limit,
})

/** A page of the audit trail of who asked for what. */
export const auditAnswer = z
  .object({
    entries: z.array(
      z.object({
        id: caseId,
        principal: z
          .string()
          .nullable()
          .meta({ description: 'Who asked; null where `authorize` names nobody.', examples: ['ops_7'] }),
        action: z
          .string()
          .min(1)
          .meta({ examples: ['kyc:decide'] }),
        route: z
          .string()
          .min(1)
          .meta({ description: 'Method and path.', examples: ['POST /compliance/kyc/:case_id/approve'] }),
        verdict,
        case_id: z
          .string()
          .nullable()
          .meta({ examples: ['504e4a9e-beab-4149-9c61-1d264ff02182'] }),
        decided_at: dateTime,
      }),
    ),
    next_after: nextAfter,
  })
  .describe('A page of the audit trail, the oldest first.')
  .register(namedSchemas, { id: 'AuditPage' })

/** What Persona sends; the route checks the signature of the bytes before it reads any of it. */
export const webhookBody = z
  .looseObject({})
  .describe('Persona’s event. The signature is checked before any of it is read.')
  .register(namedSchemas, { id: 'PersonaEvent' })

/** The headers of a webhook. */
export const webhookHeaders = z.object({
  'persona-signature': z.string().describe('Persona’s signature of the bytes: `t=<unix seconds>,v1=<hex>`.'),
  'persona-webhook-first-attempted-at': z
    .string()
    .optional()
    .describe('When Persona first sent this, in unix seconds.'),
})

/** The answer to a webhook that was accepted. */
export const webhookAnswer = z
  .object({ received: z.literal(true).meta({ examples: [true] }), outcome })
  .describe('The webhook is stored.')
  .register(namedSchemas, { id: 'Receipt' })

export const healthAnswer = z
  .object({
    status: z.enum(['ok', 'unavailable']).meta({ examples: ['ok'] }),
    storage: z
      .enum(['ok', 'unreachable'])
      .optional()
      .meta({ examples: ['ok'] }),
    persona: z
      .enum(['ok', 'slow', 'unreachable', 'unauthorized', 'failing'])
      .optional()
      .meta({ description: '`slow` still counts as up.', examples: ['ok'] }),
  })
  .describe('Whether the service can do its work. Strangers get the status only.')
  .register(namedSchemas, { id: 'Health' })

/** RFC 9457. */
export const problemAnswer = z
  .object({
    type: z.string().meta({ examples: ['about:blank'] }),
    title: z.string().meta({ examples: ['Bad Request'] }),
    status: z
      .number()
      .int()
      .meta({ description: 'That of the answer.', examples: [400] }),
    code: z.string().meta({ description: 'What to branch on.', examples: ['invalid_request'] }),
    detail: z.string().meta({
      description: 'For people; it may change, and holds no value of the request.',
      examples: ['The request does not have the form it should.'],
    }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'A JSON pointer (RFC 6901).', examples: ['/user_id'] }),
          code: z.string().meta({ examples: ['invalid_type'] }),
        }),
      )
      .optional()
      .describe('Where the body or the query is invalid.'),
  })
  .describe('A problem (RFC 9457).')
  .register(namedSchemas, { id: 'Problem' })

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

/** Which entries of the audit trail to list. */
export function fromAuditQuery(query: z.infer<typeof auditQuery>): AuditQuery {
  const { case_id: caseId = null, principal = null, after, limit } = query
  return { caseId, principal, after, limit }
}

/** An entry of the audit trail of who asked for what, for the wire. */
export function toAuditEntry(entry: AuditEntry): z.infer<typeof auditAnswer>['entries'][number] {
  const { id, principal, action, route, verdict, caseId, decidedAt } = entry
  return { id, principal, action, route, verdict, case_id: caseId, decided_at: decidedAt.toISOString() }
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
    persona_session_token: kycCase.personaSessionToken ?? undefined,
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
