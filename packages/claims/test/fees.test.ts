import type { ChainTransaction } from '@persona-kyc/core'
import fc from 'fast-check'
import { createPublicClient, custom, numberToHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { bumpFees, type Fees, suggestFees } from '../src/fees.js'
import type { ServiceContext } from '../src/service-context.js'
import { toRejection } from './canaries.js'

const GWEI = 1_000_000_000n
const LIMIT = 500n * GWEI

/** A transaction with those fees; null for one that was never signed. */
function createTransaction(maxFeePerGas: bigint | null, maxPriorityFeePerGas = maxFeePerGas): ChainTransaction {
  return { maxFeePerGas, maxPriorityFeePerGas } as ChainTransaction
}

function toFees(maxFeePerGas: bigint, maxPriorityFeePerGas: bigint, isLegacy = false): Fees {
  return { maxFeePerGas, maxPriorityFeePerGas, isLegacy }
}

describe('bumpFees', () => {
  it.each<[string, ChainTransaction, Fees, Fees | null]>([
    ['takes what is suggested for one that was never signed', createTransaction(null), toFees(9n, 1n), toFees(9n, 1n)],
    ['offers an eighth more of both, rounded up', createTransaction(80n, 8n), toFees(9n, 1n), toFees(91n, 10n)],
    ['offers more than nothing', createTransaction(0n, 0n), toFees(0n, 0n), toFees(1n, 1n)],
    ['takes what is suggested where that is more', createTransaction(80n, 8n), toFees(200n, 20n), toFees(200n, 20n)],
    ['takes of each the higher one', createTransaction(80n, 8n), toFees(200n, 1n), toFees(200n, 10n)],
    ['never tips more than all there is', createTransaction(80n, 8n), toFees(100n, 300n), toFees(100n, 100n)],
    ['bumps one gas price as the other', createTransaction(80n), toFees(9n, 9n, true), toFees(91n, 91n, true)],
    ['goes to the limit', createTransaction(80n, 8n), toFees(1000n, 8n), toFees(1000n, 10n)],
    ['does not go above the limit', createTransaction(80n, 8n), toFees(1001n, 8n), null],
    ['goes to the limit by an eighth', createTransaction(888n, 8n), toFees(9n, 1n), toFees(1000n, 10n)],
    ['leaves it where an eighth more is above the limit', createTransaction(889n, 8n), toFees(9n, 1n), null],
  ])('%s', (_, transaction, suggested, expected) => {
    expect(bumpFees(transaction, suggested, 1000n)).toEqual(expected)
  })

  it('is at least an eighth more of both, at most the limit, and a tip within it; or nothing', () => {
    const anyFee = fc.bigInt({ min: 0n, max: LIMIT })
    const anyFees = fc
      .tuple(anyFee, anyFee)
      .map(([left, right]) => (left > right ? toFees(left, right) : toFees(right, left)))
    const property = fc.property(anyFees, anyFees, ({ maxFeePerGas: fee, maxPriorityFeePerGas: tip }, suggested) => {
      const bumped = bumpFees(createTransaction(fee, tip), suggested, LIMIT)
      if (bumped === null) {
        expect(fee * 9n).toBeGreaterThan((LIMIT - 1n) * 8n - 8n)
        return
      }
      const { maxFeePerGas, maxPriorityFeePerGas } = bumped
      expect(maxFeePerGas * 8n).toBeGreaterThanOrEqual(fee * 9n)
      expect(maxPriorityFeePerGas * 8n).toBeGreaterThanOrEqual(tip * 9n)
      expect(maxFeePerGas).toBeGreaterThan(fee)
      expect(maxFeePerGas).toBeGreaterThanOrEqual(suggested.maxFeePerGas)
      expect(maxFeePerGas).toBeLessThanOrEqual(LIMIT)
      expect(maxPriorityFeePerGas).toBeLessThanOrEqual(maxFeePerGas)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  it('ends at the limit, however often it is repeated', () => {
    let fees: Fees | null = toFees(GWEI, GWEI)
    let highest = fees
    for (let round = 0; fees !== null; round++) {
      expect(round).toBeLessThan(60)
      highest = fees
      fees = bumpFees(createTransaction(fees.maxFeePerGas, fees.maxPriorityFeePerGas), toFees(GWEI, GWEI), LIMIT)
    }
    expect(highest.maxFeePerGas).toBeLessThanOrEqual(LIMIT)
    expect(highest.maxFeePerGas * 9n).toBeGreaterThan((LIMIT - 2n) * 8n)
  })
})

describe('suggestFees', () => {
  /** A context whose node answers so; what it has no answer to, it refuses. */
  function createContext(answers: Record<string, bigint>, maxFeePerGas = LIMIT): ServiceContext {
    const request = async ({ method }: { method: string }) => {
      const answer = answers[method]
      if (answer === undefined) throw new Error('No such method.')
      return numberToHex(answer)
    }
    const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) })
    return { issuer: { client }, maxFeePerGas } as unknown as ServiceContext
  }

  const toHead = (baseFeePerGas: bigint | null) => ({ number: 1n, confirmed: 1n, baseFeePerGas })
  const tip = (value: bigint) => ({ eth_maxPriorityFeePerGas: value })

  it.each<[string, ServiceContext, bigint | null, Fees]>([
    ['twice the base fee and the node’s tip', createContext(tip(2n)), 10n, toFees(22n, 2n)],
    ['at most the limit', createContext(tip(2n), 15n), 10n, toFees(15n, 2n)],
    ['a tip of at most the limit', createContext(tip(20n), 15n), 10n, toFees(15n, 15n)],
    ['a tip of 1 gwei where the node has none to suggest', createContext({}), 10n, toFees(20n + GWEI, GWEI)],
    ['a tip where there is no base fee', createContext(tip(2n)), 0n, toFees(2n, 2n)],
    ['the gas price without EIP-1559', createContext({ eth_gasPrice: 7n }), null, toFees(7n, 7n, true)],
    ['a gas price of at most the limit', createContext({ eth_gasPrice: 7n }, 5n), null, toFees(5n, 5n, true)],
  ])('offers %s', async (_, context, baseFee, expected) => {
    expect(await suggestFees(context, toHead(baseFee))).toEqual(expected)
  })

  it('rejects where the gas price cannot be had', async () => {
    const error = await toRejection(suggestFees(createContext({}), toHead(null)))
    expect(error).toMatchObject({ code: 'chain_unreachable' })
  })
})
