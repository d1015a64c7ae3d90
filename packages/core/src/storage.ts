import type { AuditStorage } from './audit-storage.js'
import type { ClaimStorage } from './claim-storage.js'
import type { ConsumerStorage } from './consumer-storage.js'
import type { CaseStatus, PersonaStatus } from './status.js'

/**
 * Text that was encrypted before it reached the storage (see `createCipher`). A storage keeps it as it is and never
 * sees what is inside.
 */
export type SealedText = string & { readonly __sealed: never }

/** A KYC case: the record of one person's verification. */
export interface KycCase {
  /** Random, made by the engine; it is the inquiry's reference id at Persona. */
  readonly id: string
  readonly userId: string
  readonly documentType: string
  readonly status: CaseStatus
  /** How often the status has changed: that of the newest transition, 0 before the first. */
  readonly revision: number
  readonly verificationScore: number | null
  readonly personaInquiryId: string | null
  /** The number of the inquiry that the case asks Persona for, from 1: part of the idempotency key. */
  readonly inquiryAttempt: number
  /** Until when some process is creating the inquiry; null once one is attached. */
  readonly initiatingUntil: Date | null
  readonly sealedSessionToken: SealedText | null
  readonly sealedPersonalData: SealedText | null
  readonly personaStatus: PersonaStatus | null
  readonly kycClaimId: string | null
  readonly kycClaimTxHash: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When the case became verified; null while it is not. */
  readonly verifiedAt: Date | null
  readonly erasedAt: Date | null
}

/** A case to be stored. */
export interface NewCase {
  readonly id: string
  readonly userId: string
  readonly documentType: string
  readonly sealedPersonalData: SealedText | null
  /** A digest of the caller's `Idempotency-Key`, unique per user; null without one. */
  readonly idempotencyKey: string | null
  readonly createdAt: Date
  /** The creator holds the right to create the inquiry until then. */
  readonly initiatingUntil: Date
}

/** An event on its way into the store. */
export interface NewEvent {
  readonly id: string
  readonly name: string
  readonly inquiryId: string | null
  /** Matches a case by id where no case has the inquiry; null where the event must not be matched so. */
  readonly referenceId: string | null
  /**
   * When Persona made the event, in whole milliseconds: the same in each copy of it, so that a storage may keep, and look for,
   * events by time. Null where that is not told, in each copy.
   */
  readonly createdAt: Date | null
  /** What the event makes of its case; null for an event that is only recorded. */
  readonly effect: EventEffect | null
  readonly receivedAt: Date
  /** What Persona said about the delivery; null for an event that came another way. */
  readonly delivery: DeliveryTelemetry | null
}

/** What the headers of a delivery say about the attempts before and after it. They are not signed. */
export interface DeliveryTelemetry {
  /** 1 for the first attempt. */
  readonly attemptsMade: number | null
  /** How often Persona would try again if this attempt failed. */
  readonly attemptsLeft: number | null
  readonly firstAttemptedAt: Date | null
}

/** The state that an event stands for, and its place in the order of events. */
export interface EventEffect {
  readonly personaStatus: PersonaStatus
  readonly status: CaseStatus
  readonly score: number | null
  /** By Persona's clock, in whole milliseconds. */
  readonly occurredAt: Date
  /** How decided the status is: the higher wins between events of one time. */
  readonly rank: number
}

/**
 * What became of an event: `applied` moved its case on, `stale` is older than what the case holds, or belongs to an
 * inquiry that the case has left, or to an erased case, `ignored` is of no kind that moves cases, `unmatched` belongs
 * to no case here, `duplicate` was recorded before.
 */
export type EventOutcome = 'applied' | 'stale' | 'ignored' | 'unmatched' | 'duplicate'

