import type {
  CaseStatus,
  EventEffect,
  KycCase,
  KycStorage,
  NewCase,
  NewEvent,
  Page,
  RecordedEvent,
  SealedText,
  Transition,
} from '@persona-kyc/core'
import { expect } from 'vitest'

/** A storage whose work is one transaction of the database, until `commit` or `rollback`. */
export interface StorageTransaction {
  readonly storage: KycStorage
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** What the suite needs of a storage's author. */
export interface StorageHarness {
  /** Resolves with an empty storage, which shares nothing with any other: another schema, for example. */
  create(): Promise<KycStorage>
  /** Closes what `create` has made so far. Called after every case, so it must be good for more than one call. */
  close?(): Promise<void>
  /**
   * Begins a transaction on a storage of `create`, which must go on answering meanwhile: leave it connections of its
   * own. Left out where there is no such thing; then the cases about rollback are skipped.
   */
  beginTransaction?: (storage: KycStorage) => Promise<StorageTransaction>
}

/** One claim of the contract, and the trial of it. */
export interface ConformanceCase {
  /** A sentence about the storage. */
  readonly name: string
  /** True where the case can only run with `beginTransaction`. */
  readonly needsTransaction: boolean
  /** Resolves when the storage keeps the sentence, rejects with an assertion error when it does not. */
  run(harness: StorageHarness): Promise<void>
}

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

/** Returns a case of the suite that tries one storage. */
export function check(
  name: string,
  trial: (storage: KycStorage, harness: StorageHarness) => Promise<void>,
): ConformanceCase {
  return toConformanceCase(name, false, async (harness) => trial(await harness.create(), harness))
}

/** Returns a case of the suite that tries one storage and transactions on it. */
export function checkTransaction(
  name: string,
  trial: (storage: KycStorage, begin: () => Promise<StorageTransaction>) => Promise<void>,
): ConformanceCase {
  return toConformanceCase(name, true, async (harness) => {
    const { beginTransaction } = harness
    if (beginTransaction === undefined) throw new Error('The harness has no beginTransaction.')
    const storage = await harness.create()
    await trial(storage, () => beginTransaction(storage))
  })
}

function toConformanceCase(
  name: string,
  needsTransaction: boolean,
  trial: (harness: StorageHarness) => Promise<void>,
): ConformanceCase {
  const run = async (harness: StorageHarness) => {
    try {
      await trial(harness)
    } finally {
      await harness.close?.()
    }
  }
  return { name, needsTransaction, run }
}

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
export function toEffect(personaStatus: PlayedStatus, occurredAt: Date | null): EventEffect {
  return { personaStatus, occurredAt, ...EFFECTS[personaStatus] }
}

/** Returns an event of case `a`'s inquiry: an approval, unless told. */
export function newEvent(
  id: string,
  options: Partial<NewEvent> & { personaStatus?: PlayedStatus; occurredAt?: Date | null } = {},
): NewEvent {
  const { personaStatus = 'approved', occurredAt = at(1), ...rest } = options
  return {
    id,
    name: 'inquiry.transitioned',
    inquiryId: 'inq-a',
    referenceId: null,
    effect: toEffect(personaStatus, occurredAt),
    receivedAt: at(60_000),
    ...rest,
  }
}

/** Stores the case `id` with the inquiry `inq-<id>` and a session token. */
export async function addCase(storage: KycStorage, id: string, options: Partial<NewCase> = {}): Promise<KycCase> {
  const { created } = await storage.createCase(newCase(id, options))
  expect(created, `case ${id} is new`).toBe(true)
  return requireFound(await attach(storage, id))
}

/** Attaches the inquiry `inq-<id>` to the case, unless told another. */
export function attach(
  storage: KycStorage,
  caseId: string,
  options: Partial<Parameters<KycStorage['attachInquiry']>[1]> = {},
): Promise<KycCase | null> {
  return storage.attachInquiry(caseId, {
    inquiryId: `inq-${caseId}`,
    replaces: null,
    personaStatus: 'created',
    sealedSessionToken: seal(`token of ${caseId}`),
    now: at(1000),
    ...options,
  })
}

/** Records that the inquiry of case `id` got that status, so many milliseconds after the start. */
export function move(
  storage: KycStorage,
  id: string,
  personaStatus: PlayedStatus,
  milliseconds: number,
): Promise<RecordedEvent> {
  const event = newEvent(`evt-${id}-${personaStatus}-${milliseconds}`, {
    inquiryId: `inq-${id}`,
    personaStatus,
    occurredAt: at(milliseconds),
    receivedAt: at(60_000 + milliseconds),
  })
  return storage.recordEvent(event)
}

/** Narrows what must be there. */
export function requireFound<Value>(value: Value | null | undefined): Value {
  expect(value).not.toBeNull()
  expect(value).toBeDefined()
  return value as Value
}

/** Draws one of the items. */
export function pick<Item>(items: readonly Item[], random: () => number): Item {
  // `random` is below 1, so the index is in range; the item itself may be null.
  return items[Math.floor(random() * items.length)] as Item
}

/** Calls so many times at once. */
export function together<Value>(count: number, call: (index: number) => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)))
}

