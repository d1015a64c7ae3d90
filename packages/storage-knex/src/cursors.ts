import {
  type AuditEntry,
  type CaseEvent,
  type DeadLetter,
  type KycCase,
  KycError,
  type Page,
  StorageError,
} from '@persona-kyc/core'
import type { TransitionRow } from './rows.js'

// The years that both JavaScript and PostgreSQL write the same way.
const FIRST_TIME = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z')

/** The place before the first transition. */
export const FEED_START = { feed_xid: '0', revision: 0, case_id: '' }

/** A page of `limit` items, made from one item more than that where there are more. */
export function toPage<Item>(items: Item[], limit: number, toCursor: (item: Item) => string): Page<Item> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return { items: page, next: items.length > limit && last !== undefined ? toCursor(last) : null }
}

/** The place of a case in the order of creation. */
export function toCaseCursor({ createdAt, id }: KycCase): string {
  return `${createdAt.getTime()}.${id}`
}

/** What {@link toCaseCursor} made; nulls for the first page. */
export function fromCaseCursor(cursor: string | null): [Date, string] | [null, null] {
  return cursor === null ? [null, null] : fromTimeCursor(cursor)
}

/** The place of an event in the order of arrival. */
export function toEventCursor({ receivedAt, id }: Pick<CaseEvent, 'receivedAt' | 'id'>): string {
  return `${receivedAt.getTime()}.${id}`
}

/** What {@link toEventCursor} made; nulls for the first page. */
export function fromEventCursor(cursor: string | null): [Date, string] | [null, null] {
  return cursor === null ? [null, null] : fromTimeCursor(cursor)
}

/** The place of an entry in the audit trail. */
export function toAuditCursor({ decidedAt, id }: Pick<AuditEntry, 'decidedAt' | 'id'>): string {
  return `${decidedAt.getTime()}.${id}`
}

/** What {@link toAuditCursor} made; nulls for the first page. */
export function fromAuditCursor(cursor: string | null): [Date, string] | [null, null] {
  return cursor === null ? [null, null] : fromTimeCursor(cursor)
}

/** A place in the feed, as {@link fromFeedCursor} reads it. */
export interface FeedPlace {
  /** The feed that the place is in; null for the start of whichever. */
  readonly feedId: string | null
  /** A 64-bit number as text. */
  readonly feedXid: string
  readonly revision: number
  readonly caseId: string
}

/** The place of a transition in a feed. */
export function toFeedCursor(
  feedId: string,
  { feed_xid, revision, case_id }: Pick<TransitionRow, 'feed_xid' | 'revision' | 'case_id'>,
): string {
  return `${feedId}.${feed_xid}.${revision}.${case_id}`
}

/** What {@link toFeedCursor} made; the start of the feed for null. */
export function fromFeedCursor(cursor: string | null): FeedPlace {
  if (cursor === null) return { feedId: null, feedXid: '0', revision: 0, caseId: '' }
  const [, feedId, feedXid, revision, caseId] = /^([0-9a-f]{12})\.(\d{1,19})\.(\d{1,9})\.(.*)$/s.exec(cursor) ?? []
  if (feedId === undefined || feedXid === undefined || caseId === undefined || caseId.includes('\0'))
    throw invalidCursor()
  return { feedId, feedXid, revision: Number(revision), caseId }
}

/** The rows of a page of the feed, of which there is always one. */
export function requireFeed<Row>(rows: readonly Row[]): readonly [Row, ...Row[]] {
  const [first, ...others] = rows
  if (first !== undefined) return [first, ...others]
  throw new StorageError('storage_failed', {
    problem: 'The table kyc_feed is empty: the feed has no id.',
    fix: 'Restore its row from a backup, or run: npx persona-kyc mend-feed.',
  })
}

/** The error for a cursor of another database, or of a time that this one was not restored to. */
export function foreignCursor(): KycError {
  return new KycError('argument_invalid', {
    problem: 'The cursor comes from another database, or from a later state of this one before it was restored.',
    fix: 'Start anew without a cursor, and skip what you know by case_id and revision.',
  })
}

/** The place of a dead letter in their list. */
export function toDeadLetterCursor({ consumer, transition }: DeadLetter): string {
  return JSON.stringify([consumer, transition.caseId, transition.revision])
}

/** What {@link toDeadLetterCursor} made; nulls for the first page. */
export function fromDeadLetterCursor(cursor: string | null): {
  afterConsumer: string | null
  afterCaseId: string | null
  afterRevision: number | null
} {
  if (cursor === null) return { afterConsumer: null, afterCaseId: null, afterRevision: null }
  const place = parseJson(cursor)
  const [afterConsumer, afterCaseId, afterRevision] = Array.isArray(place) ? (place as unknown[]) : []
  if (!isText(afterConsumer) || !isText(afterCaseId) || !isRevision(afterRevision)) throw invalidCursor()
  return { afterConsumer, afterCaseId, afterRevision }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && /^[^\0\p{Cs}]*$/u.test(value)
}

function isRevision(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31
}

function fromTimeCursor(cursor: string): [Date, string] {
  const [, time, id] = /^(-?\d{1,15})\.(.+)$/s.exec(cursor) ?? []
  const date = new Date(Number(time))
  const isDate = date.getTime() >= FIRST_TIME && date.getTime() <= LAST_TIME
  if (id === undefined || id.includes('\0') || !isDate) throw invalidCursor()
  return [date, id]
}

function invalidCursor(): KycError {
  return new KycError('argument_invalid', {
    problem: 'The cursor is none that this storage gave.',
    fix: 'Pass the next_after of the page before, unchanged, or nothing to start anew.',
  })
}
