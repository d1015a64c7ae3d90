import type { Page, PageQuery } from './storage.js'

/** One answer of `authorize`, as the audit trail keeps it. Holds ids only. */
export interface AuditEntry {
  /** Random, made by the engine. */
  readonly id: string
  /** Who asked, as `authorize` names them; null where it names nobody. */
  readonly principal: string | null
  /** What they asked for, such as `kyc:read`. */
  readonly action: string
  /** The method and path of the route, such as `POST /compliance/kyc/:case_id/approve`. */
  readonly route: string
  /** `hidden` is a refusal that is answered as if the case did not exist. */
  readonly verdict: 'allowed' | 'forbidden' | 'hidden'
  /** The case that the URL names, which may not exist; null where it names none. At most 255 characters. */
  readonly caseId: string | null
  readonly decidedAt: Date
}

/** Which entries to list. */
export interface AuditQuery extends PageQuery {
  /** Only entries about that case; null for all. */
  readonly caseId: string | null
  /** Only entries of that principal; null for all. */
  readonly principal: string | null
}

/** The part of a storage that keeps the audit trail of who asked for what. It only grows: no entry ever changes. */
export interface AuditStorage {
  /** Appends the entry. It is durable once this resolves; the same id again changes nothing. */
  appendAudit(entry: AuditEntry): Promise<void>

  /** Pages through the entries by `decidedAt`, then id, the oldest first. */
  listAudit(query: AuditQuery): Promise<Page<AuditEntry>>
}
