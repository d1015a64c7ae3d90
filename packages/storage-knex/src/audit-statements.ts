import type { AuditQuery } from '@persona-kyc/core'
import { toPrincipalKey } from './audit-migration.js'
import type { TableNames } from './schema.js'

/** Appends an entry, unless it is there. */
export function appendAudit({ audit }: TableNames): string {
  return `
    insert into ${audit} (id, principal, action, route, verdict, case_id, decided_at)
    values (:id, :principal, :action, :route, :verdict, :caseId, :decidedAt)
    on conflict (id) do nothing`
}

/** Pages through entries by (decided_at, id). Only the filters that are asked for are in it, so that an index serves it. */
export function listAudit({ audit }: TableNames, { caseId, principal, after }: AuditQuery): string {
  const filters = [
    ...(caseId === null ? [] : ['case_id = :caseId']),
    ...(principal === null
      ? []
      : [`${toPrincipalKey('principal')} = ${toPrincipalKey('cast(:principal as text)')}`, 'principal = :principal']),
    ...(after === null ? [] : ['(decided_at, id) > (cast(:decidedAt as timestamptz), cast(:id as text))']),
  ]
  const where = filters.length === 0 ? '' : `where ${filters.join(' and ')}`
  return `select * from ${audit} ${where} order by decided_at, id limit :limit`
}
