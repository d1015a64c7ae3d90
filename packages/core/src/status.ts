import { ConfigurationError } from './errors.js'

/**
 * A status of a Persona inquiry. The set is open: Persona may add values at any time.
 *
 * @see https://docs.withpersona.com/model-lifecycle
 */
export type PersonaStatus =
  | 'created'
  | 'pending'
  | 'completed'
  | 'failed'
  | 'expired'
  | 'needs_review'
  | 'approved'
  | 'declined'
  | (string & {})

/** The state of a KYC case. */
export type CaseStatus = 'pending' | 'verified' | 'rejected' | 'review'

/** What a policy makes of a Persona status: the case's state, and its score (1 verified, 0 rejected, 0.5 review). */
export interface CaseVerdict {
  readonly status: CaseStatus
  readonly score: number | null
}

/** A table from Persona's status to a verdict. A status that it does not list leaves the case pending. */
export type StatusTable = Readonly<Partial<Record<PersonaStatus, CaseVerdict>>>

/** Turns a Persona status into a verdict. */
export type StatusPolicy = (status: PersonaStatus) => CaseVerdict

const PENDING: CaseVerdict = { status: 'pending', score: null }
const VERIFIED: CaseVerdict = { status: 'verified', score: 1 }
const REJECTED: CaseVerdict = { status: 'rejected', score: 0 }
const REVIEW: CaseVerdict = { status: 'review', score: 0.5 }

const DECISION_TABLE: StatusTable = {
  approved: VERIFIED,
  failed: REJECTED,
  declined: REJECTED,
  needs_review: REVIEW,
}

/** The tables that come with the library, by name. */
export const STATUS_TABLES = {
  /** For templates without a decision afterwards: a completed flow is a verified case. The default. */
  completed: { ...DECISION_TABLE, completed: VERIFIED },
  /** For templates where a workflow or a person decides: `completed` stays pending until `approved` or `declined`. */
  decision: DECISION_TABLE,
} as const satisfies Record<string, StatusTable>

const CASE_STATUSES: readonly CaseStatus[] = ['pending', 'verified', 'rejected', 'review']

/**
 * Returns the policy of that name, or of a table of your own.
 *
 * @throws ConfigurationError when the name is unknown, or the table names an unknown state or a score outside 0 to 1.
 */
export function createStatusPolicy(table: keyof typeof STATUS_TABLES | StatusTable = 'completed'): StatusPolicy {
  const rows = new Map(Object.entries(typeof table === 'string' ? requireTable(table) : table).map(toRow))
  return (status) => rows.get(toPersonaStatus(status)) ?? PENDING
}

/** The status in Persona's API spelling: `needs-review`, `needsReview` and `marked-for-review` become `needs_review`. */
export function toPersonaStatus(status: string): PersonaStatus {
  // As the API spells it already, which nearly all are.
  if (Object.hasOwn(RANKS, status)) return status
  const snake = status
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
  return snake === 'marked_for_review' ? 'needs_review' : snake
}

const RANKS: Readonly<Record<string, number>> = {
  created: 1,
  pending: 2,
  expired: 3,
  completed: 4,
  failed: 4,
  needs_review: 5,
  approved: 6,
  declined: 6,
}

/** How decided a status is: the higher rank wins where two events carry the same time. Unknown statuses have rank 0. */
export function toStatusRank(status: PersonaStatus): number {
  return Object.hasOwn(RANKS, status) ? (RANKS[status] ?? 0) : 0
}

function requireTable(name: string): StatusTable {
  if (name === 'completed' || name === 'decision') return STATUS_TABLES[name]
  throw new ConfigurationError({
    problem: 'The status policy is not one of the tables that come with the library.',
    fix: 'Use "completed", "decision" or a table of your own.',
  })
}

function toRow([status, verdict]: [string, CaseVerdict | null | undefined]): [PersonaStatus, CaseVerdict] {
  const score = verdict?.score ?? null
  const isScore = score === null || (score >= 0 && score <= 1)
  if (verdict && CASE_STATUSES.includes(verdict.status) && isScore) {
    return [toPersonaStatus(status), { status: verdict.status, score }]
  }
  throw new ConfigurationError({
    problem: `The status table's row for "${status}" is not a verdict.`,
    fix: 'Give { status: "pending" | "verified" | "rejected" | "review", score: null or 0 to 1 }.',
  })
}
