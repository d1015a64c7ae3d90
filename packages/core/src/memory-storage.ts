import { KycError } from './errors.js'
import { type EventPosition, isOlderEvent } from './event-order.js'
import { createMemoryAudit } from './memory-audit.js'
import { createMemoryClaims } from './memory-claims.js'
import { createMemoryConsumers } from './memory-consumers.js'
import { toPage } from './memory-page.js'
import type { CaseStatus } from './status.js'
import type {
  CaseEvent,
  CaseQuery,
  KycCase,
  KycStorage,
  NewCase,
  NewEvent,
  RecordedEvent,
  Transition,
} from './storage.js'

interface StoredCase extends KycCase {
  readonly open: boolean
  readonly idempotencyKey: string | null
  readonly lastEvent: EventPosition | null
}

interface EventRow extends CaseEvent {
  readonly caseId: string | null
}

/**
 * Returns a storage in memory: the reference for the contract, for unit tests and first steps. Everything is gone when
 * the process ends.
 */
export function createMemoryStorage(): KycStorage {
  const cases = new Map<string, StoredCase>()
  const events = new Map<string, EventRow>()
  const feed: Transition[] = []
  const feedId = crypto.randomUUID()
  const { announceGrowth, ...consumers } = createMemoryConsumers(feed)

  // JavaScript runs each method below without interruption: that is what makes them atomic here.
  const find = (test: (kycCase: StoredCase) => boolean) => [...cases.values()].find(test)
  const put = (stored: StoredCase): KycCase => {
    cases.set(stored.id, stored)
    return toKycCase(stored)
  }
  const update = (caseId: string, test: (kycCase: StoredCase) => boolean, changes: Partial<StoredCase>) => {
    const stored = cases.get(caseId)
    return stored !== undefined && test(stored) ? put({ ...stored, ...changes }) : null
  }
  const append = (event: EventRow) => {
    events.set(toEventKey(event), event)
    if (event.transition === null) return
    feed.push(event.transition)
    announceGrowth()
  }

  return {
    ...consumers,
    ...createMemoryClaims(),
    ...createMemoryAudit(),

    async createCase(newCase) {
      const { userId, idempotencyKey } = newCase
      const existing =
        find(
          (stored) => idempotencyKey !== null && stored.userId === userId && stored.idempotencyKey === idempotencyKey,
        ) ?? find((stored) => stored.userId === userId && stored.open)
      if (existing !== undefined) return { kycCase: toKycCase(existing), created: false }
      return { kycCase: put(toStoredCase(newCase)), created: true }
    },

    async getCase(caseId) {
      const stored = cases.get(caseId)
      return stored === undefined ? null : toKycCase(stored)
    },

    async listCases({ status, claim, after, limit }) {
      const matching = [...cases.values()]
        .filter((stored) => status === null || stored.status === status)
        .filter((stored) => claim === null || isListedBy(claim, stored))
        .sort((left, right) => compareText(toCaseCursor(left), toCaseCursor(right)))
        .filter((stored) => after === null || compareText(toCaseCursor(stored), after) > 0)
      return toPage(matching.map(toKycCase), limit, toCaseCursor)
    },

    async listUnsettledCases({ createdSince, quietSince, after, limit }) {
      const matching = [...cases.values()]
        .filter(({ status, erasedAt }) => isUndecided(status) && erasedAt === null)
        .filter(({ createdAt, updatedAt }) => createdAt >= createdSince && updatedAt <= quietSince)
        .sort((left, right) => compareText(toCaseCursor(left), toCaseCursor(right)))
        .filter((stored) => after === null || compareText(toCaseCursor(stored), after) > 0)
      return toPage(matching.map(toKycCase), limit, toCaseCursor)
    },

    async leaseInitiation(caseId, { currentInquiryId, now, until }) {
      const isFree = (stored: StoredCase) => stored.initiatingUntil === null || stored.initiatingUntil <= now
      const isClaimable = (stored: StoredCase) =>
        stored.personaInquiryId === currentInquiryId && stored.erasedAt === null && isFree(stored)
      return update(caseId, isClaimable, { initiatingUntil: until })
    },

    async releaseInitiation(caseId, until) {
      update(caseId, ({ initiatingUntil }) => initiatingUntil?.getTime() === until.getTime(), { initiatingUntil: null })
    },

    async advanceAttempt(caseId, fromAttempt) {
      return update(caseId, (stored) => stored.inquiryAttempt === fromAttempt, { inquiryAttempt: fromAttempt + 1 })
    },

    async attachInquiry(caseId, { inquiryId, replaces, personaStatus, sealedSessionToken, now }) {
      if (find((stored) => stored.personaInquiryId === inquiryId && stored.id !== caseId) !== undefined) return null
      const stored = cases.get(caseId)
      if (stored === undefined || stored.erasedAt !== null) return null
      const isSame = stored.personaInquiryId === inquiryId
      if (!isSame && (stored.personaInquiryId !== replaces || stored.status !== 'pending')) return null
      const token = isSame ? (sealedSessionToken ?? stored.sealedSessionToken) : sealedSessionToken
      return put({
        ...stored,
        ...(!isSame && { personaInquiryId: inquiryId, personaStatus, lastEvent: null }),
        initiatingUntil: null,
        sealedSessionToken: stored.status === 'pending' ? token : null,
        updatedAt: now,
      })
    },

    async storeSessionToken(caseId, { inquiryId, sealedSessionToken, now }) {
      const isCurrent = ({ personaInquiryId, status, erasedAt }: StoredCase) =>
        personaInquiryId === inquiryId && status === 'pending' && erasedAt === null
      return update(caseId, isCurrent, { sealedSessionToken, updatedAt: now })
    },

    async recordEvent(event) {
      const known = events.get(toEventKey(event))
      const target =
        find(({ personaInquiryId }) => personaInquiryId !== null && personaInquiryId === event.inquiryId) ??
        (event.referenceId === null || event.inquiryId === null ? undefined : cases.get(event.referenceId))
      const isLookedAt = known?.outcome === 'unmatched' && known.inquiryId === event.inquiryId && target !== undefined
      if (known !== undefined && !isLookedAt) return { outcome: 'duplicate', kycCase: null, transition: null }
      const recorded = toRecorded(event, target, (stored) => !hasOtherOpenCase(cases, stored), put)
      append({ ...toEventRow(event, target?.id ?? null, recorded), ...toFirstReceipt(known) })
      return recorded
    },

    async setClaim(caseId, { kycClaimId, kycClaimTxHash, now }) {
      const stored = cases.get(caseId)
      if (stored === undefined) return { result: 'not_found', kycCase: null }
      if (stored.status !== 'verified') return { result: 'not_verified', kycCase: toKycCase(stored) }
      if (stored.kycClaimId === null) {
        return { result: 'stored', kycCase: put({ ...stored, kycClaimId, kycClaimTxHash, updatedAt: now }) }
      }
      const isSame = stored.kycClaimId === kycClaimId && stored.kycClaimTxHash === kycClaimTxHash
      return { result: isSame ? 'unchanged' : 'conflict', kycCase: toKycCase(stored) }
    },

    async clearClaim(caseId, { kycClaimId, kycClaimTxHash, now }) {
      const stored = cases.get(caseId)
      if (stored === undefined) return { result: 'not_found', kycCase: null }
      if (stored.kycClaimId === null) return { result: 'unchanged', kycCase: toKycCase(stored) }
      if (stored.kycClaimId !== kycClaimId || stored.kycClaimTxHash !== kycClaimTxHash) {
        return { result: 'conflict', kycCase: toKycCase(stored) }
      }
      const kycCase = put({ ...stored, kycClaimId: null, kycClaimTxHash: null, updatedAt: now })
      return { result: 'cleared', kycCase }
    },

    async eraseCase(caseId, now) {
      const stored = cases.get(caseId)
      if (stored === undefined) return null
      const erasedAt = stored.erasedAt ?? now
      return put({
        ...stored,
        sealedPersonalData: null,
        sealedSessionToken: null,
        initiatingUntil: null,
        open: false,
        erasedAt,
        updatedAt: now,
      })
    },

    async listCaseEvents(caseId, { after, limit }) {
      const all = [...events.values()].filter((event) => event.caseId === caseId)
      const matching = all
        .sort((left, right) => compareText(toEventCursor(left), toEventCursor(right)))
        .filter((event) => after === null || compareText(toEventCursor(event), after) > 0)
      return toPage(matching.map(toCaseEvent), limit, toEventCursor)
    },

    async listUnmatchedEvents({ after, limit }) {
      const matching = [...events.values()]
        .filter(({ outcome }) => outcome === 'unmatched')
        .sort((left, right) => compareText(toEventCursor(left), toEventCursor(right)))
        .filter((event) => after === null || compareText(toEventCursor(event), after) > 0)
      return toPage(
        matching.map(({ caseId, transition, ...event }) => event),
        limit,
        toEventCursor,
      )
    },

    async readFeed({ after, limit }) {
      const start = after === null ? 0 : requireFeedCursor(after, feedId, feed.length)
      const items = feed.slice(start, start + limit)
      const cursors = items.map((_, index) => `${feedId}.${start + index + 1}`)
      return { items, next: cursors.at(-1) ?? `${feedId}.${start}`, cursors }
    },

    async ping() {},
  }
}

