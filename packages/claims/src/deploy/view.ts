import { type Address, BaseError, isAddressEqual, type PublicClient } from 'viem'
import { askChain } from '../chain-error.js'
import { toKey } from '../claim.js'
import {
  claimIssuerDeploymentAbi,
  factoryDeploymentAbi,
  implementationAuthorityAbi,
  trustedIssuersRegistryAbi,
} from './abi.js'
import { type ContractArtifact, isCodeOf } from './contract-artifacts.js'

/**
 * What one block of the chain shows of the contracts; false, or null, also where there is no contract. Every method rejects
 * with a KycError (`chain_unreachable`, `chain_refused`).
 */
export interface DeploymentView {
  hasCodeOf(artifact: ContractArtifact, address: Address): Promise<boolean>
  hasImplementation(authority: Address, implementation: Address): Promise<boolean>
  hasAuthority(factory: Address, authority: Address): Promise<boolean>
  ownerOf(contract: Address): Promise<Address | null>
  hasPurpose(claimIssuer: Address, holder: Address, purpose: bigint): Promise<boolean>
  listsIssuer(registry: Address, claimIssuer: Address, topic: bigint): Promise<boolean>
  transactionCountOf(sender: Address): Promise<number>
}

/**
 * Returns the view at that block. All that is compared is read at one block, by its number: behind a balancer a node that
 * lags then fails, and does not pass old news for new.
 */
export function createDeploymentView(client: PublicClient, blockNumber: bigint): DeploymentView {
  return {
    hasCodeOf: async (artifact, address) =>
      isCodeOf(artifact, await askChain(() => client.getCode({ address, blockNumber }))),
    async hasImplementation(address, implementation) {
      const abi = implementationAuthorityAbi
      const call = { address, abi, functionName: 'getImplementation', blockNumber } as const
      return isSame(await read(() => client.readContract(call)), implementation)
    },
    async hasAuthority(address, authority) {
      const call = { address, abi: factoryDeploymentAbi, functionName: 'implementationAuthority', blockNumber } as const
      return isSame(await read(() => client.readContract(call)), authority)
    },
    ownerOf: (address) =>
      read(() => client.readContract({ address, abi: factoryDeploymentAbi, functionName: 'owner', blockNumber })),
    async hasPurpose(address, holder, purpose) {
      // Not keyHasPurpose: to it a key for MANAGEMENT has every purpose.
      const functionName = 'getKeyPurposes'
      const call = { address, abi: claimIssuerDeploymentAbi, functionName, args: [toKey(holder)], blockNumber } as const
      return (await read(() => client.readContract(call)))?.includes(purpose) ?? false
    },
    async listsIssuer(address, issuer, topic) {
      const functionName = 'hasClaimTopic'
      const call = {
        address,
        abi: trustedIssuersRegistryAbi,
        functionName,
        args: [issuer, topic],
        blockNumber,
      } as const
      return (await read(() => client.readContract(call))) ?? false
    },
    transactionCountOf: (address) => askChain(() => client.getTransactionCount({ address, blockNumber })),
  }
}

/** Resolves with null where nothing answers: there is no contract yet, or no more. */
async function read<Result>(call: () => Promise<Result>): Promise<Result | null> {
  return askChain(() => call().catch((error: unknown) => (isZeroData(error) ? null : Promise.reject(error))))
}

function isZeroData(error: unknown): boolean {
  return error instanceof BaseError && error.walk((inner) => hasName(inner, 'AbiDecodingZeroDataError')) !== null
}

function hasName(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}

function isSame(found: Address | null, expected: Address): boolean {
  return found !== null && isAddressEqual(found, expected)
}
