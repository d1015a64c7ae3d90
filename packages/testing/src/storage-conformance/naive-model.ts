import type {
  EventEffect,
  EventOutcome,
  KycCase,
  KycStorage,
  NewEvent,
  RecordedEvent,
  Transition,
} from '@persona-kyc/core'
import { requireFound } from './found-value.js'

/** The methods of a storage that histories are made of; the model has them without promises. */
export type Modelled = {
  [Method in
    | 'createCase'
    | 'leaseInitiation'
    | 'advanceAttempt'
    | 'attachInquiry'
    | 'storeSessionToken'
    | 'recordEvent'
    | 'setClaim'
    | 'clearClaim'
    | 'eraseCase']: (
    ...args: Parameters<KycStorage[Method]>
  ) => Awaited<ReturnType<KycStorage[Method]>> | ReturnType<KycStorage[Method]>
}

/** What the model knows, in the open: histories are drawn from it, and the storage is compared with it. */
export interface Model extends Modelled {
  readonly cases: ReadonlyMap<string, KycCase>
  readonly transitions: readonly Transition[]
}

/**
 * Returns a naive model of the contract, for one caller at a time: written from its prose, sharing nothing with any
 * storage. It does not model `updatedAt`, of which the prose says too little.
 */
export function createModel(): Model {
  const cases = new Map<string, KycCase>()
  const openCaseOfUser = new Map<string, string>()
  const caseOfKey = new Map<string, string>()
  const caseOfInquiry = new Map<string, string>()
  const lastPosition = new Map<string, string>()
  const recordedEvents = new Map<string, { outcome: EventOutcome; inquiryId: string | null }>()
  const transitions: Transition[] = []

  const change = (caseId: string, changes: Partial<KycCase>): KycCase => {
    const changed = { ...requireFound(cases.get(caseId)), ...changes }
    cases.set(caseId, changed)
    return changed
  }
  const changeIf = (isAllowed: (kycCase: KycCase) => boolean, caseId: string, changes: Partial<KycCase>) => {
    const kycCase = cases.get(caseId)
    return kycCase !== undefined && isAllowed(kycCase) ? change(caseId, changes) : null
  }
  const settleOpen = ({ id, userId, status, erasedAt }: KycCase) => {
    const canBeOpen = (status === 'pending' || status === 'review') && erasedAt === null
    if (canBeOpen && !openCaseOfUser.has(userId)) openCaseOfUser.set(userId, id)
    if (!canBeOpen && openCaseOfUser.get(userId) === id) openCaseOfUser.delete(userId)
  }
  const giveInquiry = (caseId: string, inquiryId: string) => {
    const left = cases.get(caseId)?.personaInquiryId
    if (left !== null && left !== undefined) caseOfInquiry.delete(left)
    caseOfInquiry.set(inquiryId, caseId)
    lastPosition.delete(caseId)
  }
  const applyEffect = (event: NewEvent, effect: EventEffect, caseId: string): RecordedEvent => {
    const before = requireFound(cases.get(caseId))
    const isOther = before.personaInquiryId !== null && before.personaInquiryId !== event.inquiryId
    const position = toPosition(event.id, effect)
    if (isOther || before.erasedAt !== null || position < (lastPosition.get(caseId) ?? '')) {
      return { outcome: 'stale', kycCase: before, transition: null }
    }
    const isFirst = before.personaInquiryId === null && event.inquiryId !== null
    if (isFirst && event.inquiryId !== null) giveInquiry(caseId, event.inquiryId)
    lastPosition.set(caseId, position)
    const { status, score, personaStatus, occurredAt } = effect
    const changes =
      transitions.filter((earlier) => earlier.caseId === caseId).length + (status === before.status ? 0 : 1)
    const kycCase = change(caseId, {
      personaInquiryId: event.inquiryId,
      personaStatus,
      status,
      revision: changes,
      verificationScore: score,
      ...(isFirst && { initiatingUntil: null }),
      ...(status !== 'pending' && { sealedSessionToken: null }),
      ...(status !== 'verified' && { verifiedAt: null }),
      ...(status === 'verified' && before.status !== status && { verifiedAt: occurredAt }),
    })
    settleOpen(kycCase)
    if (status === before.status) return { outcome: 'applied', kycCase, transition: null }
    const transition: Transition = {
      caseId,
      revision: changes,
      from: before.status,
      to: status,
      score,
      personaStatus,
      eventId: event.id,
      eventName: event.name,
      occurredAt,
      recordedAt: event.receivedAt,
    }
    transitions.push(transition)
    return { outcome: 'applied', kycCase, transition }
  }

  const judge = (event: NewEvent, kycCase: KycCase | null, caseId: string): RecordedEvent => {
    if (event.effect === null) return { outcome: 'ignored', kycCase, transition: null }
    if (kycCase === null) return { outcome: 'unmatched', kycCase, transition: null }
    return applyEffect(event, event.effect, caseId)
  }

  return {
    cases,
    transitions,

    createCase({ idempotencyKey, ...rest }) {
      const key = JSON.stringify([rest.userId, idempotencyKey])
      const existing = (idempotencyKey === null ? undefined : caseOfKey.get(key)) ?? openCaseOfUser.get(rest.userId)
      if (existing !== undefined) return { kycCase: requireFound(cases.get(existing)), created: false }
      if (idempotencyKey !== null) caseOfKey.set(key, rest.id)
      openCaseOfUser.set(rest.userId, rest.id)
      const kycCase: KycCase = { ...BLANK, ...rest, updatedAt: rest.createdAt }
      cases.set(rest.id, kycCase)
      return { kycCase, created: true }
    },

    leaseInitiation(caseId, { currentInquiryId, now, until }) {
      const isAllowed = ({ initiatingUntil, personaInquiryId, erasedAt }: KycCase) =>
        (initiatingUntil === null || initiatingUntil < now) && personaInquiryId === currentInquiryId && !erasedAt
      return changeIf(isAllowed, caseId, { initiatingUntil: until })
    },

    advanceAttempt(caseId, fromAttempt) {
      return changeIf((kycCase) => kycCase.inquiryAttempt === fromAttempt, caseId, { inquiryAttempt: fromAttempt + 1 })
    },

    attachInquiry(caseId, { inquiryId, replaces, personaStatus, sealedSessionToken }) {
      const kycCase = cases.get(caseId)
      if (kycCase === undefined || kycCase.erasedAt !== null) return null
      const isSame = kycCase.personaInquiryId === inquiryId
      const isFree = kycCase.personaInquiryId === replaces && !caseOfInquiry.has(inquiryId)
      if (!isSame && !(isFree && kycCase.status === 'pending')) return null
      if (!isSame) giveInquiry(caseId, inquiryId)
      const token = isSame ? (sealedSessionToken ?? kycCase.sealedSessionToken) : sealedSessionToken
      return change(caseId, {
        initiatingUntil: null,
        sealedSessionToken: kycCase.status === 'pending' ? token : null,
        ...(!isSame && { personaInquiryId: inquiryId, personaStatus }),
      })
    },

    storeSessionToken(caseId, { inquiryId, sealedSessionToken }) {
      const isAllowed = ({ personaInquiryId, status, erasedAt }: KycCase) =>
        personaInquiryId === inquiryId && status === 'pending' && erasedAt === null
      return changeIf(isAllowed, caseId, { sealedSessionToken })
    },

    recordEvent(event) {
      const byInquiry = event.inquiryId === null ? undefined : caseOfInquiry.get(event.inquiryId)
      const caseId = byInquiry ?? event.referenceId ?? ''
      const kycCase = cases.get(caseId) ?? null
      const before = recordedEvents.get(event.id)
      const isFound = before?.outcome === 'unmatched' && before.inquiryId === event.inquiryId && kycCase !== null
      const isLookedAt = before === undefined || isFound
      if (!isLookedAt) return { outcome: 'duplicate', kycCase: null, transition: null }
      const recorded = judge(event, kycCase, caseId)
      recordedEvents.set(event.id, { outcome: recorded.outcome, inquiryId: event.inquiryId })
      return recorded
    },

    setClaim(caseId, { kycClaimId, kycClaimTxHash }) {
      const kycCase = cases.get(caseId)
      if (kycCase === undefined) return { result: 'not_found', kycCase: null }
      if (kycCase.status !== 'verified') return { result: 'not_verified', kycCase }
      if (kycCase.kycClaimId === null)
        return { result: 'stored', kycCase: change(caseId, { kycClaimId, kycClaimTxHash }) }
      const isSame = kycCase.kycClaimId === kycClaimId && kycCase.kycClaimTxHash === kycClaimTxHash
      return { result: isSame ? 'unchanged' : 'conflict', kycCase }
    },

    clearClaim(caseId, { kycClaimId, kycClaimTxHash }) {
      const kycCase = cases.get(caseId)
      if (kycCase === undefined) return { result: 'not_found', kycCase: null }
      if (kycCase.kycClaimId === null) return { result: 'unchanged', kycCase }
      const isSame = kycCase.kycClaimId === kycClaimId && kycCase.kycClaimTxHash === kycClaimTxHash
      if (!isSame) return { result: 'conflict', kycCase }
      return { result: 'cleared', kycCase: change(caseId, { kycClaimId: null, kycClaimTxHash: null }) }
    },

    eraseCase(caseId, now) {
      const kycCase = cases.get(caseId)
      if (kycCase === undefined) return null
      const erasedAt = kycCase.erasedAt ?? now
      const erased = change(caseId, {
        sealedPersonalData: null,
        sealedSessionToken: null,
        initiatingUntil: null,
        erasedAt,
      })
      settleOpen(erased)
      return erased
    },
  }
}

const BLANK = {
  status: 'pending',
  revision: 0,
  verificationScore: null,
  personaInquiryId: null,
  inquiryAttempt: 1,
  sealedSessionToken: null,
  personaStatus: null,
  kycClaimId: null,
  kycClaimTxHash: null,
  verifiedAt: null,
  erasedAt: null,
} as const

/** An event's place as text that sorts as the events do: hex sorts as the bytes that it stands for. */
function toPosition(id: string, { occurredAt, rank }: EventEffect): string {
  const time = String(occurredAt.getTime()).padStart(16, '0')
  const bytes = Array.from(new TextEncoder().encode(id), (byte) => byte.toString(16).padStart(2, '0'))
  return `${time} ${String(rank).padStart(3, '0')} ${bytes.join('')}`
}
