import { KycError } from '@persona-kyc/core'
import { createPublicClient, encodeErrorResult, type Hex, http, keccak256, type PublicClient, parseGwei } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimIssuerAbi } from '../src/abi.js'
import {
  askChain,
  chainMismatch,
  hasClaimCode,
  type SendRefusal,
  toChainError,
  toSendRefusal,
} from '../src/chain-error.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'

/** An error as JSON-RPC has it. */
interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

const URL_SECRET = 'planted-provider-key'
const CALLDATA: Hex = `0x${'c0ffee'.repeat(20)}`
const REVERT_DATA = encodeErrorResult({
  abi: [{ type: 'error', name: 'Error', inputs: [{ type: 'string', name: 'message' }] }],
  errorName: 'Error',
  args: ['Permissions: Sender does not have claim signer key'],
})

/** A client of an endpoint that answers everything the same way. */
function createClient(answer: () => Response | Promise<Response>): PublicClient {
  const fetchFn = async () => answer()
  return createPublicClient({ transport: http(`https://rpc.example/v3/${URL_SECRET}`, { fetchFn, retryCount: 0 }) })
}

/** A client of an endpoint that refuses everything with that error. */
function createRefusing(error: RpcError): PublicClient {
  return createClient(() => Response.json({ jsonrpc: '2.0', id: 1, error }))
}

function call(client: PublicClient): Promise<unknown> {
  const to = `0x${'11'.repeat(20)}` as const
  const args = [to, 1n, CALLDATA, CALLDATA] as const
  return client.readContract({ address: to, abi: claimIssuerAbi, functionName: 'isClaimValid', args })
}

function estimate(client: PublicClient): Promise<unknown> {
  const address = `0x${'11'.repeat(20)}` as const
  return client.estimateGas({ account: address, to: address, data: CALLDATA })
}

function send(client: PublicClient): Promise<unknown> {
  return client.sendRawTransaction({ serializedTransaction: CALLDATA })
}

