import type { Hex } from 'viem'
import type { TestChain } from '../local-chain.js'

/** How many cases there are; the last two are of one user, and share an identity. */
export const CASES = 4
/** What the claims of a simulated world are about. */
export const TOPIC = 1n

/** The id of a simulated case. */
export function toCaseId(index: number): string {
  return `case-${index}`
}

/** The id of its user, which would be personal if it were on chain. */
export function toUserId(index: number): string {
  return `ada.lovelace.${toUser(index)}@example.com`
}

/** The wallet of its user, as an account of the local chain. */
export function toWallet({ account }: TestChain, index: number): Hex {
  return account(3 + toUser(index)).address
}

/** The other case of the same user; null where there is none. */
export function toSibling(index: number): number | null {
  if (index < CASES - 2) return null
  return index === CASES - 1 ? CASES - 2 : CASES - 1
}

function toUser(index: number): number {
  return Math.min(index, CASES - 2)
}