/** One change of a case's state. */
export interface Transition {
  readonly caseId: string
  /** 1 for the first change of the case, then one more each time. */
  readonly revision: number
  readonly from: CaseStatus
  readonly to: CaseStatus
  readonly score: number | null
  readonly personaStatus: PersonaStatus
  /** The event that caused it. */
  readonly eventId: string
  readonly eventName: string
  readonly occurredAt: Date
  readonly recordedAt: Date
}

/** What became of an event, the case afterwards, and the transition if the case's state changed. */
export interface RecordedEvent {
  readonly outcome: EventOutcome
  readonly kycCase: KycCase | null
  readonly transition: Transition | null
}

/** An event as it is stored: ids and states only. */
export interface StoredEvent {
  readonly id: string
  readonly name: string
  readonly inquiryId: string | null
  readonly outcome: EventOutcome
  /** As it came: with the id, what a copy of the event is known by. */
  readonly createdAt: Date | null
  readonly personaStatus: PersonaStatus | null
  /** Null for an event that is of no kind that moves cases. */
  readonly occurredAt: Date | null
  readonly receivedAt: Date
  /** Of the delivery that was recorded; later ones of the same event change nothing. */
  readonly delivery: DeliveryTelemetry | null
}

/** One entry of a case's audit trail. */
export interface CaseEvent extends StoredEvent {
  readonly transition: Transition | null
}

/** The reference of a claim on chain. */
export interface ClaimReference {
  readonly kycClaimId: string
  readonly kycClaimTxHash: string
}

/** A part of a longer list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Pass as `after` for what follows; null where nothing does. */
  readonly next: string | null
}

/** A part of the feed, which has no end. */
export interface FeedPage extends Page<Transition> {
  /** Pass as `after` for what follows, now or later. */
  readonly next: string
  /** For each item, what to pass as `after` for what follows it. */
  readonly cursors: readonly string[]
}

/** Where a page starts, and how long it may be. */
export interface PageQuery {
  /** The `next` of the page before; null for the first. */
  readonly after: string | null
  /** 1 to 500. */
  readonly limit: number
}

/** Which cases to list. */
export interface CaseQuery extends PageQuery {
  readonly status: CaseStatus | null
  /**
   * `missing` lists cases that could be given a claim reference: without one, and not erased. `present` those with one.
   * `stale` those with one that are no longer verified: their claim is to be revoked.
   */
  readonly claim: 'missing' | 'present' | 'stale' | null
}

/** Which cases the reconciler asks Persona about. */
export interface UnsettledCaseQuery extends PageQuery {
  /** Only cases that were created since then. */
  readonly createdSince: Date
  /** Only cases that nothing has happened to since then. */
  readonly quietSince: Date
}

/**
 * The contract between the engine and a database. The suite of `@persona-kyc/testing/storage-conformance` checks it.
 *
 * - Every method is one atomic step: it happens wholly or not at all, also under concurrent callers in other processes.
 * - A method that changes a row decides by that row's present state, in the same statement; never read, then write.
 * - Ids and cursors are opaque text. Dates keep their milliseconds.
 * - Methods reject with a StorageError: `storage_unavailable` when a later call may succeed, else `storage_failed`.
 */
export interface KycStorage extends ConsumerStorage, ClaimStorage, AuditStorage {
  /**
   * Stores the case, unless the user has one already that is open, or one of the same idempotency key: then that one
   * is returned (by key before open) and `created` is false. A case is open while it is pending or in review, is not
   * erased, and no other case of the user was opened meanwhile.
   */
  createCase(newCase: NewCase): Promise<{ readonly kycCase: KycCase; readonly created: boolean }>

  /** Resolves with the case, or null. */
  getCase(caseId: string): Promise<KycCase | null>

  /** Pages through the cases in the order of their creation. */
  listCases(query: CaseQuery): Promise<Page<KycCase>>

  /** Pages through the pending cases and those in review that are not erased, in the order of their creation. */
  listUnsettledCases(query: UnsettledCaseQuery): Promise<Page<KycCase>>