/** Reads page after page until there is no next one. */
export async function walk<Item>(read: (after: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let after: string | null = null
  for (let pages = 0; pages < 10_000; pages++) {
    const page: Page<Item> = await read(after)
    items.push(...page.items)
    if (page.next === null) return items
    after = page.next
  }
  expect.fail('The pages do not end.')
}

/**
 * Follows the feed until it has given so many transitions, then once more. A feed may lag behind: the contract says
 * that a follower misses none, not when it sees them.
 */
export async function follow(
  storage: KycStorage,
  { count, limit = 100, after = null }: { count: number; limit?: number; after?: string | null },
): Promise<Transition[]> {
  const seen: Transition[] = []
  let cursor = after
  for (let turns = 0; turns < 1000; turns++) {
    const isLast = seen.length >= count
    const page: Page<Transition> = await storage.readFeed({ after: cursor, limit })
    expect(page.items.length, 'the length of a page').toBeLessThanOrEqual(limit)
    cursor = requireFound(page.next)
    seen.push(...page.items)
    if (isLast) return seen
    if (page.items.length === 0) await yieldTurn()
  }
  expect.fail(`The feed has given ${seen.length} of ${count} transitions, and gives no more.`)
}

/** Lets timers and sockets have their turn. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** Asserts that each case's transitions are numbered from 1 without a gap, in order, each from where the last ended. */
export function expectChains(transitions: readonly Transition[]): void {
  const last = new Map<string, { revision: number; to: CaseStatus }>()
  for (const { caseId, revision, from, to } of transitions) {
    const previous = last.get(caseId) ?? { revision: 0, to: 'pending' }
    expect({ caseId, revision, from }).toEqual({ caseId, revision: previous.revision + 1, from: previous.to })
    expect(to, 'a transition changes the state').not.toBe(from)
    last.set(caseId, { revision, to })
  }
}

/** The methods of a storage that histories are made of; the model has them without promises. */
export type Modelled = {
  [Method in
    | 'createCase'
    | 'claimInitiation'
    | 'advanceAttempt'
    | 'attachInquiry'
    | 'storeSessionToken'
    | 'recordEvent'
    | 'setClaim'
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
  const recordedIds = new Set<string>()
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
    const kycCase = change(caseId, {
      personaInquiryId: event.inquiryId,
      personaStatus,
      status,
      verificationScore: score,
      ...(isFirst && { initiatingUntil: null }),
      ...(status !== 'pending' && { sealedSessionToken: null }),
      ...(status !== 'verified' && { verifiedAt: null }),
      ...(status === 'verified' && before.status !== status && { verifiedAt: occurredAt ?? event.receivedAt }),
    })
    settleOpen(kycCase)
    if (status === before.status) return { outcome: 'applied', kycCase, transition: null }
    const transition: Transition = {
      caseId,
      revision: transitions.filter((earlier) => earlier.caseId === caseId).length + 1,
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

    claimInitiation(caseId, { currentInquiryId, now, until }) {
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
      if (recordedIds.has(event.id)) return { outcome: 'duplicate', kycCase: null, transition: null }
      recordedIds.add(event.id)
      const byInquiry = event.inquiryId === null ? undefined : caseOfInquiry.get(event.inquiryId)
      const caseId = byInquiry ?? event.referenceId ?? ''
      const kycCase = cases.get(caseId) ?? null
      if (event.effect === null) return { outcome: 'ignored', kycCase, transition: null }
      if (kycCase === null) return { outcome: 'unmatched', kycCase, transition: null }
      return applyEffect(event, event.effect, caseId)
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

    eraseCase(caseId, now) {
      const kycCase = cases.get(caseId)
      if (kycCase === undefined) return null
      const erasedAt = kycCase.erasedAt ?? now
      const erased = change(caseId, { sealedPersonalData: null, sealedSessionToken: null, erasedAt })
      settleOpen(erased)
      return erased
    },
  }
}

const BLANK = {
  status: 'pending',
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
  const time = occurredAt === null ? '' : String(occurredAt.getTime()).padStart(16, '0')
  const bytes = Array.from(new TextEncoder().encode(id), (byte) => byte.toString(16).padStart(2, '0'))
  return `${time} ${String(rank).padStart(3, '0')} ${bytes.join('')}`
}
