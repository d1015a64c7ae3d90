import type { FakeInquiryAttributes, FakeInquiryStatus } from './inquiry.js'

/** A change of an inquiry's status, by its cause. */
export type Transition = keyof typeof TRANSITIONS

/** What a transition demands and does. */
export interface TransitionRule {
  /** The statuses it may leave; any when absent. */
  readonly from?: readonly FakeInquiryStatus[]
  /** The statuses it must not leave. */
  readonly except?: readonly FakeInquiryStatus[]
  readonly to: FakeInquiryStatus
  readonly event: string
  /** The attribute that records when. */
  readonly stamp?: keyof FakeInquiryAttributes & `${string}-at`
}

const OPEN = ['created', 'pending'] as const

const TRANSITIONS = {
  start: { from: ['created'], to: 'pending', event: 'inquiry.started', stamp: 'started-at' },
  complete: { from: ['pending'], to: 'completed', event: 'inquiry.completed', stamp: 'completed-at' },
  fail: { from: ['pending'], to: 'failed', event: 'inquiry.failed', stamp: 'failed-at' },
  expire: { from: OPEN, to: 'expired', event: 'inquiry.expired', stamp: 'expired-at' },
  // Persona does not say which event a resumed inquiry sends; inquiry.started is the one of the status pending.
  reopen: { from: ['expired'], to: 'pending', event: 'inquiry.started' },
  mark_for_review: {
    except: ['approved', 'declined'],
    to: 'needs_review',
    event: 'inquiry.marked-for-review',
    stamp: 'marked-for-review-at',
  },
  approve: { to: 'approved', event: 'inquiry.approved', stamp: 'decisioned-at' },
  decline: { to: 'declined', event: 'inquiry.declined', stamp: 'decisioned-at' },
} as const satisfies Record<string, TransitionRule>

/** Returns the rule of a transition. */
export function toTransitionRule(transition: Transition): TransitionRule {
  return TRANSITIONS[transition]
}

/** Says whether the rule lets an inquiry leave this status. */
export function isTransitionAllowed(rule: TransitionRule, status: string): boolean {
  const matches = (candidate: string) => candidate === status
  return (rule.from?.some(matches) ?? true) && !(rule.except?.some(matches) ?? false)
}
