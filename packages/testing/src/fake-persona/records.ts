import type { FakeClock } from './clock.js'
import type { EventLog } from './events.js'
import type { IdSource } from './ids.js'
import type { FakeInquiry } from './inquiry.js'
import { toConflict, toNotFound } from './rejection.js'
import type { FakeSession } from './sessions.js'

/** How long inquiries and sessions live, and how many sessions an inquiry may have. */
interface InquiryLimits {
  readonly maxSessionsPerInquiry: number
  readonly inquiryExpirySeconds: number
  readonly sessionExpirySeconds: number
}

/** When this inquiry expires, counted from each step; undefined leaves the default or the running time. */
export interface ExpiryIntervals {
  readonly afterCreateSeconds?: number | undefined
  readonly afterStartSeconds?: number | undefined
  readonly afterResumeSeconds?: number | undefined
}

/** An inquiry with what the API does not show. */
export interface InquiryRecord {
  readonly resource: FakeInquiry
  readonly sessions: FakeSession[]
  readonly expiry: ExpiryIntervals
}

/** What the operations on inquiries share. */
export interface InquiryContext {
  readonly clock: FakeClock
  readonly nextId: IdSource
  readonly events: EventLog
  readonly limits: InquiryLimits
}

/** The inquiries by id, oldest first, and the accounts that were created with them. */
export interface InquiryRecords {
  add(record: InquiryRecord): void
  find(id: string): InquiryRecord | undefined
  list(): readonly InquiryRecord[]
  /** Returns the account's id for this reference id, the same one each time. */
  accountFor(referenceId: string): string
  clear(): void
}

/** Returns an empty {@link InquiryRecords}. */
export function createInquiryRecords(nextId: IdSource): InquiryRecords {
  const records = new Map<string, InquiryRecord>()
  const accounts = new Map<string, string>()
  return {
    add: (record) => void records.set(record.resource.id, record),
    find: (id) => records.get(id),
    list: () => [...records.values()],
    accountFor(referenceId) {
      const id = accounts.get(referenceId) ?? nextId('act')
      accounts.set(referenceId, id)
      return id
    },
    clear() {
      records.clear()
      accounts.clear()
    },
  }
}

/** Returns the record, or throws Persona's 404. */
export function requireRecord(records: InquiryRecords, id: string): InquiryRecord {
  const record = records.find(id)
  if (record === undefined) throw toNotFound()
  return record
}

/** Throws Persona's 409 when the inquiry was redacted. */
export function requireUnredacted({ resource }: InquiryRecord): void {
  if (resource.attributes['redacted-at'] !== null) throw toConflict('Inquiry already redacted')
}
