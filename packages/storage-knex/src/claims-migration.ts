import type { Migration } from './migration.js'
import type { TableNames } from './schema.js'

/** Claims on chain: what cases want, the claims, and the transactions that issue and revoke them. */
export const claimsMigration: Migration = {
  name: '003_claims',
  up: (tables) => [
    ...createRequests(tables),
    ...createClaims(tables),
    ...createTransactions(tables),
    `create index kyc_cases_stale_claim on ${tables.cases} (created_at, id)
      where kyc_claim_id is not null and status <> 'verified'`,
  ],
  down: ({ schema, claimRequests, claims, chainSenders, chainTransactions }) => [
    `drop index ${schema}.kyc_cases_stale_claim`,
    ...[chainTransactions, chainSenders, claims, claimRequests].map((table) => `drop table ${table}`),
  ],
}

const ADDRESS = "'^0x[0-9a-f]{40}$'"
const AMOUNT = "'^[0-9]{1,78}$'"

function createRequests({ claimRequests }: TableNames): string[] {
  return [
    `create table ${claimRequests} (
      case_id text primary key,
      revision integer not null,
      wants_claim boolean not null,
      due_at timestamptz(3),
      reason text,
      attempts integer not null,
      recalls integer not null
    )`,
    `create index kyc_claim_requests_due on ${claimRequests} (due_at, case_id) where due_at is not null`,
  ]
}

function createClaims({ claims }: TableNames): string[] {
  return [
    `create table ${claims} (
      case_id text not null,
      generation integer not null check (generation > 0),
      state text not null check (state in ('signed', 'issued', 'revoking', 'revoked')),
      chain_id bigint not null,
      issuer text not null check (issuer ~ ${ADDRESS}),
      topic text not null check (topic ~ ${AMOUNT}),
      identity text not null check (identity ~ ${ADDRESS}),
      claim_id text not null,
      data text not null,
      signature text not null,
      uri text not null,
      verified_at timestamptz(3) not null,
      tx_hash text,
      superseded_by text,
      created_at timestamptz(3) not null,
      updated_at timestamptz(3) not null,
      primary key (case_id, generation)
    )`,
    `create unique index kyc_claims_case on ${claims} (case_id) where state <> 'revoked'`,
    `create unique index kyc_claims_slot on ${claims} (identity, topic, issuer, chain_id) where state <> 'revoked'`,
  ]
}

/** Amounts are text: 256 bits fit into no integer, and drivers are told to read numeric columns as floating point. */
function createTransactions({ chainSenders, chainTransactions }: TableNames): string[] {
  return [
    `create table ${chainSenders} (
      chain_id bigint not null,
      sender text not null check (sender ~ ${ADDRESS}),
      next_nonce bigint not null,
      primary key (chain_id, sender)
    )`,
    `create table ${chainTransactions} (
      chain_id bigint not null,
      sender text not null,
      nonce bigint not null check (nonce >= 0),
      purpose text not null,
      case_id text not null,
      state text not null check (state in ('open', 'done', 'void')),
      to_address text not null check (to_address ~ ${ADDRESS}),
      data text not null,
      gas text not null check (gas ~ ${AMOUNT}),
      raw text,
      hashes text[] not null,
      max_fee_per_gas text check (max_fee_per_gas ~ ${AMOUNT}),
      max_priority_fee_per_gas text check (max_priority_fee_per_gas ~ ${AMOUNT}),
      signed_at timestamptz(3),
      created_at timestamptz(3) not null,
      primary key (chain_id, sender, nonce)
    )`,
    `create unique index kyc_chain_transactions_purpose on ${chainTransactions} (purpose, chain_id) where state <> 'void'`,
    `create index kyc_chain_transactions_case on ${chainTransactions} (case_id)`,
    `create index kyc_chain_transactions_open on ${chainTransactions} (chain_id, sender, nonce) where state = 'open'`,
  ]
}
