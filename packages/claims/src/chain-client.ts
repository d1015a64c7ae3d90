import {
  type Account,
  type Chain,
  type Client,
  type PublicClient,
  publicActions,
  type Transport,
  type WalletClient,
  walletActions,
} from 'viem'

/** A viem client of any chain, rollups with fields of their own too: one of `createPublicClient`, or of `createClient`. */
export type ChainClient = Client<Transport, Chain | undefined>

/** The same with an account: one of `createWalletClient`, or of `createClient`. */
export type ChainWallet = Client<Transport, Chain | undefined, Account | undefined>

/** Returns the client with viem's public actions, as they are on every chain. */
export function toPublicClient(client: ChainClient): PublicClient {
  const extended = 'getTransactionReceipt' in client ? client : client.extend(publicActions)
  // A client of a rollup has them with more precise types, and another one may have an account: neither matters here.
  return extended as unknown as PublicClient
}

/** Returns the client with viem's wallet actions, as they are on every chain. */
export function toWalletClient(client: ChainWallet): WalletClient {
  const extended = 'sendTransaction' in client ? client : client.extend(walletActions)
  // As above.
  return extended as unknown as WalletClient
}
