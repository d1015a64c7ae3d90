import { type FakeInquiryAttributes, toReadFields } from './inquiry.js'
import { type InquiryContext, type InquiryRecord, requireUnredacted } from './records.js'
import { toConflict, toUnprocessable } from './rejection.js'
import { type FakeSession, isReusable } from './sessions.js'
import { isTransitionAllowed, type Transition, toTransitionRule } from './transitions.js'

/**
 * Moves the inquiry and records the event. A move to the status it already has changes nothing and sends no event.
 *
 * @throws PersonaRejection 409 when the status forbids the move or the inquiry was redacted.
 */
export function applyTransition(context: InquiryContext, record: InquiryRecord, transition: Transition): void {
  requireUnredacted(record)
  const rule = toTransitionRule(transition)
  const { attributes } = record.resource
  if (!isTransitionAllowed(rule, attributes.status)) {
    throw toConflict(`Inquiry with status ${attributes.status} does not allow ${transition}`)
  }
  if (attributes.status === rule.to) return
  const at = context.clock.nextInstant()
  Object.assign(attributes, { status: rule.to, 'updated-at': at }, rule.stamp === undefined ? {} : { [rule.stamp]: at })
  applyConsequences(record, transition, at)
  context.events.record(rule.event, record.resource, at)
}

function applyConsequences(record: InquiryRecord, transition: Transition, at: string): void {
  if (transition === 'expire') endSessions(record)
  if (transition === 'reopen') record.resource.attributes['expired-at'] = null
  if (transition === 'start') extendExpiry(record, at, record.expiry.afterStartSeconds)
}

/** What PATCH may change, as it is written. */
export interface InquiryChanges {
  readonly note?: string | null
  readonly tags?: string[]
  readonly fields?: Readonly<Record<string, unknown>> | null
}

/** Changes what may be changed. Fields that are not named stay. Sends no event, as Persona's PATCH does not. */
export function applyChanges({ clock }: InquiryContext, record: InquiryRecord, changes: InquiryChanges): void {
  requireUnredacted(record)
  const { attributes } = record.resource
  if (changes.note !== undefined) attributes.note = changes.note
  if (changes.tags !== undefined) attributes.tags = [...changes.tags]
  Object.assign(attributes.fields, toReadFields(changes.fields ?? {}))
  attributes['updated-at'] = clock.nextInstant()
}

/** Erases the personal data for good. @throws PersonaRejection 409 the second time. */
export function redact({ clock, events }: InquiryContext, record: InquiryRecord): void {
  requireUnredacted(record)
  const { attributes } = record.resource
  const at = clock.nextInstant()
  const fields = Object.entries(attributes.fields).map(([name, { type }]) => [name, { type, value: null }])
  Object.assign(attributes, {
    fields: Object.fromEntries(fields),
    note: null,
    behaviors: {},
    'reviewer-comment': null,
    'redacted-at': at,
    'updated-at': at,
  } satisfies Partial<FakeInquiryAttributes>)
  endSessions(record)
  events.record('inquiry.redacted', record.resource, at)
}

/** Returns a session the inquiry can be continued with: an unused valid one if there is one, otherwise a new one. */
export function resume(context: InquiryContext, record: InquiryRecord): FakeSession {
  requireUnredacted(record)
  const { status } = record.resource.attributes
  if (status !== 'pending' && status !== 'expired') {
    throw toConflict(`Inquiry with status ${status} cannot be resumed`)
  }
  const session = findReusableSession(context, record) ?? addSession(context, record)
  const seconds = record.expiry.afterResumeSeconds ?? context.limits.inquiryExpirySeconds
  extendExpiry(record, new Date(context.clock.now()).toISOString(), seconds)
  if (status === 'expired') applyTransition(context, record, 'reopen')
  return session
}

/** Returns the session that {@link resume} would reuse. */
export function findReusableSession({ clock }: InquiryContext, record: InquiryRecord): FakeSession | undefined {
  return record.sessions.findLast((session) => isReusable(session, clock.now()))
}

/** Adds a session. @throws PersonaRejection 422 when the inquiry has as many as it may have. */
export function addSession({ clock, nextId, limits }: InquiryContext, record: InquiryRecord): FakeSession {
  if (record.sessions.length >= limits.maxSessionsPerInquiry) {
    throw toUnprocessable(`Inquiry has reached its limit of ${limits.maxSessionsPerInquiry} sessions`)
  }
  const createdAtMs = clock.now()
  const session: FakeSession = {
    id: nextId('iqse'),
    inquiryId: record.resource.id,
    createdAtMs,
    expiresAtMs: createdAtMs + limits.sessionExpirySeconds * 1000,
    used: false,
    ended: false,
  }
  record.sessions.push(session)
  record.resource.relationships.sessions.data.push({ type: 'inquiry-session', id: session.id })
  return session
}

/** Sets when the inquiry expires; undefined leaves it. */
export function extendExpiry({ resource }: InquiryRecord, from: string, seconds: number | undefined): void {
  if (seconds === undefined) return
  resource.attributes['expires-at'] = new Date(Date.parse(from) + seconds * 1000).toISOString()
}

/** Expires every open inquiry whose time is over. */
export function expireOverdue(context: InquiryContext, records: readonly InquiryRecord[]): void {
  for (const record of records) {
    const { status, 'expires-at': expiresAt, 'redacted-at': redactedAt } = record.resource.attributes
    const isOpen = (status === 'created' || status === 'pending') && redactedAt === null
    if (isOpen && expiresAt !== null && Date.parse(expiresAt) <= context.clock.now()) {
      applyTransition(context, record, 'expire')
    }
  }
}

function endSessions({ sessions }: InquiryRecord): void {
  for (const session of sessions) session.ended = true
}
