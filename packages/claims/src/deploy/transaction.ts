import { isKycError, KycError } from '@persona-kyc/core'
import { type Address, formatEther, type Hash, type Hex, keccak256 } from 'viem'
import { toChainError, toSendRefusal } from '../chain-error.js'
import type { DeployStep } from './step.js'
import type { StepContext } from './step-runner.js'

/** What a unit of gas is paid with, and the most of it in wei. */
interface Fees {
  readonly offer:
    | { readonly type: 'legacy'; readonly gasPrice: bigint }
    | { readonly type: 'eip1559'; readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  readonly limit: bigint
}

/**
 * Resolves with the step's transaction of that nonce, signed. Rejects with a KycError: `chain_funds_missing`,
 * `chain_refused` where a contract would revert, `chain_unreachable`.
 */
export async function signStep(context: StepContext, step: DeployStep, nonce: number): Promise<Hex> {
  const { account, chainId, record } = context
  const { to, data } = step.toTransaction(record.addressOf)
  try {
    const gas = await estimateGas(context, to, data)
    const { offer, limit } = await suggestFees(context)
    await requireFunds(context, gas * limit)
    return await account.signTransaction({ ...offer, chainId, nonce, gas, data, to })
  } catch (error) {
    throw toStepError(error, step, account.address)
  }
}

/**
 * Sends it, and resolves with its hash. That the node has one of that nonce already is no failure: an interrupted run
 * leaves that behind, and the chain will show which it was. Rejects with a KycError: `chain_funds_missing`, or
 * `chain_unreachable` where the answer is lost, and the transaction perhaps not.
 */
export async function sendSigned({ client, account }: StepContext, serializedTransaction: Hex): Promise<Hash> {
  try {
    await client.sendRawTransaction({ serializedTransaction })
  } catch (error) {
    const refusal = toSendRefusal(error)
    if (refusal === 'funds_missing') throw fundsMissing(account.address, null)
    if (refusal === 'unknown') throw toChainError(error)
  }
  return keccak256(serializedTransaction)
}

/** With an eighth to spare, for the chain moves on until the transaction is mined. */
async function estimateGas({ client, account }: StepContext, to: Address | null, data: Hex): Promise<bigint> {
  const gas = await client.estimateGas({ account: account.address, to, data })
  return (gas * 9n) / 8n
}

async function suggestFees({ client }: StepContext): Promise<Fees> {
  const { baseFeePerGas } = await client.getBlock()
  if (baseFeePerGas === null) {
    const gasPrice = await client.getGasPrice()
    return { offer: { type: 'legacy', gasPrice }, limit: gasPrice }
  }
  const { maxFeePerGas, maxPriorityFeePerGas } = await client.estimateFeesPerGas()
  return { offer: { type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas }, limit: maxFeePerGas }
}

async function requireFunds({ client, account: { address } }: StepContext, wanted: bigint): Promise<void> {
  if ((await client.getBalance({ address })) < wanted) throw fundsMissing(address, wanted)
}

function toStepError(error: unknown, step: DeployStep, sender: Address): KycError {
  if (isKycError(error)) return error
  const chainError = toChainError(error)
  if (chainError.code === 'chain_refused') {
    return new KycError('chain_refused', {
      problem: `The chain would not do this: ${step.title}.`,
      fix: 'Check that nobody else has changed the contracts of the address file, and that the chain knows the EVM of 2023 or newer.',
      cause: chainError.cause,
    })
  }
  return chainError.code === 'chain_funds_missing' ? fundsMissing(sender, null) : chainError
}

function fundsMissing(sender: Address, wanted: bigint | null): KycError {
  const amount = wanted === null ? '' : `, at most ${formatEther(wanted)} of the chain’s coin`
  return new KycError('chain_funds_missing', {
    problem: `The deployer ${sender} cannot pay for the next transaction${amount}.`,
    fix: 'Send it the chain’s coin, and run the command again: it goes on from here.',
  })
}
