import { ConfigurationError } from '@persona-kyc/core'

/** The schema that holds the tables where the app names no other. */
export const DEFAULT_SCHEMA = 'persona_kyc'

/** The quoted, qualified names of the tables in one schema, and of a function. */
export interface TableNames {
  readonly schema: string
  readonly cases: string
  readonly events: string
  /** The partition of the events that do not tell their time. */
  readonly untoldEvents: string
  /** The partition of the events whose month has none. */
  readonly otherEvents: string
  /** A function: whether the event of that time and id is there, and belongs to no case. */
  readonly isUnmatched: string
  readonly transitions: string
  readonly feed: string
  readonly consumers: string
  readonly deadLetters: string
  readonly claimRequests: string
  readonly claims: string
  readonly chainSenders: string
  readonly chainTransactions: string
  readonly audit: string
  readonly migrations: string
}

/**
 * Returns the names of the tables in that schema, safe to be put into SQL.
 *
 * @throws ConfigurationError when the name is not a plain identifier of at most 63 characters.
 */
export function toTableNames(schema: string): TableNames {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) {
    throw new ConfigurationError({
      problem: 'The schema name is not a plain SQL identifier.',
      fix: 'Use letters, digits and underscores, at most 63 of them, for example persona_kyc.',
    })
  }
  return {
    schema: `"${schema}"`,
    cases: `"${schema}"."kyc_cases"`,
    events: `"${schema}"."kyc_events"`,
    untoldEvents: `"${schema}"."kyc_events_untold"`,
    otherEvents: `"${schema}"."kyc_events_other"`,
    isUnmatched: `"${schema}"."kyc_is_unmatched"`,
    transitions: `"${schema}"."kyc_transitions"`,
    feed: `"${schema}"."kyc_feed"`,
    consumers: `"${schema}"."kyc_consumers"`,
    deadLetters: `"${schema}"."kyc_dead_letters"`,
    claimRequests: `"${schema}"."kyc_claim_requests"`,
    claims: `"${schema}"."kyc_claims"`,
    chainSenders: `"${schema}"."kyc_chain_senders"`,
    chainTransactions: `"${schema}"."kyc_chain_transactions"`,
    audit: `"${schema}"."kyc_audit"`,
    migrations: `"${schema}"."kyc_migrations"`,
  }
}
