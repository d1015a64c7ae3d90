import { type Address, encodeDeployData, encodeFunctionData } from 'viem'
import { factoryDeploymentAbi, identityImplementationAbi, implementationAuthorityAbi } from './abi.js'
import type { ContractPackage } from './contract-artifacts.js'
import type { DeployStep } from './step.js'

/** Makes the code that the proxies of all identities run. The deployer manages nothing by it. */
export function createImplementation(deployer: Address, onchainId: ContractPackage): DeployStep {
  const artifact = onchainId.get('Identity')
  const abi = identityImplementationAbi
  // As a library it is locked: it can be nobody's identity, and its management key manages nothing.
  const data = encodeDeployData({ abi, bytecode: artifact.bytecode, args: [deployer, true] })
  return {
    name: 'identityImplementation',
    title: 'Deploy the code of identities',
    isCreation: true,
    toTransaction: () => ({ to: null, data }),
    isDone: (view, addressOf) => view.hasCodeOf(artifact, addressOf('identityImplementation')),
  }
}

/** Makes the contract that says which code identities run. The deployer owns it, and may have all of them run other code. */
export function createAuthority(onchainId: ContractPackage): DeployStep {
  const artifact = onchainId.get('ImplementationAuthority')
  const { bytecode } = artifact
  return {
    name: 'implementationAuthority',
    title: 'Deploy the authority that says which code identities run',
    isCreation: true,
    toTransaction(addressOf) {
      const args = [addressOf('identityImplementation')] as const
      return { to: null, data: encodeDeployData({ abi: implementationAuthorityAbi, bytecode, args }) }
    },
    async isDone(view, addressOf) {
      const address = addressOf('implementationAuthority')
      if (!(await view.hasCodeOf(artifact, address))) return false
      return view.hasImplementation(address, addressOf('identityImplementation'))
    },
  }
}

/** Makes the factory of identities, which the deployer owns. */
export function createFactory(onchainId: ContractPackage): DeployStep {
  const artifact = onchainId.get('Factory')
  const { bytecode } = artifact
  return {
    name: 'identityFactory',
    title: 'Deploy the factory of identities',
    isCreation: true,
    toTransaction(addressOf) {
      const args = [addressOf('implementationAuthority')] as const
      return { to: null, data: encodeDeployData({ abi: factoryDeploymentAbi, bytecode, args }) }
    },
    async isDone(view, addressOf) {
      const address = addressOf('identityFactory')
      if (!(await view.hasCodeOf(artifact, address))) return false
      return view.hasAuthority(address, addressOf('implementationAuthority'))
    },
  }
}

/** Gives the factory to the manager: only its owner creates identities. */
export function giveFactory(manager: Address): DeployStep {
  const data = encodeFunctionData({ abi: factoryDeploymentAbi, functionName: 'transferOwnership', args: [manager] })
  return {
    name: 'identityFactoryOwner',
    title: `Make ${manager} the owner of the factory`,
    isCreation: false,
    toTransaction: (addressOf) => ({ to: addressOf('identityFactory'), data }),
    isDone: async (view, addressOf) => (await view.ownerOf(addressOf('identityFactory'))) === manager,
  }
}