  /**
   * Takes the right to create the case's inquiry until `until`: resolves with the case if the caller now has it, with
   * null if somebody else holds it at `now`, or the case is gone, or its inquiry is not `currentInquiryId`.
   */
  leaseInitiation(
    caseId: string,
    options: { readonly currentInquiryId: string | null; readonly now: Date; readonly until: Date },
  ): Promise<KycCase | null>

  /** Gives the right back, if the caller's `until` still stands. */
  releaseInitiation(caseId: string, until: Date): Promise<void>

  /** Moves the case from that attempt to the next, so that the next request uses another idempotency key. */
  advanceAttempt(caseId: string, fromAttempt: number): Promise<KycCase | null>

  /**
   * Attaches an inquiry and ends the initiation. It takes the place of `replaces` (null for the case's first) while
   * the case is pending; then the order of events starts anew. The same inquiry again only updates the session token,
   * which only a pending case keeps. Resolves with null when the case is erased, holds another inquiry than these two,
   * or another case holds this one.
   */
  attachInquiry(
    caseId: string,
    inquiry: {
      readonly inquiryId: string
      readonly replaces: string | null
      readonly personaStatus: PersonaStatus
      readonly sealedSessionToken: SealedText | null
      readonly now: Date
    },
  ): Promise<KycCase | null>

  /** Stores a session token if the case is still pending with that inquiry; resolves with the case, or null. */
  storeSessionToken(
    caseId: string,
    session: { readonly inquiryId: string; readonly sealedSessionToken: SealedText | null; readonly now: Date },
  ): Promise<KycCase | null>

  /**
   * Records the event once (by its id and `createdAt`) and moves its case, in one step; one that was `unmatched` is looked
   * at again each time it comes with the same inquiry, and counts as recorded anew once it has found its case. The case is
   * the one with the event's inquiry, else the one whose id is the event's reference id; that one is given the inquiry if it
   * has none, and stays as it is if it has another. A case moves only if the event is newer than the last one that moved it:
   * by `occurredAt`, then `rank`, then the event id compared by its UTF-8 bytes. A changed state appends a transition. A case
   * that leaves `pending` loses its session token. An erased case stays as it is.
   */
  recordEvent(event: NewEvent): Promise<RecordedEvent>

  /**
   * Stores the claim reference if the case is verified and has none; the same one again is `unchanged`.
   */
  setClaim(
    caseId: string,
    claim: ClaimReference & { readonly now: Date },
  ): Promise<{
    readonly result: 'stored' | 'unchanged' | 'conflict' | 'not_verified' | 'not_found'
    readonly kycCase: KycCase | null
  }>

  /**
   * Removes that claim reference, whatever the case's status; `unchanged` when the case has none. Another one than the
   * case has is a `conflict`.
   */
  clearClaim(
    caseId: string,
    claim: ClaimReference & { readonly now: Date },
  ): Promise<{
    readonly result: 'cleared' | 'unchanged' | 'conflict' | 'not_found'
    readonly kycCase: KycCase | null
  }>

  /** Drops personal data and session token, ends an initiation, and closes the case to another. Null when it is unknown. */
  eraseCase(caseId: string, now: Date): Promise<KycCase | null>

  /** Pages through the events of a case, in the order in which they were received. */
  listCaseEvents(caseId: string, query: PageQuery): Promise<Page<CaseEvent>>

  /** Pages through the events that belong to no case here, in the order in which they were received. */
  listUnmatchedEvents(query: PageQuery): Promise<Page<StoredEvent>>

  /**
   * Reads the feed of all transitions after a cursor. Transitions of one case come in order, and a follower that goes
   * on from `next` misses none, also while others are being written. Rejects with `argument_invalid` for a
   * cursor of another storage.
   */
  readFeed(query: PageQuery): Promise<FeedPage>

  /** Resolves when the storage answers, rejects with a StorageError when it does not. */
  ping(): Promise<void>
}
