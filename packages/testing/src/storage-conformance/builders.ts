import type { CaseStatus, EventEffect, NewCase, NewEvent, SealedText } from '@persona-kyc/core'

const START = Date.parse('2026-03-04T05:06:07.089Z')

/** The effects of the default policy, without their time. */
const EFFECTS = {
  created: { status: 'pending', score: null, rank: 1 },
  pending: { status: 'pending', score: null, rank: 2 },
  completed: { status: 'verified', score: 1, rank: 4 },
  failed: { status: 'rejected', score: 0, rank: 4 },
  needs_review: { status: 'review', score: 0.5, rank: 5 },
  approved: { status: 'verified', score: 1, rank: 6 },
  declined: { status: 'rejected', score: 0, rank: 6 },
} as const satisfies Record<string, { status: CaseStatus; score: number | null; rank: number }>

/** The Persona statuses that the suite plays with. */
export type PlayedStatus = keyof typeof EFFECTS

/** All of them. */
export const PLAYED_STATUSES: readonly PlayedStatus[] = [
  'created',
  'pending',
  'completed',
  'failed',
  'needs_review',
  'approved',
  'declined',
]

/** Another session token for the inquiry of case `a`. */
export const SESSION = { inquiryId: 'inq-a', sealedSessionToken: seal('another token'), now: at(2000) }

/** A claim reference. */
export const CLAIM = { kycClaimId: '0xc1', kycClaimTxHash: '0xf1', now: at(90_000) }

/** An instant of the suite's own time. */
export function at(milliseconds: number): Date {
  return new Date(START + milliseconds)
}

/** Text as if it were encrypted, in the form that `createCipher` gives it: a storage may refuse any other. */
export function seal(text: string): SealedText {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
  const encoded = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return `v1.suite.AAECAwQFBgcICQoL.${encoded}` as SealedText
}

/** Returns a case to store. Unless told, each has a user of its own. */
export function newCase(id: string, options: Partial<NewCase> = {}): NewCase {
  return {
    id,
    userId: `user-${id}`,
    documentType: 'passport',
    sealedPersonalData: seal(`personal data of ${id}`),
    idempotencyKey: null,
    createdAt: at(0),
    initiatingUntil: at(5000),
    ...options,
  }
}

/** Returns an event's effect. */
export function toEffect(personaStatus: PlayedStatus, occurredAt: Date): EventEffect {
  return { personaStatus, occurredAt, ...EFFECTS[personaStatus] }
}

/** Returns an event of case `a`'s inquiry: an approval, unless told. */
export function newEvent(
  id: string,
  options: Partial<NewEvent> & { personaStatus?: PlayedStatus; occurredAt?: Date } = {},
): NewEvent {
  const { personaStatus = 'approved', occurredAt = at(1), ...rest } = options
  return {
    id,
    name: 'inquiry.transitioned',
    inquiryId: 'inq-a',
    referenceId: null,
    createdAt: at(0),
    effect: toEffect(personaStatus, occurredAt),
    receivedAt: at(60_000),
    delivery: null,
    ...rest,
  }
}
