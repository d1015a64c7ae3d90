import type { ClaimableCase, IdentityChoice, ResolveIdentity } from '@persona-kyc/claims'
import { KycError } from '@persona-kyc/core'
import { EnvironmentError } from '@persona-kyc/example-service'
import { type Address, getAddress, isAddress, keccak256, slice, stringToBytes } from 'viem'
import { importDefault } from './module.js'

/**
 * Returns a made-up wallet, always the same one for a user. For the local chain only: nobody has its key, and who
 * guesses a user's id finds it.
 */
export function toFakeWallet({ userId }: Pick<ClaimableCase, 'userId'>): { readonly wallet: Address } {
  return { wallet: getAddress(slice(keccak256(stringToBytes(`persona-kyc.fake-wallet:${userId}`)), 12)) }
}

/**
 * Resolves with the default export of the app's module, whose answers are checked. Rejects with an EnvironmentError where
 * that is no function.
 */
export async function loadWallets(path: string): Promise<ResolveIdentity> {
  const variable = 'USER_WALLETS_MODULE'
  const resolveIdentity = await importDefault({ variable, path })
  if (typeof resolveIdentity !== 'function') {
    throw new EnvironmentError([`${variable}: the default export must be a function from a case to a wallet`])
  }
  return async (kycCase) => requireChoice(await resolveIdentity(kycCase))
}

/** Says nothing of what is there instead. */
function requireChoice(choice: unknown): IdentityChoice | null {
  if (choice === null) return null
  const { wallet, identity } = (choice ?? {}) as { readonly wallet?: unknown; readonly identity?: unknown }
  if (typeof wallet === 'string' && isAddress(wallet)) return { wallet }
  if (typeof identity === 'string' && isAddress(identity)) return { identity }
  throw new KycError('argument_invalid', {
    problem: 'USER_WALLETS_MODULE answers with neither a wallet nor an identity.',
    fix: 'Have it return { wallet } or { identity } with an address, or null while there is none.',
  })
}
