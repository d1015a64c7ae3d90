import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
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
import { askChain, chainRefused } from './chain-error.js'
import { toKey } from './claim.js'

/** Whose identities to find or create. */
export interface IdentityFactoryOptions {
  readonly client: PublicClient
  /** ONCHAINID's factory (IdFactory). The owner must send what is created. */
  readonly factory: Address
  /** The owner of the factory. */
  readonly owner: Address
  /** The addresses that manage a new identity. The wallet must not be among them: the factory refuses that. Default: the owner. */
  readonly managers?: readonly Address[] | undefined
}

/** Finds the identities of wallets, and says how to create those that are missing. */
export interface IdentityFactory {
  /** Resolves with the wallet's identity, or null while it has none. */
  find(wallet: Address): Promise<Address | null>
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
  const { client, factory, owner, managers = [owner] } = options
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
    predict: async (wallet) => callForAddress(client, await toCreateCall(wallet), owner),
  }
}

/** Asks what a call would answer: the factory names the address that it is about to deploy to. */
async function callForAddress(client: PublicClient, call: ContractCall, account?: Address): Promise<Address> {
  const { data } = await askChain(() => client.call(account === undefined ? call : { ...call, account }))
  if (data === undefined || data.length !== 66) throw chainRefused()
  return getAddress(slice(data, 12))
}
