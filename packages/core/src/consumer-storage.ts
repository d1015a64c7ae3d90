import type { Page, PageQuery, Transition } from './storage.js'

/** The right to act for a consumer of the feed. */
export interface ConsumerLease {
  /** The fencing token: higher with each change of hands, so that the newest holder is known by it. */
  readonly fence: number
  /** What the consumer has finished; null at the feed's start. */
  readonly cursor: string | null
  /** How often the work after the cursor was begun and not finished. */
  readonly attempts: number
}

/** A consumer of the feed, as an operator sees it. */
export interface Consumer extends ConsumerLease {
  readonly name: string
  /** Until when somebody acts for it; null when nobody does. */
  readonly leasedUntil: Date | null
  readonly deadLetters: number
}

/** A transition that a consumer has put aside. */
export interface DeadLetter {
  readonly consumer: string
  readonly transition: Transition
  /** `failed` too often, or `blocked` behind an earlier dead letter of its case, whose order it would break. */
  readonly reason: 'failed' | 'blocked'
  readonly attempts: number
  /** The name or the code of the last error, never its message. */
  readonly error: string | null
  readonly parkedAt: Date
  /** When its replay was asked for; null while it waits for an operator. */
  readonly replayRequestedAt: Date | null
}

/** A dead letter about to be stored. */
export interface NewDeadLetter extends Pick<DeadLetter, 'reason' | 'attempts' | 'error' | 'parkedAt'> {
  readonly caseId: string
  readonly revision: number
}

/** Which dead letters to list, in the order of consumer, case and revision. */
export interface DeadLetterQuery extends PageQuery {
  /** Null for those of all consumers. */
  readonly consumer: string | null
  /** True for those only of whose case a replay was asked for. */
  readonly isDue: boolean
}

/** The part of the storage's contract that is about consumers of the feed. */
export interface ConsumerStorage {
  /**
   * Takes the lease of the consumer, which need not exist yet, with a new fencing token. Resolves with null if somebody
   * holds it at `now`. Where the holder before never gave it back, `attempts` is one more.
   */
  leaseConsumer(name: string, lease: { readonly now: Date; readonly until: Date }): Promise<ConsumerLease | null>

  /** Extends the lease; false when the fencing token is no longer the newest, or the lease was given back. */
  renewConsumer(name: string, lease: { readonly fence: number; readonly until: Date }): Promise<boolean>

  /** Gives the lease back, if the fencing token is the newest. */
  releaseConsumer(name: string, fence: number): Promise<void>

  /**
   * Stores how far the consumer is, with the dead letter that it leaves behind if any, and extends the lease. Resolves
   * with false, and stores nothing, where `renewConsumer` would.
   */
  saveConsumer(
    name: string,
    progress: ConsumerLease & { readonly until: Date; readonly deadLetter: NewDeadLetter | null },
  ): Promise<boolean>

  /** Lists all consumers by name. */
  listConsumers(): Promise<readonly Consumer[]>

  /** True when the consumer has put a transition of the case aside. */
  hasDeadLetter(consumer: string, caseId: string): Promise<boolean>

  /** Pages through dead letters. */
  listDeadLetters(query: DeadLetterQuery): Promise<Page<DeadLetter>>

  /** Asks for the replay of a consumer's dead letters, or of those of one case; resolves with their number. */
  requestReplay(consumer: string, options: { readonly caseId: string | null; readonly now: Date }): Promise<number>

  /**
   * Settles one dead letter under the lease: `done` removes it; `failed` keeps it, counts the attempt and takes back the
   * request for replay from all of its case. Resolves with false, and changes nothing, where `renewConsumer` would.
   */
  settleDeadLetter(
    consumer: string,
    letter: {
      readonly fence: number
      readonly caseId: string
      readonly revision: number
      readonly result: 'done' | 'failed'
      readonly error: string | null
    },
  ): Promise<boolean>

  /**
   * Calls the listener some time after the feed has grown, also by other processes. It may miss a growth and call for
   * none, so followers ask now and then without being called. Returns the function that ends it. Never throws.
   */
  watchFeed(listener: () => void): () => void
}
