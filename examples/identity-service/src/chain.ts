import { type ClaimIssuer, createClaimIssuer } from '@persona-kyc/claims'
import {
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  fallback,
  http,
  type LocalAccount,
  type PublicClient,
  type Transport,
} from 'viem'
import { loadAccount } from './account.js'
import type { ChainConfiguration, ClaimTerms } from './configuration.js'

/** A chain, the contracts on it, and the account that issues. */
export interface ChainAccess extends Omit<ChainConfiguration, 'account'> {
  readonly account: LocalAccount
}

/** What the worker does its work with. */
export interface ConnectedChain {
  readonly issuer: ClaimIssuer
  readonly factory: Address | null
  readonly witnesses: readonly PublicClient[]
}

/** Resolves with the access to the chain that is configured. Rejects with an EnvironmentError where its account cannot be loaded. */
export async function toChainAccess(chain: ChainConfiguration): Promise<ChainAccess> {
  return { ...chain, account: await loadAccount(chain.account) }
}

/** Makes the clients of a chain, and the issuer of claims on it. Nothing is sent, and nobody asked. */
export function connectChain(access: ChainAccess, terms: ClaimTerms): ConnectedChain {
  const { rpcUrls, witnessUrls, chainId, account, claimIssuer, identityFactory } = access
  const transport = toTransport(rpcUrls)
  const chain = chainId === null ? undefined : toChain(chainId, rpcUrls)
  const issuer = createClaimIssuer({
    client: createPublicClient({ transport, chain, cacheTime: 0 }),
    wallet: createWalletClient({ transport, chain, account }),
    issuer: claimIssuer,
    topic: terms.topic,
    level: terms.level,
    validForSeconds: terms.validForSeconds ?? undefined,
    confirmations: terms.confirmations,
  })
  const witnesses = witnessUrls.map((url) => createPublicClient({ transport: http(url), cacheTime: 0 }))
  return { issuer, factory: identityFactory, witnesses }
}

/** Each endpoint stands in for those before it. */
function toTransport(urls: readonly string[]): Transport {
  const [first, ...others] = urls.map((url) => http(url))
  return first !== undefined && others.length === 0 ? first : fallback(urls.map((url) => http(url)))
}

function toChain(id: number, urls: readonly string[]) {
  const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
  return defineChain({ id, name: `chain ${id}`, nativeCurrency, rpcUrls: { default: { http: [...urls] } } })
}
