import { createRequire } from 'node:module'
import type { Address } from 'viem'
import type { Artifact, TestChain } from './local-chain.js'

const { contracts } = createRequire(import.meta.url)('@tokenysolutions/t-rex') as {
  contracts: Record<
    'ClaimTopicsRegistry' | 'IdentityRegistry' | 'IdentityRegistryStorage' | 'TrustedIssuersRegistry',
    Artifact
  >
}

/** A contract, and what it can be asked. */
export interface DeployedContract {
  readonly address: Address
  readonly abi: Artifact['abi']
}

/** The identity registry of ERC-3643, as Tokeny's T-REX implements it. */
export interface Trex {
  /** Enters the identity for the wallet. */
  register(wallet: Address, identity: Address): Promise<void>
  /** What ERC-3643 tokens ask before each transfer. */
  isVerified(wallet: Address): Promise<boolean>
}

/** Deploys the identity registry, with that registry of trusted issuers, for people with a claim of that topic. */
export async function deployTrex(
  chain: TestChain,
  { trustedIssuers, topic }: { readonly trustedIssuers: Address; readonly topic: bigint },
): Promise<Trex> {
  const make = async (name: keyof typeof contracts): Promise<DeployedContract> => ({
    abi: contracts[name].abi,
    address: await chain.deploy(contracts[name], []),
  })
  const topics = await make('ClaimTopicsRegistry')
  const storage = await make('IdentityRegistryStorage')
  const identities = await make('IdentityRegistry')
  await transact(chain, topics, 'init')
  await transact(chain, topics, 'addClaimTopic', topic)
  await transact(chain, storage, 'init')
  await transact(chain, identities, 'init', trustedIssuers, topics.address, storage.address)
  await transact(chain, storage, 'bindIdentityRegistry', identities.address)
  await transact(chain, identities, 'addAgent', chain.owner.address)
  const NO_COUNTRY = 0
  return {
    register: (wallet, identity) => transact(chain, identities, 'registerIdentity', wallet, identity, NO_COUNTRY),
    isVerified: async (wallet) =>
      (await chain.client.readContract({ ...identities, functionName: 'isVerified', args: [wallet] })) === true,
  }
}

/** Sends the owner's transaction to the contract. Rejects where it reverts. */
export async function transact(
  { wallet, client, owner }: TestChain,
  { address, abi }: DeployedContract,
  functionName: string,
  ...args: readonly unknown[]
): Promise<void> {
  const chain = wallet.chain ?? null
  const hash = await wallet.writeContract({ address, abi, functionName, args, account: owner, chain })
  const { status } = await client.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new Error(`${functionName} failed.`)
}
