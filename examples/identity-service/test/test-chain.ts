import { type Address, createWalletClient, encodeAbiParameters, http, keccak256, parseAbi } from 'viem'
import { type LocalDeployment, startLocalDeployment } from '../src/local-deployment.js'
import { type ChainReader, createChainReader } from './chain-reader.js'

/** The first account of every anvil, which owns what the tests deploy. Its key is public knowledge. */
export const ISSUER_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

/** An EVM with the contracts on it, and who reads it. */
export interface TestChain extends LocalDeployment {
  readonly reader: ChainReader
  /** The variables that point a worker here. */
  readonly environment: Record<string, string>
  /** Makes the wallet an identity that the issuer's account manages, and resolves when it is there. */
  createIdentity(wallet: Address): Promise<void>
}

const factoryAbi = parseAbi([
  'function createIdentityWithManagementKeys(address wallet, string salt, bytes32[] managementKeys) returns (address)',
])

/** Starts one. */
export async function startTestChain(): Promise<TestChain> {
  const confirmations = 2
  const local = await startLocalDeployment({ directory: null, confirmations, mineEveryMs: 100 })
  const { url, account, claimIssuer, identityFactory } = local
  if (identityFactory === null) throw new Error('There is no factory.')
  const sender = createWalletClient({ account, transport: http(url) })
  const reader = createChainReader({ url, claimIssuer, factory: identityFactory })
  return {
    ...local,
    reader,
    environment: {
      RPC_URL: url,
      ISSUER_PRIVATE_KEY: ISSUER_KEY,
      CLAIM_ISSUER_ADDRESS: claimIssuer,
      IDENTITY_FACTORY_ADDRESS: identityFactory,
      CHAIN_ID: String(local.chainId),
      CONFIRMATIONS: String(confirmations),
    },
    async createIdentity(wallet) {
      const key = keccak256(encodeAbiParameters([{ type: 'address' }], [account.address]))
      const hash = await sender.writeContract({
        address: identityFactory,
        abi: factoryAbi,
        functionName: 'createIdentityWithManagementKeys',
        args: [wallet, wallet, [key]],
        chain: null,
      })
      await reader.client.waitForTransactionReceipt({ hash, pollingInterval: 20 })
    },
  }
}
