import type { ClaimStorage, ConsumerStorage, Logger } from '@persona-kyc/core'
import type { Address, PublicClient } from 'viem'
import type { ClaimIssuer } from './claim-issuer.js'
import type { ClaimableCase, ClaimSource } from './claim-source.js'
import type { IdentityFactory } from './identities.js'
import type { IdentityServiceAlarm, IdentityServiceMetric } from './service-reports.js'

/** Where the claim of a user belongs: on an identity, or on the one that the factory has or makes for a wallet. */
export type IdentityChoice = { readonly identity: Address } | { readonly wallet: Address }

/** Says where the claim of a case belongs; null while the user has neither identity nor wallet. */
export type ResolveIdentity = (kycCase: ClaimableCase) => Promise<IdentityChoice | null> | IdentityChoice | null

/** Times, sizes and fees of the Identity Service. */
export interface ServiceLimits {
  /** How often to look at the chain and for what is due, in milliseconds. Default 1,000. */
  readonly pollMs: number
  /** How long a dead process keeps the others waiting, in milliseconds. Default 30,000. */
  readonly leaseMs: number
  /** How many cases are worked on at once. Default 100. */
  readonly batchSize: number
  /** How many transactions may be under way. Nodes keep a limited number for an account. Default 64. */
  readonly maxOpenTransactions: number
  /** How long an unmined transaction is left alone before it is sent again with higher fees, in milliseconds. Default 60,000. */
  readonly stuckAfterMs: number
  /** How long a node may keep a transaction to itself before it is sent again as it is, in milliseconds. Default 15,000. */
  readonly resendAfterMs: number
  /** The first wait of a case that something is wrong with, in milliseconds; it doubles from there. Default 5,000. */
  readonly parkedMs: number
  /** The longest such wait, in milliseconds. Default 600,000. */
  readonly maxParkedMs: number
  /** The most that is ever paid for a unit of gas, in wei. Default 500 gwei. */
  readonly maxFeePerGas: bigint
  /** The most gas that a transaction may need. What needs more is not sent: identities are contracts of strangers. Default 3,000,000. */
  readonly maxGas: bigint
  /** How long `resolveIdentity` may take, in milliseconds: a round waits for it. Default 10,000. */
  readonly resolveTimeoutMs: number
  /** Whether a revoked claim is taken from its identity too, where the sender may. Default true. */
  readonly removesRevoked: boolean
}

/** What the parts of the Identity Service share. Internal. */
export interface ServiceContext extends ServiceLimits {
  readonly source: ClaimSource
  readonly store: ClaimStorage & ConsumerStorage
  readonly issuer: ClaimIssuer
  readonly chainId: number
  /** In lower case. */
  readonly sender: string
  readonly factory: IdentityFactory | null
  readonly resolveIdentity: ResolveIdentity
  readonly witnesses: readonly PublicClient[]
  readonly logger: Logger
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  readonly raise: (alarm: IdentityServiceAlarm) => void
  /** Raises the alarm unless it was raised before, for the same nonce or case. */
  readonly raiseOnce: (alarm: IdentityServiceAlarm) => void
  readonly measure: (metric: IdentityServiceMetric) => void
  readonly memory: ServiceMemory
}

/** What a process remembers between two looks at the chain. All of it may be lost. */
export interface ServiceMemory {
  /** When each open transaction was last sent, by nonce, in milliseconds. */
  readonly sentAt: Map<number, number>
  /** What was reported once already. */
  readonly reported: Set<string>
  /** Since when nodes have refused an open transaction for another reason than its fees, by nonce, in milliseconds. */
  readonly refusedSince: Map<number, number>
  /** Open transactions whose fees a node has called too low. */
  readonly underpriced: Set<number>
  /** At which final block a transaction without receipt was first found to have no effect, by nonce. */
  readonly missingSince: Map<number, bigint>
  /** Since when the lowest open transaction waits for one that is not ours, in milliseconds; null while none does. */
  gapSince: number | null
  /** Until when nothing is sent, for lack of funds, in milliseconds. */
  fundsMissingUntil: number
  /** The sender's transactions in the newest block seen. It falls when blocks are taken back. */
  minedCount: number
}

/** The chain, as it is looked at in one round. */
export interface Head {
  readonly number: bigint
  /** The newest block that counts as final; null while there is none. */
  readonly confirmed: bigint | null
  /** Null on chains without EIP-1559. */
  readonly baseFeePerGas: bigint | null
}
