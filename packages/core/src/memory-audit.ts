import type { AuditEntry, AuditStorage } from './audit-storage.js'
import { toPage } from './memory-page.js'

/** Returns the part of the storage in memory that is the audit trail. */
export function createMemoryAudit(): AuditStorage {
  const entries = new Map<string, AuditEntry>()

  return {
    async appendAudit(entry) {
      if (!entries.has(entry.id)) entries.set(entry.id, { ...entry })
    },

    async listAudit({ caseId, principal, after, limit }) {
      const matching = [...entries.values()]
        .filter((entry) => caseId === null || entry.caseId === caseId)
        .filter((entry) => principal === null || entry.principal === principal)
        .map((entry) => ({ entry, place: toCursor(entry) }))
        .filter(({ place }) => after === null || place > after)
        .sort((left, right) => (left.place < right.place ? -1 : 1))
      return toPage(
        matching.map(({ entry }) => entry),
        limit,
        toCursor,
      )
    },
  }
}

function toCursor({ decidedAt, id }: AuditEntry): string {
  return `${decidedAt.toISOString()} ${id}`
}
