import type { ChainTransaction } from '@persona-kyc/core'
import { type Address, decodeFunctionData, type Hex, type PublicClient } from 'viem'
import { claimIssuerAbi, identityAbi, identityFactoryAbi } from './abi.js'
import { askChain } from './chain-error.js'
import { type At, isRevoked, isSameClaim, readClaim } from './chain-view.js'
import { findIssuance } from './find-issuance.js'

const ABI = [...identityAbi, ...claimIssuerAbi, ...identityFactoryAbi]

/**
 * True when the chain shows what the transaction was to bring about. Receipts are not enough: a node may lie, and a
 * transaction of somebody else may have done the same.
 */
export async function hasEffect(client: PublicClient, transaction: ChainTransaction, at: At): Promise<boolean> {
  const to = transaction.to as Address
  const call = decodeFunctionData({ abi: ABI, data: transaction.data as Hex })
  switch (call.functionName) {
    case 'addClaim': {
      const claim = toAddedClaim(to, call.args)
      return isSameClaim(await readClaim(client, claim, at), claim)
    }
    case 'revokeClaimBySignature':
      return isRevoked(client, to, call.args[0], at)
    case 'createIdentityWithManagementKeys':
      return (await readIdentity(client, to, call.args[0], at)) !== ZERO
    default:
      // A removal: the identity may have another claim there by now.
      return true
  }
}

/** Resolves with the hash of the transaction that gave the claim to its identity, where this one was to do that. */
export async function findEffectHash(client: PublicClient, transaction: ChainTransaction): Promise<string | null> {
  const call = decodeFunctionData({ abi: ABI, data: transaction.data as Hex })
  if (call.functionName !== 'addClaim') return null
  const found = await findIssuance(client, toAddedClaim(transaction.to as Address, call.args))
  return found?.txHash ?? null
}

const ZERO = '0x0000000000000000000000000000000000000000'

function readIdentity(client: PublicClient, factory: Address, wallet: Address, { blockNumber }: At): Promise<Address> {
  return askChain(() =>
    client.readContract({
      ...(blockNumber !== undefined && { blockNumber }),
      address: factory,
      abi: identityFactoryAbi,
      functionName: 'getIdentity',
      args: [wallet],
    }),
  )
}

function toAddedClaim(identity: Address, args: readonly [bigint, bigint, Address, Hex, Hex, string]) {
  const [topic, , issuer, signature, data, uri] = args
  return { identity, topic, issuer, signature, data, uri }
}
