import { isAddressEqual } from 'viem'
import type { DeploymentParameters } from './address-file.js'
import { planClaimIssuer } from './claim-issuer-steps.js'
import type { ContractPackage } from './contract-artifacts.js'
import { createAuthority, createFactory, createImplementation, giveFactory } from './identity-steps.js'
import { planRegistry } from './registry-steps.js'
import type { DeployStep } from './step.js'

/**
 * Returns the transactions of a deployment, in order. `onchainId` is `@onchain-id/solidity`, `trex` is
 * `@tokenysolutions/t-rex`, needed where the parameters ask for a registry.
 */
export function planDeployment(
  parameters: DeploymentParameters,
  { onchainId, trex }: { readonly onchainId: ContractPackage; readonly trex: ContractPackage | null },
): DeployStep[] {
  const { deployer, manager } = parameters
  return [
    createImplementation(deployer, onchainId),
    createAuthority(onchainId),
    createFactory(onchainId),
    ...planClaimIssuer(parameters, onchainId),
    ...(isAddressEqual(manager, deployer) ? [] : [giveFactory(manager)]),
    ...(trex === null ? [] : planRegistry(parameters, trex)),
  ]
}
