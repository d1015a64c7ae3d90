import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import * as answer from '../src/kyc-api-answer.js'
import * as wire from '../src/wire.js'

const AT = '2026-01-02T03:04:05.678Z'
const SESSION = { case_id: 'c', persona_inquiry_id: 'inq_1', persona_session_token: 'e.y.J', status: 'pending' }
const CASE = {
  case_id: 'c',
  user_id: 'u',
  document_type: 'passport',
  status: 'verified',
  revision: 1,
  verification_score: 1,
  persona_inquiry_id: 'inq_1',
  persona_session_token: 'e.y.J',
  persona_status: 'approved',
  kyc_claim_id: '0xab',
  kyc_claim_tx_hash: '0xcd',
  created_at: AT,
  updated_at: AT,
  verified_at: AT,
  erased_at: AT,
}
const TRANSITION = {
  case_id: 'c',
  revision: 1,
  from: 'pending',
  to: 'verified',
  verification_score: 1,
  persona_status: 'approved',
  event_id: 'evt_1',
  event_name: 'inquiry.approved',
  occurred_at: AT,
  recorded_at: AT,
}
const EVENT = {
  event_id: 'evt_1',
  event_name: 'inquiry.approved',
  outcome: 'applied',
  persona_status: 'approved',
  occurred_at: AT,
  received_at: AT,
  transition: TRANSITION,
}
const AUDIT_ENTRY = {
  id: 'a',
  principal: 'ops_7',
  action: 'kyc:read',
  route: 'GET /compliance/kyc/:case_id',
  verdict: 'allowed',
  case_id: 'c',
  decided_at: AT,
}

const ANSWERS: [string, { check: (value: unknown) => boolean; schema: z.ZodType; sample: object }][] = [
  ['a session', { check: answer.isSession, schema: wire.initiateAnswer, sample: SESSION }],
  ['a case', { check: answer.isCase, schema: wire.caseAnswer, sample: CASE }],
  ['cases', { check: answer.isCasePage, schema: wire.caseListAnswer, sample: { cases: [CASE], next_after: 'n' } }],
  [
    'a trail',
    { check: answer.isEventPage, schema: wire.caseEventsAnswer, sample: { events: [EVENT], next_after: 'n' } },
  ],
  ['a feed', { check: answer.isFeedPage, schema: wire.feedAnswer, sample: { events: [TRANSITION], next_after: 'n' } }],
  [
    'an audit',
    { check: answer.isAuditPage, schema: wire.auditAnswer, sample: { entries: [AUDIT_ENTRY], next_after: 'n' } },
  ],
  [
    'health',
    { check: answer.isHealth, schema: wire.healthAnswer, sample: { status: 'ok', storage: 'ok', persona: 'slow' } },
  ],
]

/** What may stand in a member's place. Each word of an enumeration is among them, and one that is in none. */
const REPLACEMENTS = [
  ...[undefined, null, true, 'word', 0, 1, -1, 0.5, 2, 2 ** 53, [], [null], {}, [1], { a: 1 }],
  ...['pending', 'verified', 'rejected', 'review', 'applied', 'duplicate', 'stale', 'ignored', 'unmatched'],
  ...['ok', 'unavailable', 'unreachable', 'slow', 'unauthorized', 'failing', 'allowed', 'forbidden', 'hidden'],
  ...[AT, '2026-01-02T03:04:05Z', '2026-01-02T03:04Z', '2026-01-02', '2026-01-02T03:04:05', '2026-01-02 03:04:05Z'],
  ...['2026-02-30T03:04:05Z', '2026-02-29T03:04:05Z', '2028-02-29T03:04:05Z', '2026-13-01T03:04:05Z'],
  ...['2026-01-02T25:04:05Z', '2026-01-02T24:00:00Z', '2026-01-02T03:60:05Z', '2026-01-02T03:04:61Z'],
  ...['2026-01-02T03:04:05.678+00:00', `${AT}\n`, ` ${AT}`, '1767323045'],
]

/** The value, with each of these in each place of it, one at a time. */
function* toChanges(value: unknown): Generator<unknown> {
  yield* REPLACEMENTS
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) for (const change of toChanges(item)) yield value.with(index, change)
    yield [...value, ...value]
    yield [...value, null]
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      for (const change of toChanges(member)) yield { ...value, [name]: change }
      yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))
    }
    yield { ...value, more: 1 }
  }
}

describe.each(ANSWERS)('the check of %s', (_, { check, schema, sample }) => {
  it('takes an answer', () => {
    expect(check(JSON.parse(JSON.stringify(sample)))).toBe(true)
  })

  it('agrees with the schema about each change of one place', () => {
    const verdicts = [true, false].map((verdict) => {
      const changes = [...toChanges(sample)].filter((change) => check(change) === verdict)
      expect(changes.filter((change) => schema.safeParse(change).success !== verdict)).toEqual([])
      return changes.length
    })
    expect(Math.min(...verdicts)).toBeGreaterThan(2)
  })
})

describe('the check of a description', () => {
  it('takes an object that says its version', () => {
    expect(answer.isDescription({ openapi: '3.1.0', paths: {} })).toBe(true)
    for (const value of [null, 'openapi', [], {}, { openapi: 3.1 }]) expect(answer.isDescription(value)).toBe(false)
  })
})
