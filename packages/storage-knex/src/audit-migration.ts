import type { Migration } from './migration.js'
import type { TableNames } from './schema.js'

/**
 * The audit trail, and what keeps it and the history of cases as they were written. The policies bind every role but the
 * owner of the tables: none lets rows be deleted, and the only rows that may change are events that belong to no case
 * yet, once, when they find theirs.
 */
export const auditMigration: Migration = {
  name: '004_audit',
  up: (tables) => [
    ...createAudit(tables),
    ...[tables.audit, tables.transitions, tables.events].flatMap(letGrowOnly),
    `create policy find_case on ${tables.events} for update
      using (outcome = 'unmatched') with check (outcome <> 'unmatched' and case_id is not null)`,
  ],
  down: ({ audit, events, transitions }) => [
    `drop table ${audit}`,
    `drop policy find_case on ${events}`,
    ...[events, transitions].flatMap((table) => [
      `drop policy append on ${table}`,
      `drop policy read on ${table}`,
      `alter table ${table} disable row level security`,
    ]),
  ],
}

/** What the index of principals holds: an app may name them by texts that are too long for an index. */
export function toPrincipalKey(principal: string): string {
  return `left(${principal}, 255)`
}

function createAudit({ audit }: TableNames): string[] {
  return [
    `create table ${audit} (
      id text collate "C" primary key,
      principal text,
      action text not null,
      route text not null,
      verdict text not null check (verdict in ('allowed', 'forbidden', 'hidden')),
      case_id text,
      decided_at timestamptz(3) not null
    )`,
    `create index kyc_audit_decided on ${audit} (decided_at, id)`,
    `create index kyc_audit_case on ${audit} (case_id, decided_at, id) where case_id is not null`,
    `create index kyc_audit_principal on ${audit} (${toPrincipalKey('principal')}, decided_at, id)
      where principal is not null`,
  ]
}

/** Policies by which a table is read, and added to. */
export function letGrowOnly(table: string): string[] {
  return [
    `create policy read on ${table} for select using (true)`,
    `create policy append on ${table} for insert with check (true)`,
    `alter table ${table} enable row level security`,
  ]
}
