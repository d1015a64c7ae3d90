import { createRequire } from 'node:module'
import { isLocalChainAvailable, type LocalChain, startLocalChain } from '@persona-kyc/testing/evm'
import {
  type Abi,
  type Address,
  createPublicClient,
  createTestClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PrivateKeyAccount,
  type PublicClient,
  type TestClient,
  type WalletClient,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { CLAIM_PURPOSE, toKey } from '../src/claim.js'

/** A compiled contract. */
export interface Artifact {
  readonly abi: Abi
  readonly bytecode: Hex
}

const { contracts } = createRequire(import.meta.url)('@onchain-id/solidity') as {
  contracts: Record<'ClaimIssuer' | 'Factory' | 'Identity' | 'ImplementationAuthority', Artifact>
}

/** Why tests on a chain are skipped; null where they run. */
export const SKIPPED = isLocalChainAvailable() ? null : 'skipped: @foundry-rs/anvil has no binary for this platform'

/** A real EVM with ONCHAINID's contracts on it. */
export interface TestChain {
  readonly local: LocalChain
  readonly client: PublicClient
  readonly test: TestClient<'anvil'>
  /** Owns the factory, manages the issuer, signs the claims. */
  readonly owner: PrivateKeyAccount
  readonly wallet: WalletClient
  readonly issuer: Address
  readonly factory: Address
  /** The address of the local chain's account of that number. */
  account(index: number): PrivateKeyAccount
  deploy(artifact: Artifact, args: readonly unknown[]): Promise<Address>
}

/** Starts a chain and deploys factory and issuer. */
export async function startTestChain(options: Parameters<typeof startLocalChain>[0] = {}): Promise<TestChain> {
  const local = await startLocalChain(options)
  const chain = defineChain({
    id: local.chainId,
    name: 'local',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [local.url] } },
  })
  const transport = http(local.url, { retryCount: 0 })
  const account = (index: number) => privateKeyToAccount(local.accounts[index]?.privateKey as Hex)
  const owner = account(0)
  const client: PublicClient = createPublicClient({ chain, transport, pollingInterval: 20, cacheTime: 0 })
  const wallet = createWalletClient({ account: owner, chain, transport })
  const deploy = async ({ abi, bytecode }: Artifact, args: readonly unknown[]) => {
    const hash = await wallet.deployContract({ abi, bytecode, args, account: owner, chain })
    const { contractAddress } = await client.waitForTransactionReceipt({ hash })
    if (!contractAddress) throw new Error('Nothing was deployed.')
    return contractAddress
  }
  const implementation = await deploy(contracts.Identity, [owner.address, true])
  const authority = await deploy(contracts.ImplementationAuthority, [implementation])
  const factory = await deploy(contracts.Factory, [authority])
  const issuer = await deploy(contracts.ClaimIssuer, [owner.address])
  const test = createTestClient({ mode: 'anvil', chain, transport })
  return { local, client, test, owner, wallet, issuer, factory, account, deploy }
}

/** Deploys an identity that these addresses manage, as ONCHAINID's contract without a proxy. */
export async function deployIdentity(
  { deploy, wallet, client, owner }: TestChain,
  { manager = owner.address, claimKeys = [] as readonly Address[] } = {},
): Promise<Address> {
  const identity = await deploy(contracts.Identity, [manager, false])
  for (const key of claimKeys) {
    const hash = await wallet.writeContract({
      address: identity,
      abi: contracts.Identity.abi,
      functionName: 'addKey',
      args: [toKey(key), CLAIM_PURPOSE, 1n],
      account: owner,
      chain: wallet.chain ?? null,
    })
    await client.waitForTransactionReceipt({ hash })
  }
  return identity
}

/** Deploys another claim issuer, which that address manages. */
export function deployIssuer({ deploy, owner }: TestChain, manager: Address = owner.address): Promise<Address> {
  return deploy(contracts.ClaimIssuer, [manager])
}
