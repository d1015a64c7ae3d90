import { KycError } from '@persona-kyc/core'
import { type Address, encodeDeployData, encodeFunctionData, zeroAddress } from 'viem'
import { trustedIssuersRegistryAbi } from './abi.js'
import type { DeploymentParameters } from './address-file.js'
import type { ContractPackage } from './contract-artifacts.js'
import type { DeployStep } from './step.js'

/** Makes a registry of trusted issuers, which the deployer owns, and lists the claim issuer for the topic. */
export function planRegistry({ deployer, topic }: DeploymentParameters, trex: ContractPackage): readonly DeployStep[] {
  return [createRegistry(trex), initialiseRegistry(deployer), listIssuer(topic)]
}

function createRegistry(trex: ContractPackage): DeployStep {
  const artifact = trex.get('TrustedIssuersRegistry')
  const data = encodeDeployData({ abi: trustedIssuersRegistryAbi, bytecode: artifact.bytecode })
  return {
    name: 'trustedIssuersRegistry',
    title: 'Deploy the registry of trusted issuers',
    isCreation: true,
    toTransaction: () => ({ to: null, data }),
    isDone: (view, addressOf) => view.hasCodeOf(artifact, addressOf('trustedIssuersRegistry')),
  }
}

/** Whoever calls init first owns the registry. */
function initialiseRegistry(deployer: Address): DeployStep {
  const data = encodeFunctionData({ abi: trustedIssuersRegistryAbi, functionName: 'init' })
  return {
    name: 'trustedIssuersRegistryInit',
    title: 'Become the owner of the registry',
    isCreation: false,
    toTransaction: (addressOf) => ({ to: addressOf('trustedIssuersRegistry'), data }),
    async isDone(view, addressOf) {
      const owner = await view.ownerOf(addressOf('trustedIssuersRegistry'))
      if (owner === null || owner === zeroAddress) return false
      if (owner === deployer) return true
      throw new KycError('chain_refused', {
        problem: `Somebody else, ${owner}, was faster and owns the new registry of trusted issuers.`,
        fix: 'Do not use it. Choose another file to deploy anew.',
      })
    },
    // The deployer may have given it away since.
    holds: async (view, addressOf) => (await view.ownerOf(addressOf('trustedIssuersRegistry'))) !== zeroAddress,
  }
}

function listIssuer(topic: bigint): DeployStep {
  return {
    name: 'trustedIssuersRegistryIssuer',
    title: `Trust the claim issuer for the topic ${topic}`,
    isCreation: false,
    toTransaction(addressOf) {
      const args = [addressOf('claimIssuer'), [topic]] as const
      const data = encodeFunctionData({ abi: trustedIssuersRegistryAbi, functionName: 'addTrustedIssuer', args })
      return { to: addressOf('trustedIssuersRegistry'), data }
    },
    isDone: (view, addressOf) => view.listsIssuer(addressOf('trustedIssuersRegistry'), addressOf('claimIssuer'), topic),
  }
}
