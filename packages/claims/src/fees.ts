import type { ChainTransaction } from '@persona-kyc/core'
import { askChain } from './chain-error.js'
import type { Head, ServiceContext } from './service-context.js'

/** What a transaction offers for a unit of gas, in wei. */
export interface Fees {
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  /** True on a chain without EIP-1559: then both are the gas price. */
  readonly isLegacy: boolean
}

const FALLBACK_TIP = 1_000_000_000n

/** Resolves with fees for a transaction that is to be mined soon: twice the base fee, and the tip that the node suggests. */
export async function suggestFees({ issuer, maxFeePerGas: limit }: ServiceContext, head: Head): Promise<Fees> {
  const { client } = issuer
  if (head.baseFeePerGas === null) {
    const gasPrice = atMost(await askChain(() => client.getGasPrice()), limit)
    return { maxFeePerGas: gasPrice, maxPriorityFeePerGas: gasPrice, isLegacy: true }
  }
  const tip = await client.estimateMaxPriorityFeePerGas().catch(() => FALLBACK_TIP)
  const maxFeePerGas = atMost(2n * head.baseFeePerGas + tip, limit)
  return { maxFeePerGas, maxPriorityFeePerGas: atMost(tip, maxFeePerGas), isLegacy: false }
}

/**
 * Returns fees that nodes accept in place of those that the transaction offers now: at least an eighth more of both
 * (geth asks for a tenth), within the limit. Null where the limit leaves no room.
 */
export function bumpFees(transaction: ChainTransaction, suggested: Fees, limit: bigint): Fees | null {
  const { maxFeePerGas: oldFee, maxPriorityFeePerGas: oldTip } = transaction
  if (oldFee === null || oldTip === null) return suggested
  const maxFeePerGas = atLeast(suggested.maxFeePerGas, increase(oldFee))
  const maxPriorityFeePerGas = atLeast(suggested.maxPriorityFeePerGas, increase(oldTip))
  if (maxFeePerGas > limit) return null
  return { ...suggested, maxFeePerGas, maxPriorityFeePerGas: atMost(maxPriorityFeePerGas, maxFeePerGas) }
}

function increase(fee: bigint): bigint {
  return (fee * 9n) / 8n + 1n
}

function atMost(value: bigint, limit: bigint): bigint {
  return value < limit ? value : limit
}

function atLeast(value: bigint, limit: bigint): bigint {
  return value > limit ? value : limit
}
