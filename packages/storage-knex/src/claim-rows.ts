import type { ChainTransaction, ChainTransactionState, ClaimState, ClaimWork, StoredClaim } from '@persona-kyc/core'
import { toDate, toDateOrNull } from './row-values.js'

/** A row of `kyc_claims`: as the driver gives it, or from JSON. 64-bit numbers are text from the one, dates from the other. */
export interface ClaimRow {
  readonly case_id: string
  readonly generation: number
  readonly state: ClaimState
  readonly chain_id: string | number
  readonly issuer: string
  readonly topic: string
  readonly identity: string
  readonly claim_id: string
  readonly data: string
  readonly signature: string
  readonly uri: string
  readonly verified_at: Date | string
  readonly tx_hash: string | null
  readonly superseded_by: string | null
  readonly created_at: Date | string
  readonly updated_at: Date | string
}

/** A row of `kyc_chain_transactions`, as the driver gives it or from JSON. */
export interface ChainTransactionRow {
  readonly chain_id: string | number
  readonly sender: string
  readonly nonce: string | number
  readonly purpose: string
  readonly case_id: string
  readonly state: ChainTransactionState
  readonly to_address: string
  readonly data: string
  readonly gas: string
  readonly raw: string | null
  readonly hashes: readonly string[]
  readonly max_fee_per_gas: string | null
  readonly max_priority_fee_per_gas: string | null
  readonly signed_at: Date | string | null
  readonly created_at: Date | string
}

/** A row of `kyc_claim_requests`, with JSON of its case's claims and transactions. */
export interface ClaimWorkRow {
  readonly case_id: string
  readonly revision: number
  readonly wants_claim: boolean
  readonly due_at: Date | string | null
  readonly reason: string | null
  readonly attempts: number
  readonly recalls: number
  readonly claims: string
  readonly transactions: string
}

/** The claim of a row. */
export function fromClaimRow(row: ClaimRow): StoredClaim {
  const { generation, state, issuer, topic, identity, data, signature, uri } = row
  return {
    caseId: row.case_id,
    generation,
    state,
    chainId: Number(row.chain_id),
    issuer,
    topic,
    identity,
    claimId: row.claim_id,
    data,
    signature,
    uri,
    verifiedAt: toDate(row.verified_at),
    txHash: row.tx_hash,
    supersededBy: row.superseded_by,
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
  }
}

/** The transaction of a row. */
export function fromChainTransactionRow(row: ChainTransactionRow): ChainTransaction {
  const { sender, purpose, state, data, raw, hashes } = row
  return {
    chainId: Number(row.chain_id),
    sender,
    nonce: Number(row.nonce),
    purpose,
    caseId: row.case_id,
    state,
    to: row.to_address,
    data,
    gas: BigInt(row.gas),
    raw,
    hashes,
    maxFeePerGas: toBigIntOrNull(row.max_fee_per_gas),
    maxPriorityFeePerGas: toBigIntOrNull(row.max_priority_fee_per_gas),
    signedAt: toDateOrNull(row.signed_at),
    createdAt: toDate(row.created_at),
  }
}

/** The work of a row. */
export function fromClaimWorkRow(row: ClaimWorkRow): ClaimWork {
  const { revision, reason, attempts, recalls } = row
  const dueAt = toDateOrNull(row.due_at)
  return {
    request: { caseId: row.case_id, revision, wantsClaim: row.wants_claim, dueAt, reason, attempts, recalls },
    claims: (JSON.parse(row.claims) as ClaimRow[]).map(fromClaimRow),
    transactions: (JSON.parse(row.transactions) as ChainTransactionRow[]).map(fromChainTransactionRow),
  }
}

function toBigIntOrNull(value: string | null): bigint | null {
  return value === null ? null : BigInt(value)
}
