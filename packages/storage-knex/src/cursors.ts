import { type CaseEvent, type KycCase, KycError, type Page } from '@persona-kyc/core'
import type { TransitionRow } from './rows.js'

// The years that both JavaScript and PostgreSQL write the same way.
const FIRST_TIME = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z')

/** The cursor before the first transition. */
export const FEED_START = '0.0.'

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
export function toEventCursor({ receivedAt, id }: CaseEvent): string {
  return `${receivedAt.getTime()}.${id}`
}

/** What {@link toEventCursor} made; nulls for the first page. */
export function fromEventCursor(cursor: string | null): [Date, string] | [null, null] {
  return cursor === null ? [null, null] : fromTimeCursor(cursor)
}

/** The place of a transition in the feed. */
export function toFeedCursor({ feed_xid, revision, case_id }: TransitionRow): string {
  return `${feed_xid}.${revision}.${case_id}`
}

/** What {@link toFeedCursor} made: transaction, case and revision. */
export function fromFeedCursor(cursor: string | null): [string, string, number] {
  const [, feedXid, revision, caseId] = /^(\d{1,19})\.(\d{1,9})\.(.*)$/s.exec(cursor ?? FEED_START) ?? []
  if (feedXid === undefined || caseId === undefined || caseId.includes('\0')) throw invalidCursor()
  return [feedXid, caseId, Number(revision)]
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