function toRecorded(
  event: NewEvent,
  target: StoredCase | undefined,
  mayOpen: (stored: StoredCase) => boolean,
  put: (stored: StoredCase) => KycCase,
): RecordedEvent {
  const { effect, inquiryId } = event
  const still = (outcome: RecordedEvent['outcome']): RecordedEvent => ({
    outcome,
    kycCase: target === undefined ? null : toKycCase(target),
    transition: null,
  })
  if (effect === null) return still('ignored')
  if (target === undefined) return still('unmatched')
  const isOther = target.personaInquiryId !== null && target.personaInquiryId !== inquiryId
  if (isOther || target.erasedAt !== null || isOlderEvent({ ...effect, id: event.id }, target.lastEvent))
    return still('stale')
  const transition = effect.status === target.status ? null : toTransition(event, effect, target)
  const moved: StoredCase = {
    ...target,
    personaInquiryId: inquiryId,
    initiatingUntil: target.personaInquiryId === null ? null : target.initiatingUntil,
    personaStatus: effect.personaStatus,
    status: effect.status,
    verificationScore: effect.score,
    verifiedAt: effect.status === 'verified' ? (target.verifiedAt ?? effect.occurredAt) : null,
    sealedSessionToken: effect.status === 'pending' ? target.sealedSessionToken : null,
    open: isUndecided(effect.status) && target.erasedAt === null && (target.open || mayOpen(target)),
    revision: target.revision + (transition === null ? 0 : 1),
    lastEvent: { occurredAt: effect.occurredAt, rank: effect.rank, id: event.id },
    updatedAt: event.receivedAt,
  }
  return { outcome: 'applied', kycCase: put(moved), transition }
}