describe('toSendRefusal', () => {
  // The words are those of the nodes' sources; `0x…` stands for a hash.
  const MESSAGES: [node: string, code: number, message: string, refusal: SendRefusal][] = [
    // go-ethereum: core/txpool/errors.go, core/txpool/validation.go, core/error.go
    ['geth', -32000, 'already known', 'known'],
    ['geth', -32000, 'known transaction: 1c7f2a', 'known'],
    ['geth', -32000, 'nonce too low', 'nonce_used'],
    ['geth', -32000, 'nonce too low: next nonce 82, tx nonce 81', 'nonce_used'],
    ['geth', -32000, 'nonce too low: address 0xf39Fd6, tx: 4 state: 5', 'nonce_used'],
    ['geth', -32000, 'replacement transaction underpriced', 'underpriced'],
    ['geth', -32000, 'transaction underpriced', 'underpriced'],
    ['geth', -32000, 'transaction underpriced: gas tip cap 0, minimum needed 1', 'underpriced'],
    ['geth', -32000, 'transaction gas price below minimum: gas tip cap 0, minimum needed 1', 'underpriced'],
    [
      'geth',
      -32000,
      'max fee per gas less than block base fee: address 0xf39Fd6, maxFeePerGas: 1, baseFee: 7',
      'underpriced',
    ],
    ['geth', -32000, 'insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5', 'funds_missing'],
    [
      'geth',
      -32000,
      'insufficient funds for gas * price + value: balance 9, queued cost 8, tx cost 5, overshot 4',
      'funds_missing',
    ],
    ['geth', -32000, 'insufficient funds for transfer', 'funds_missing'],
    ['geth', -32000, 'nonce too high', 'unknown'],
    ['geth', -32000, 'exceeds block gas limit', 'refused'],
    ['geth', -32000, 'intrinsic gas too low: gas 21000, minimum needed 21032', 'refused'],
    ['geth', -32000, 'oversized data: transaction size 131100, limit 131072', 'refused'],
    ['geth', -32000, 'account limit exceeded', 'unknown'],
    ['geth', -32000, 'in-flight transaction limit reached for delegated accounts', 'unknown'],
    ['geth', -32000, 'header not found', 'unknown'],
    ['geth', -32000, 'txpool is full', 'unknown'],
    ['geth', -32000, 'tx fee (2.10 ether) exceeds the configured cap (1.00 ether)', 'refused'],
    // Erigon: txnprovider/txpool/txpoolcfg/txpoolcfg.go
    ['Erigon', -32000, 'already known', 'known'],
    ['Erigon', -32000, 'existing txn with same hash', 'known'],
    ['Erigon', -32000, 'existing tx with same hash', 'known'],
    ['Erigon', -32000, 'nonce too low', 'nonce_used'],
    ['Erigon', -32000, 'underpriced', 'underpriced'],
    ['Erigon', -32000, 'fee too low', 'underpriced'],
    ['Erigon', -32000, 'replacement transaction underpriced', 'underpriced'],
    ['Erigon', -32000, 'could not replace existing tx', 'underpriced'],
    ['Ankr', -32000, 'INTERNAL_ERROR: could not replace existing tx', 'underpriced'],
    ['Erigon', -32000, 'insufficient funds', 'funds_missing'],
    ['Erigon', -32000, 'pending sub-pool is full', 'unknown'],
    // Nethermind: Nethermind.TxPool/AcceptTxResult.cs; until 2025 in one word, since then as geth
    ['Nethermind', -32010, 'AlreadyKnown', 'known'],
    ['Nethermind', -32010, 'OldNonce, Current nonce: 5, nonce of rejected tx: 4', 'nonce_used'],
    [
      'Nethermind',
      -32010,
      'FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7, MaxPriorityFeePerGas:1, Block number: 9',
      'underpriced',
    ],
    ['Nethermind', -32010, 'FeeTooLow, EffectivePriorityFeePerGas too low 1 < 2, BaseFee: 7', 'underpriced'],
    ['Nethermind', -32010, 'FeeTooLowToCompete', 'underpriced'],
    ['Nethermind', -32010, 'ReplacementNotAllowed', 'underpriced'],
    ['Nethermind', -32010, 'InsufficientFunds, Account balance: 0, cumulative cost: 5', 'funds_missing'],
    ['Nethermind', -32010, 'InsufficientFunds, Balance is 3 less than sending value + gas 5', 'funds_missing'],
    ['Nethermind', -32010, 'GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000', 'refused'],
    ['Nethermind', -32010, 'node is syncing', 'unknown'],
    ['Nethermind', -32010, 'NonceGap, Future nonce. Expected nonce: 5', 'unknown'],
    ['Nethermind', -32010, 'transaction underpriced, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7', 'underpriced'],
    // Besu: RpcErrorType.java
    ['Besu', -32000, 'Known transaction', 'known'],
    ['Besu', -32001, 'Nonce too low', 'nonce_used'],
    ['Besu', -32000, 'Replacement transaction underpriced', 'underpriced'],
    ['Besu', -32009, 'Gas price below configured minimum gas price', 'underpriced'],
    ['Besu', -32009, 'Gas price below current base fee', 'underpriced'],
    ['Besu', -32004, 'Upfront cost exceeds account balance', 'funds_missing'],
    ['Besu', -32003, 'Intrinsic gas exceeds gas limit', 'refused'],
    ['Besu', -32006, 'Nonce too high', 'unknown'],
    ['Besu', -32000, 'An invalid transaction with a lower nonce exists', 'unknown'],
    [
      'Besu',
      -32002,
      'Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync).',
      'unknown',
    ],
    // Reth: rpc-eth-types/src/error/mod.rs
    ['Reth', -32000, 'already known', 'known'],
    ['Reth', -32000, 'nonce too low: next nonce 5, tx nonce 4', 'nonce_used'],
    ['Reth', -32000, 'replacement transaction underpriced', 'underpriced'],
    ['Reth', -32000, 'transaction underpriced', 'underpriced'],
    ['Reth', -32000, 'max fee per gas less than block base fee', 'underpriced'],
    ['Reth', -32000, 'insufficient funds for gas * price + value: have 1 want 2', 'funds_missing'],
    // Anvil: eth/error.rs
    ['Anvil', -32003, 'transaction already imported', 'known'],
    ['Anvil', -32003, 'Tx: [0x…] already Imported', 'known'],
    ['Anvil', -32003, 'nonce too low', 'nonce_used'],
    ['Anvil', -32003, 'replacement transaction underpriced', 'underpriced'],
    ['Anvil', -32003, 'Tx: [0x…] insufficient gas price to replace existing transaction', 'underpriced'],
    ['Anvil', -32003, 'max fee per gas less than block base fee', 'underpriced'],
    ['Anvil', -32003, 'Insufficient funds for gas * price + value', 'funds_missing'],
    ['Anvil', -32003, 'insufficient funds for transfer', 'funds_missing'],
    // Others: what a provider says of itself is no refusal of the transaction
    ['OpenEthereum', -32010, 'Transaction nonce is too low. Try incrementing the nonce.', 'nonce_used'],
    ['OpenEthereum', -32010, 'Transaction with the same hash was already imported.', 'known'],
    ['a provider', -32005, 'daily request count exceeded, request rate limited', 'unknown'],
    ['a provider', -32603, 'Internal error', 'unknown'],
    ['a provider', -32000, 'upstream timed out, try again', 'unknown'],
  ]

  it.each(MESSAGES)('of %s, %i %s: %s', async (_, code, message, refusal) => {
    const error = await toRejection(send(createRefusing({ code, message })))
    expect(toSendRefusal(error)).toBe(refusal)
  })

  it.each<[string, unknown]>([
    ['an endpoint that answers 429', () => new Response('{}', { status: 429 })],
    ['an endpoint that answers HTML', () => new Response('<html>replacement, nonce too low</html>')],
    ['an endpoint that cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
  ])('says nothing of %s', async (_, answer) => {
    const error = await toRejection(send(createClient(answer as () => Response)))
    expect(toSendRefusal(error)).toBe('unknown')
  })

  it.each([undefined, null, 'nonce too low', {}, new Error('no')])('says nothing of %s', (error) => {
    expect(toSendRefusal(error)).toBe('unknown')
  })
})

describe('toChainError', () => {
  const [refused, unreachable, fundsMissing] = ['chain_refused', 'chain_unreachable', 'chain_funds_missing'] as const
  const of = (code: number, message: string, data?: unknown) => createRefusing({ code, message, ...{ data } })

  it.each<[string, PublicClient, string]>([
    ['a revert of geth, with data', of(3, 'execution reverted: no', REVERT_DATA), refused],
    ['a revert of geth, without data', of(-32000, 'execution reverted'), refused],
    ['a revert of Besu', of(-32000, 'Execution reverted', REVERT_DATA), refused],
    ['a halt of Besu', of(-32000, 'Transaction processing could not be completed due to an exception'), refused],
    ['a revert of Nethermind', of(-32015, 'VM execution error.', 'Reverted 0x'), refused],
    [
      'a revert of Hardhat',
      of(-32603, 'VM Exception while processing transaction: reverted with reason string', REVERT_DATA),
      refused,
    ],
    ['gas that ran out in geth', of(-32000, 'out of gas'), refused],
    ['gas that ran out in Anvil', of(-32603, 'EVM error OutOfGas'), refused],
    ['gas that ran out in Reth', of(-32003, 'out of gas: gas required exceeds: 50000000'), refused],
    ['an invalid opcode in geth', of(-32000, 'invalid opcode: INVALID'), refused],
    ['an invalid jump in geth', of(-32000, 'invalid jump destination'), refused],
    ['no contract', createClient(() => Response.json({ jsonrpc: '2.0', id: 1, result: '0x' })), refused],
    [
      'an answer that cannot be decoded',
      createClient(() => Response.json({ jsonrpc: '2.0', id: 1, result: '0x01' })),
      refused,
    ],
    ['an internal error of a node', of(-32603, 'Internal error'), unreachable],
    ['an internal error with a reason', of(-32603, 'missing trie node 1c7f2a'), unreachable],
    ['a block that a node does not have', of(-32000, 'header not found'), unreachable],
    ['a call that took a node too long', of(-32000, 'execution aborted (timeout = 5s)'), unreachable],
    ['a rate limit', of(-32005, 'limit exceeded'), unreachable],
    ['an answer that is no JSON', createClient(() => new Response('<html>')), unreachable],
    ['an answer 503', createClient(() => new Response('{}', { status: 503 })), unreachable],
    ['an endpoint that is away', createClient(() => Promise.reject(new TypeError('fetch failed'))), unreachable],
  ])('of a call, for %s', async (_, client, code) => {
    const error = toChainError(await toRejection(call(client)))
    expect(error).toMatchObject({ name: 'KycError', code })
    expectNoCanary(error, URL_SECRET, 'rpc.example', CALLDATA, REVERT_DATA)
  })

  it.each<[string, PublicClient, string]>([
    ['a revert', of(3, 'execution reverted: invalid claim', REVERT_DATA), refused],
    ['a revert of Nethermind', of(-32015, 'VM execution error.', 'Reverted 0x'), refused],
    ['too much gas', of(-32000, 'gas required exceeds allowance (30000000)'), refused],
    ['an internal error of a node', of(-32603, 'Internal error'), unreachable],
    ['an endpoint that is away', createClient(() => Promise.reject(new TypeError('fetch failed'))), unreachable],
  ])('of an estimate, for %s', async (_, client, code) => {
    const error = toChainError(await toRejection(estimate(client)))
    expect(error).toMatchObject({ code })
    expectNoCanary(error, URL_SECRET, 'rpc.example', CALLDATA, REVERT_DATA)
  })

  it.each([
    ['geth', -32000, 'insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5'],
    ['Nethermind', -32010, 'InsufficientFunds, Account balance: 0, cumulative cost: 5'],
    ['Besu', -32004, 'Upfront cost exceeds account balance'],
    ['Anvil', -32003, 'Insufficient funds for gas * price + value'],
  ])('of a transaction that cannot be paid, by %s', async (_, code, message) => {
    const error = toChainError(await toRejection(send(createRefusing({ code, message }))))
    expect(error).toMatchObject({ code: fundsMissing })
    expectNoCanary(error, URL_SECRET, 'rpc.example', CALLDATA)
  })

  it('keeps of what was thrown its name only', async () => {
    const error = toChainError(await toRejection(call(of(-32005, `limit exceeded for ${URL_SECRET}`))))
    expect(error.cause).toMatchObject({ message: 'RpcRequestError' })
    expect(error.message).toContain('RpcRequestError')
    expectNoCanary(error, URL_SECRET)
  })

  it('keeps errors of this library as they are', () => {
    const error = chainMismatch()
    expect(toChainError(error)).toBe(error)
  })

  it.each([undefined, null, 'text', 7, {}])('is an error for %s too', (thrown) => {
    expect(toChainError(thrown)).toBeInstanceOf(KycError)
    expect(toChainError(thrown)).toMatchObject({ code: 'chain_unreachable' })
  })
})

describe('askChain', () => {
  it('resolves with what the call does', async () => {
    expect(await askChain(async () => 7)).toBe(7)
  })

  it('rejects with an error of this library, also where the call throws at once', async () => {
    const thrower = () => {
      throw new Error(URL_SECRET)
    }
    const error = await toRejection(askChain(thrower))
    expect(hasClaimCode(error, 'chain_unreachable')).toBe(true)
    expect(hasClaimCode(error, 'chain_refused')).toBe(false)
    expect(hasClaimCode(new Error('chain_unreachable'), 'chain_unreachable')).toBe(false)
    expectNoCanary(error, URL_SECRET)
  })
})

describe.skipIf(SKIPPED !== null)(`toSendRefusal, of a real node${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  beforeAll(async () => {
    chain = await startTestChain()
    await chain.test.setAutomine(false)
  })
  afterAll(() => chain?.local.stop())

  const FEE = parseGwei('50')

  async function refuse(key: Hex, change: { nonce?: number; maxFeePerGas?: bigint } = {}): Promise<SendRefusal | null> {
    const account = privateKeyToAccount(key)
    const request = { chainId: chain.local.chainId, type: 'eip1559', to: account.address, gas: 21_000n } as const
    const fees = { maxFeePerGas: FEE, maxPriorityFeePerGas: change.maxFeePerGas ?? FEE }
    const serializedTransaction = await account.signTransaction({ ...request, ...fees, nonce: 0, ...change })
    return chain.client.sendRawTransaction({ serializedTransaction }).then((hash) => {
      expect(hash).toBe(keccak256(serializedTransaction))
      return null
    }, toSendRefusal)
  }

  it('tells what Anvil refuses', async () => {
    const key = chain.local.accounts[5]?.privateKey as Hex
    expect(await refuse(key)).toBeNull()
    expect(await refuse(key)).toBe('known')
    expect(await refuse(key, { maxFeePerGas: FEE - 1n })).toBe('underpriced')
    expect(await refuse(key, { maxFeePerGas: 2n * FEE })).toBeNull()
    await chain.test.mine({ blocks: 1 })
    expect(await refuse(key, { maxFeePerGas: 3n * FEE })).toBe('nonce_used')
    expect(await refuse(key, { nonce: 1, maxFeePerGas: 1n })).toBe('underpriced')
    expect(await refuse(generatePrivateKey())).toBe('funds_missing')
  })
})
