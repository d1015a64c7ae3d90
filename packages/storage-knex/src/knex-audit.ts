import type { AuditStorage } from '@persona-kyc/core'
import * as statements from './audit-statements.js'
import * as cursors from './cursors.js'
import { type AuditRow, fromAuditRow } from './rows.js'
import type { Runner } from './run-statement.js'
import type { TableNames } from './schema.js'

/** Returns the part of the storage that is the audit trail. */
export function createKnexAudit(tables: TableNames, { run }: Runner): AuditStorage {
  return {
    async appendAudit(entry) {
      await run(statements.appendAudit(tables), { ...entry })
    },
    async listAudit(query) {
      const { caseId, principal, after, limit } = query
      const [decidedAt, id] = cursors.fromAuditCursor(after)
      const bindings = { caseId, principal, decidedAt, id, limit: limit + 1 }
      const rows = await run<AuditRow>(statements.listAudit(tables, query), bindings)
      return cursors.toPage(rows.map(fromAuditRow), limit, cursors.toAuditCursor)
    },
  }
}
