import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  getAbiItem,
  getAddress,
  type Hash,
  keccak256,
  type PublicClient,
  parseAbiParameters,
  slice,
  stringToBytes,
  zeroAddress,
} from 'viem'
import { identityFactoryAbi } from './abi.js'
import { type ContractCall, toCreateIdentityCall } from './calls.js'
import { type ChainClient, toPublicClient } from './chain-client.js'
import { askChain, chainRefused } from './chain-error.js'
import { toKey } from './claim.js'
import { searchLogs } from './search-logs.js'

/** Whose identities to find or create. */
export interface IdentityFactoryOptions {
  readonly client: ChainClient
  /** ONCHAINID's factory (IdFactory). The owner must send what is created. */
  readonly factory: Address
  /** The owner of the factory. */
  readonly owner: Address
  /** The addresses that manage a new identity. The wallet must not be among them: the factory refuses that. Default: the owner. */
  readonly managers?: readonly Address[] | undefined
}

/** Finds the identities of wallets, and says how to create those that are missing. */
export interface IdentityFactory {
  /**
   * Resolves with the identity that the factory names for the wallet, or null while it has none. It may be another's: who
   * has an identity can link any wallet to it that has none. See `wasMadeFor`.
   */
  find(wallet: Address): Promise<Address | null>
  /** True when the factory's owner made the identity for that wallet: the chain's log says so. */
  wasMadeFor(wallet: Address, identity: Address): Promise<boolean>
  /** Resolves with the address that a new identity of the wallet will have. Rejects with `chain_refused` when it cannot be created. */
  predict(wallet: Address): Promise<Address>
  /** Resolves with the call that creates it. The owner has to send it. */
  toCreateCall(wallet: Address): Promise<ContractCall>
}

const DOMAIN = keccak256(stringToBytes('persona-kyc.identity.v1'))

/**
 * Returns the salt of a wallet's identity. The chain is in it: the same factory at the same address of another chain
 * gives the wallet an identity of another address, where a claim of this chain is worth nothing.
 */
export function toIdentitySalt(chainId: number, factory: Address, wallet: Address): Hash {
  const parameters = parseAbiParameters('bytes32, uint256, address, address')
  return keccak256(encodeAbiParameters(parameters, [DOMAIN, BigInt(chainId), factory, wallet]))
}

/** Returns the identities of that factory. */
export function createIdentityFactory(options: IdentityFactoryOptions): IdentityFactory {
  const { factory, owner, managers = [owner] } = options
  const client = toPublicClient(options.client)
  let chainId: Promise<number> | undefined
  const readChainId = () => {
    chainId ??= askChain(() => client.getChainId()).catch((error: unknown) => {
      chainId = undefined
      throw error
    })
    return chainId
  }
  const toCreateCall = async (wallet: Address) => {
    const salt = toIdentitySalt(await readChainId(), factory, wallet)
    return toCreateIdentityCall(factory, { wallet, salt, keys: managers.map(toKey) })
  }
  return {
    toCreateCall,
    async find(wallet) {
      const data = encodeFunctionData({ abi: identityFactoryAbi, functionName: 'getIdentity', args: [wallet] })
      const found = await callForAddress(client, { to: factory, data })
      return found === zeroAddress ? null : found
    },
    wasMadeFor: (wallet, identity) => wasMadeFor(client, { factory, wallet, identity }),
    predict: async (wallet) => callForAddress(client, await toCreateCall(wallet), owner),
  }
}

/** Asks what a call would answer: the factory names the address that it is about to deploy to. */
async function callForAddress(client: PublicClient, call: ContractCall, account?: Address): Promise<Address> {
  const { data } = await askChain(() => client.call(account === undefined ? call : { ...call, account }))
  if (data === undefined || data.length !== 66) throw chainRefused()
  return getAddress(slice(data, 12))
}

/** Nobody but the owner makes the factory deploy an identity, and what deploys it links it to its wallet. */
async function wasMadeFor(
  client: PublicClient,
  {
    factory: address,
    wallet,
    identity,
  }: { readonly factory: Address; readonly wallet: Address; readonly identity: Address },
): Promise<boolean> {
  const deployed = await searchLogs(client, async (range) => {
    const [log] = await client.getLogs({ address, event: DEPLOYED, args: { identity }, ...range })
    return log ?? null
  })
  if (deployed === null) return false
  const { blockNumber: fromBlock, transactionHash } = deployed
  const block = { fromBlock, toBlock: fromBlock }
  const linked = await askChain(() => client.getLogs({ address, event: LINKED, args: { wallet, identity }, ...block }))
  return linked.some((log) => log.transactionHash === transactionHash)
}

const [DEPLOYED, LINKED] = [
  getAbiItem({ abi: identityFactoryAbi, name: 'Deployed' }),
  getAbiItem({ abi: identityFactoryAbi, name: 'WalletLinked' }),
]