function isUndecided(status: CaseStatus): boolean {
  return status === 'pending' || status === 'review'
}

function isListedBy(claim: NonNullable<CaseQuery['claim']>, { kycClaimId, erasedAt, status }: StoredCase): boolean {
  if (claim === 'missing') return kycClaimId === null && erasedAt === null
  return kycClaimId !== null && (claim === 'present' || status !== 'verified')
}

function hasOtherOpenCase(cases: Map<string, StoredCase>, stored: StoredCase): boolean {
  return [...cases.values()].some(({ id, userId, open }) => open && userId === stored.userId && id !== stored.id)
}

function toTransition(event: NewEvent, effect: NonNullable<NewEvent['effect']>, target: StoredCase): Transition {
  return {
    caseId: target.id,
    revision: target.revision + 1,
    from: target.status,
    to: effect.status,
    score: effect.score,
    personaStatus: effect.personaStatus,
    eventId: event.id,
    eventName: event.name,
    occurredAt: effect.occurredAt,
    recordedAt: event.receivedAt,
  }
}

function toStoredCase({ idempotencyKey, ...newCase }: NewCase): StoredCase {
  return {
    ...newCase,
    status: 'pending',
    verificationScore: null,
    personaInquiryId: null,
    inquiryAttempt: 1,
    sealedSessionToken: null,
    personaStatus: null,
    kycClaimId: null,
    kycClaimTxHash: null,
    updatedAt: newCase.createdAt,
    verifiedAt: null,
    erasedAt: null,
    open: true,
    idempotencyKey,
    revision: 0,
    lastEvent: null,
  }
}

function toEventRow(event: NewEvent, caseId: string | null, { outcome, transition }: RecordedEvent): EventRow {
  const { effect, referenceId, ...rest } = event
  const personaStatus = effect?.personaStatus ?? null
  return { ...rest, outcome, personaStatus, occurredAt: effect?.occurredAt ?? null, transition, caseId }
}

/** What copies of an event have in common. */
function toEventKey({ id, createdAt }: Pick<NewEvent, 'id' | 'createdAt'>): string {
  return `${createdAt?.getTime() ?? ''} ${id}`
}

/** An event that is looked at again keeps what is known of its first delivery. */
function toFirstReceipt(known: EventRow | undefined): Partial<EventRow> {
  return known === undefined ? {} : { receivedAt: known.receivedAt, delivery: known.delivery }
}

function toKycCase({ open, idempotencyKey, lastEvent, ...kycCase }: StoredCase): KycCase {
  return kycCase
}

function toCaseEvent({ caseId, ...event }: EventRow): CaseEvent {
  return event
}

function requireFeedCursor(cursor: string, feedId: string, length: number): number {
  const [, id, position] = /^([0-9a-f-]{36})\.(\d{1,15})$/.exec(cursor) ?? []
  if (id === feedId && Number(position) <= length) return Number(position)
  throw new KycError('argument_invalid', {
    problem: id === undefined ? 'The cursor is no feed cursor.' : 'The cursor comes from another storage.',
    fix: 'Pass the next_after of the page before, unchanged, or nothing to start anew.',
  })
}

function toCaseCursor({ createdAt, id }: KycCase): string {
  return `${createdAt.toISOString()} ${id}`
}

function toEventCursor({ receivedAt, id }: Pick<CaseEvent, 'receivedAt' | 'id'>): string {
  return `${receivedAt.toISOString()} ${id}`
}

function compareText(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
