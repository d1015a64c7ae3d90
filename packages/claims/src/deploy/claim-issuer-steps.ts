import { type Address, encodeDeployData, encodeFunctionData, isAddressEqual } from 'viem'
import { CLAIM_PURPOSE, MANAGEMENT_PURPOSE, toKey } from '../claim.js'
import { claimIssuerDeploymentAbi } from './abi.js'
import type { DeploymentParameters } from './address-file.js'
import type { ContractPackage } from './contract-artifacts.js'
import type { DeployStep } from './step.js'

/** ERC-734's type of keys of ECDSA on secp256k1. */
const ECDSA_KEY = 1n

/**
 * Makes the claim issuer with its keys. Only a manager can add one: where the signer needs a key and the manager is
 * another than the deployer, the deployer is manager first, and then gives that up.
 */
export function planClaimIssuer(
  { deployer, manager, signer }: DeploymentParameters,
  onchainId: ContractPackage,
): readonly DeployStep[] {
  const hasOwnSigner = !isAddressEqual(signer, manager)
  const isPassedOn = hasOwnSigner && !isAddressEqual(manager, deployer)
  return [
    createIssuer(onchainId, isPassedOn ? deployer : manager, isPassedOn),
    ...(hasOwnSigner ? [addKey(signer, CLAIM_PURPOSE, 'Let %s sign claims')] : []),
    ...(isPassedOn ? [addKey(manager, MANAGEMENT_PURPOSE, 'Make %s a manager of the claim issuer')] : []),
    ...(isPassedOn ? [removeManager(deployer)] : []),
  ]
}

function createIssuer(onchainId: ContractPackage, manager: Address, isPassedOn: boolean): DeployStep {
  const artifact = onchainId.get('ClaimIssuer')
  const { bytecode } = artifact
  const data = encodeDeployData({ abi: claimIssuerDeploymentAbi, bytecode, args: [manager] })
  return {
    name: 'claimIssuer',
    title: 'Deploy the claim issuer',
    isCreation: true,
    toTransaction: () => ({ to: null, data }),
    async isDone(view, addressOf) {
      const address = addressOf('claimIssuer')
      if (!(await view.hasCodeOf(artifact, address))) return false
      return isPassedOn || view.hasPurpose(address, manager, MANAGEMENT_PURPOSE)
    },
  }
}

function addKey(holder: Address, purpose: bigint, title: string): DeployStep {
  const args = [toKey(holder), purpose, ECDSA_KEY] as const
  const data = encodeFunctionData({ abi: claimIssuerDeploymentAbi, functionName: 'addKey', args })
  return {
    name: purpose === CLAIM_PURPOSE ? 'claimIssuerSigner' : 'claimIssuerManager',
    title: title.replace('%s', holder),
    isCreation: false,
    toTransaction: (addressOf) => ({ to: addressOf('claimIssuer'), data }),
    isDone: (view, addressOf) => view.hasPurpose(addressOf('claimIssuer'), holder, purpose),
  }
}

function removeManager(holder: Address): DeployStep {
  const args = [toKey(holder), MANAGEMENT_PURPOSE] as const
  const data = encodeFunctionData({ abi: claimIssuerDeploymentAbi, functionName: 'removeKey', args })
  return {
    name: 'claimIssuerDeployer',
    title: `Take ${holder} from the managers of the claim issuer`,
    isCreation: false,
    toTransaction: (addressOf) => ({ to: addressOf('claimIssuer'), data }),
    isDone: async (view, addressOf) => !(await view.hasPurpose(addressOf('claimIssuer'), holder, MANAGEMENT_PURPOSE)),
  }
}
