import type {
  ChainTransaction,
  ClaimStorage,
  ClaimWork,
  NewChainTransaction,
  NewStoredClaim,
  StoredClaim,
} from '@persona-kyc/core'
import { expect } from 'vitest'
import { at } from './builders.js'
import { requireFound } from './found-value.js'

/** The largest number that a chain knows. */
export const MAX_UINT256 = 2n ** 256n - 1n

/** Who sends, unless told. */
export const SENDER = { chainId: 11_155_111, sender: toAddress(0x5e) }

/** An instant after all that the suite plays. */
export const LATER = at(1_000_000_000)

/** An address in lower case. */
export function toAddress(number: number): string {
  return `0x${number.toString(16).padStart(40, 'a')}`
}

/** The claim of the case's first generation and revision, for an identity that all such claims share, unless told. */
export function newClaim(caseId: string, options: Partial<NewStoredClaim> = {}): NewStoredClaim {
  return {
    caseId,
    generation: 1,
    revision: 1,
    chainId: SENDER.chainId,
    issuer: toAddress(1),
    topic: String(MAX_UINT256),
    identity: toAddress(2),
    claimId: `0xc1${caseId.length}`,
    data: '0x01',
    signature: `0x${'a1'.repeat(65)}`,
    uri: `https://kyc.example/cases/${caseId}`,
    verifiedAt: at(11),
    now: at(22),
    ...options,
  }
}

/** What is stored of a new claim. */
export function toStored({ now, revision, ...claim }: NewStoredClaim): StoredClaim {
  return { ...claim, state: 'signed', txHash: null, supersededBy: null, createdAt: now, updatedAt: now }
}

/** A transaction of case `a` about no claim, unless told. */
export function newTransaction(purpose: string, options: Partial<NewChainTransaction> = {}): NewChainTransaction {
  return { purpose, caseId: 'a', claim: null, to: toAddress(3), data: '0xda7a', gas: 21_000n, ...options }
}

/** The first transaction that a sender opens for that, before it is signed. */
export function toOpened({ claim, ...transaction }: NewChainTransaction): ChainTransaction {
  return {
    ...transaction,
    ...SENDER,
    nonce: 0,
    state: 'open',
    raw: null,
    hashes: [],
    maxFeePerGas: null,
    maxPriorityFeePerGas: null,
    signedAt: null,
    createdAt: at(33),
  }
}

/** A signed form of a transaction. */
export function toForm(nonce: number, mark: string) {
  return { nonce, raw: `0x02${mark}`, hash: `0x${mark}`, maxFeePerGas: 30n, maxPriorityFeePerGas: 2n }
}

/** Notes that each of the cases wants a claim, or that it wants none. */
export async function request(
  storage: ClaimStorage,
  caseIds: string | readonly string[],
  { revision = 1, wantsClaim = true, now = at(5) } = {},
): Promise<void> {
  for (const caseId of [caseIds].flat()) {
    expect(await storage.requestClaim({ caseId, revision, wantsClaim, now }), `a request of ${caseId}`).toBe(true)
  }
}

/** Opens transactions of those purposes, or those transactions, from nonce 0. */
export function open(
  storage: ClaimStorage,
  wanted: readonly (string | NewChainTransaction)[],
  options: Partial<typeof SENDER & { chainNonce: number; now: Date }> = {},
): Promise<readonly ChainTransaction[]> {
  return storage.openTransactions(
    { ...SENDER, chainNonce: 0, now: at(33), ...options },
    wanted.map((item) => (typeof item === 'string' ? newTransaction(item) : item)),
  )
}

/** Ends one transaction of the sender. */
export function close(
  storage: ClaimStorage,
  nonce: number,
  { state = 'done', hash = null, now = at(77) }: { state?: 'done' | 'void'; hash?: string | null; now?: Date } = {},
): Promise<void> {
  return storage.closeTransactions({ ...SENDER, now }, [{ nonce, state, hash }])
}

/** Lists all requests that wait, with what belongs to them. */
export function listWork(storage: ClaimStorage): Promise<readonly ClaimWork[]> {
  return storage.listDueClaims({ now: LATER, limit: 500 })
}

/** What belongs to the request of a case, which must wait. */
export async function readWork(storage: ClaimStorage, caseId: string): Promise<ClaimWork> {
  return requireFound((await listWork(storage)).find(({ request: { caseId: id } }) => id === caseId))
}
