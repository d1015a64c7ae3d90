import { type Address, encodeFunctionData, type Hash, type Hex } from 'viem'
import { claimIssuerAbi, identityAbi, identityFactoryAbi } from './abi.js'
import { ECDSA_SCHEME, type SignedClaim } from './claim.js'

/** A call of a contract: where, and with what calldata. */
export interface ContractCall {
  readonly to: Address
  readonly data: Hex
}

/** Gives the claim to its identity. The sender needs a key of the identity with the purpose CLAIM or MANAGEMENT. */
export function toAddClaimCall({ identity, topic, issuer, signature, data, uri }: SignedClaim): ContractCall {
  const args = [topic, ECDSA_SCHEME, issuer, signature, data, uri] as const
  return { to: identity, data: encodeFunctionData({ abi: identityAbi, functionName: 'addClaim', args }) }
}

/** Revokes one encoding of a signature. The sender needs a key of the issuer with the purpose MANAGEMENT. */
export function toRevokeCall(issuer: Address, signature: Hex): ContractCall {
  const data = encodeFunctionData({ abi: claimIssuerAbi, functionName: 'revokeClaimBySignature', args: [signature] })
  return { to: issuer, data }
}

/** Takes the claim from the identity. The sender needs a key of the identity with the purpose CLAIM or MANAGEMENT. */
export function toRemoveCall(identity: Address, claimId: Hash): ContractCall {
  return { to: identity, data: encodeFunctionData({ abi: identityAbi, functionName: 'removeClaim', args: [claimId] }) }
}

/** Creates an identity for the wallet, which these keys manage. The sender must own the factory. */
export function toCreateIdentityCall(
  factory: Address,
  { wallet, salt, keys }: { readonly wallet: Address; readonly salt: string; readonly keys: readonly Hash[] },
): ContractCall {
  const args = [wallet, salt, keys] as const
  const functionName = 'createIdentityWithManagementKeys'
  return { to: factory, data: encodeFunctionData({ abi: identityFactoryAbi, functionName, args }) }
}
