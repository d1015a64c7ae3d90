import type * as z from 'zod'
import type * as wire from './wire.js'

// The schemas of wire.ts as plain checks: with zod, a front end would load 7 times as much. Their types hold each check
// to its schema, and a test holds its verdicts to the schema's.

/** A case on the wire. */
export type KycApiCase = z.output<typeof wire.caseAnswer>
/** The answer to a start, or to resuming. */
export type KycApiSession = z.output<typeof wire.initiateAnswer>
/** A page of cases. */
export type KycApiCasePage = z.output<typeof wire.caseListAnswer>
/** An entry of a case's audit trail. */
export type KycApiEvent = z.output<typeof wire.caseEventsAnswer>['events'][number]
/** A page of a case's audit trail. */
export type KycApiEventPage = z.output<typeof wire.caseEventsAnswer>
/** A transition in the feed. */
export type KycApiTransition = z.output<typeof wire.feedAnswer>['events'][number]
/** A page of the feed. */
export type KycApiFeedPage = z.output<typeof wire.feedAnswer>
/** An entry of the audit trail of who asked for what. */
export type KycApiAuditEntry = z.output<typeof wire.auditAnswer>['entries'][number]
/** A page of that audit trail. */
export type KycApiAuditPage = z.output<typeof wire.auditAnswer>
/** The answer of the health route. */
export type KycApiHealth = z.output<typeof wire.healthAnswer>
/** The OpenAPI 3.1 description of the routes. */
export type KycApiDescription = { readonly openapi: string; readonly [member: string]: unknown }

/** True for an answer of that form, whatever else is in it: a newer server may add members. */
export type AnswerCheck<Answer> = (value: unknown) => value is Answer

type Members<Answer> = { readonly [Member in keyof Answer]-?: AnswerCheck<Answer[Member]> }

const isText = (value: unknown): value is string => typeof value === 'string'
const isScore = (value: unknown): value is number => isNumber(value) && value >= 0 && value <= 1
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isRevision = (value: unknown): value is number => isCount(value) && value > 0
const isStatus = oneOf('pending', 'verified', 'rejected', 'review')

/** Checks the answer of a start, or of resuming. */
export const isSession = isObject<KycApiSession>({
  case_id: isText,
  persona_inquiry_id: nullable(isText),
  persona_session_token: nullable(isText),
  status: isStatus,
})

/** Checks a case. */
export const isCase = isObject<KycApiCase>({
  case_id: isText,
  user_id: isText,
  document_type: isText,
  status: isStatus,
  revision: isCount,
  verification_score: nullable(isScore),
  persona_inquiry_id: nullable(isText),
  persona_session_token: optional(isText),
  persona_status: nullable(isText),
  kyc_claim_id: nullable(isText),
  kyc_claim_tx_hash: nullable(isText),
  created_at: isDateTime,
  updated_at: isDateTime,
  verified_at: nullable(isDateTime),
  erased_at: nullable(isDateTime),
})

/** Checks a page of cases. */
export const isCasePage = isObject<KycApiCasePage>({ cases: listOf(isCase), next_after: nullable(isText) })

const isTransition = isObject<KycApiTransition>({
  case_id: isText,
  revision: isRevision,
  from: isStatus,
  to: isStatus,
  verification_score: nullable(isNumber),
  persona_status: isText,
  event_id: isText,
  event_name: isText,
  occurred_at: isDateTime,
  recorded_at: isDateTime,
})

const isEvent = isObject<KycApiEvent>({
  event_id: isText,
  event_name: isText,
  outcome: oneOf('applied', 'duplicate', 'stale', 'ignored', 'unmatched'),
  persona_status: nullable(isText),
  occurred_at: nullable(isDateTime),
  received_at: isDateTime,
  transition: nullable(isTransition),
})

/** Checks a page of a case's audit trail. */
export const isEventPage = isObject<KycApiEventPage>({ events: listOf(isEvent), next_after: nullable(isText) })

/** Checks a page of the feed. */
export const isFeedPage = isObject<KycApiFeedPage>({ events: listOf(isTransition), next_after: isText })

const isAuditEntry = isObject<KycApiAuditEntry>({
  id: isText,
  principal: nullable(isText),
  action: isText,
  route: isText,
  verdict: oneOf('allowed', 'forbidden', 'hidden'),
  case_id: nullable(isText),
  decided_at: isDateTime,
})

/** Checks a page of the audit trail of who asked for what. */
export const isAuditPage = isObject<KycApiAuditPage>({ entries: listOf(isAuditEntry), next_after: nullable(isText) })

/** Checks the answer of the health route. */
export const isHealth = isObject<KycApiHealth>({
  status: oneOf('ok', 'unavailable'),
  storage: optional(oneOf('ok', 'unreachable')),
  persona: optional(oneOf('ok', 'slow', 'unreachable', 'unauthorized', 'failing')),
})

/** Checks the description of the routes: that it is one. */
export const isDescription = isObject<KycApiDescription>({ openapi: isText })

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

/** RFC 3339 in UTC. What is no day, such as the 30th of February, becomes another one when it is read. */
function isDateTime(value: unknown): value is string {
  if (!isText(value) || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return false
  const ms = Date.parse(value)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === value.slice(0, 10)
}

function oneOf<const Value extends string>(...values: readonly Value[]): AnswerCheck<Value> {
  return (value): value is Value => (values as readonly unknown[]).includes(value)
}

function nullable<Value>(check: AnswerCheck<Value>): AnswerCheck<Value | null> {
  return (value): value is Value | null => value === null || check(value)
}

function optional<Value>(check: AnswerCheck<Value>): AnswerCheck<Value | undefined> {
  return (value): value is Value | undefined => value === undefined || check(value)
}

function listOf<Value>(check: AnswerCheck<Value>): AnswerCheck<Value[]> {
  return (value): value is Value[] => Array.isArray(value) && value.every(check)
}

function isObject<Answer>(members: Members<Answer>): AnswerCheck<Answer> {
  const checks = Object.entries<AnswerCheck<unknown>>(members)
  return (value): value is Answer =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    checks.every(([name, check]) => check((value as Record<string, unknown>)[name]))
}
