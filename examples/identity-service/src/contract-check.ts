import { toKey } from '@persona-kyc/claims'
import type { Logger } from '@persona-kyc/core'
import { EnvironmentError } from '@persona-kyc/example-service'
import { BaseError, ContractFunctionRevertedError, ContractFunctionZeroDataError, isAddressEqual } from 'viem'
import { claimAbi, factoryAbi } from './abi.js'
import type { ConnectedChain } from './chain.js'

/** ERC-734's purposes of keys. */
const MANAGEMENT = 1n
const CLAIM = 3n

/**
 * Asks the chain whether the contracts are there and the account may do what it has to: what is configured wrongly fails
 * now, and not with the first case. A chain that does not answer is left to the worker, which waits for it.
 *
 * Rejects with an EnvironmentError that lists all that is wrong.
 */
export async function checkContracts(chain: ConnectedChain, logger: Logger): Promise<void> {
  try {
    const mistakes = (await Promise.all([findIssuerMistakes(chain), findFactoryMistakes(chain)])).flat()
    if (mistakes.length > 0) throw new EnvironmentError(mistakes)
  } catch (error) {
    if (error instanceof EnvironmentError) throw error
    logger.warn({}, 'the chain does not answer: the contracts are not checked')
  }
}

async function findIssuerMistakes({ issuer: { client, issuer: address, sender, signer } }: ConnectedChain) {
  const hasPurpose = (purpose: bigint, holder: typeof signer) => {
    const args = [toKey(holder), purpose] as const
    return client.readContract({ address, abi: claimAbi, functionName: 'keyHasPurpose', args })
  }
  const found = await orNull(Promise.all([hasPurpose(CLAIM, signer), hasPurpose(MANAGEMENT, sender.address)]))
  if (found === null) return [`CLAIM_ISSUER_ADDRESS: there is no claim issuer at ${address}, on this chain`]
  const [maySign, mayManage] = found
  return [
    ...(maySign
      ? []
      : [`CLAIM_ISSUER_ADDRESS: the claim issuer has no key of ${signer} to sign claims with (purpose 3)`]),
    ...(mayManage
      ? []
      : [`CLAIM_ISSUER_ADDRESS: the claim issuer has no key of ${sender.address} to revoke claims with (purpose 1)`]),
  ]
}

async function findFactoryMistakes({ issuer: { client, sender }, factory: address }: ConnectedChain) {
  if (address === null) return []
  const owner = await orNull(client.readContract({ address, abi: factoryAbi, functionName: 'owner' }))
  if (owner === null) return [`IDENTITY_FACTORY_ADDRESS: there is no factory at ${address}, on this chain`]
  return isAddressEqual(owner, sender.address)
    ? []
    : [
        `IDENTITY_FACTORY_ADDRESS: the factory belongs to ${owner}, and not to ${sender.address}: it creates nothing for that`,
      ]
}

/** Null where there is no contract, or one that knows no such function. */
async function orNull<Result>(read: Promise<Result>): Promise<Result | null> {
  try {
    return await read
  } catch (error) {
    const isOther = (inner: unknown) =>
      inner instanceof ContractFunctionZeroDataError || inner instanceof ContractFunctionRevertedError
    if (error instanceof BaseError && error.walk(isOther) !== null) return null
    throw error
  }
}
