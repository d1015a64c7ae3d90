import { createInquiryEvent, createShortEvent } from '@persona-kyc/testing'
import fc, { type Arbitrary } from 'fast-check'
import type { KnownValues } from './known-values.js'

/** An event of Persona, before it is known which inquiries there are. */
export interface EventPlan {
  readonly form: 'kebab' | 'camel' | 'snake' | 'short'
  readonly name: string
  readonly status: string
  /** Few, so that some come twice. */
  readonly id: number
  /** In seconds from a fixed time. */
  readonly at: number
  readonly inquiry: number
  readonly isReferenced: boolean
}

const STATUSES = ['created', 'pending', 'completed', 'failed', 'expired', 'needs_review', 'approved', 'declined']
const NAMES = ['started', 'completed', 'failed', 'expired', 'marked-for-review', 'approved', 'declined', 'redacted']
const START_MS = Date.UTC(2026, 0, 1)

/** Events of every shape that Persona sends. */
export const eventPlans: Arbitrary<EventPlan> = fc.record({
  form: fc.constantFrom('kebab', 'camel', 'snake', 'short'),
  name: fc.oneof(
    fc.constantFrom(...NAMES).map((name) => `inquiry.${name}`),
    fc.constantFrom('report.ready', 'inquiry.unheard-of'),
  ),
  status: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...STATUSES) }, fc.constantFrom('', 'unheard_of', '\u0000')),
  id: fc.nat({ max: 50 }),
  at: fc.nat({ max: 10 ** 8 }),
  inquiry: fc.nat({ max: 99 }),
  isReferenced: fc.boolean(),
})

/** The event as JSON, about an inquiry that is known, or else about one that nobody knows. */
export function toEventBody(plan: EventPlan, known: KnownValues): object {
  const { form, name, status, at } = plan
  const inquiryId = known.pick('persona_inquiry_id', plan.inquiry) ?? 'inq_unknown'
  const referenceId = (plan.isReferenced ? known.pick('case_id', plan.inquiry) : null) ?? 'unknown'
  if (form === 'short') return createShortEvent({ type: name, inquiryId, status, referenceId })
  const createdAt = START_MS + at * 1000
  return createInquiryEvent({
    name,
    inquiryId,
    referenceId,
    status,
    createdAt,
    eventId: `evt_${plan.id}`,
    inflection: form,
  })
}
