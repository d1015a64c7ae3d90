import {
  type Account,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type WalletClient,
} from 'viem'
import { setSignEntropy, toAccount } from 'viem/accounts'
import { type ClaimIssuer, type ClaimIssuerOptions, createClaimIssuer } from '../src/claim-issuer.js'
import type { TestChain } from './local-chain.js'
import { toEncodings } from './plain-calls.js'

/** What the claims of the tests are about. */
export const TOPIC = 42n
export const CASE = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
export const VERIFIED_AT = new Date('2026-01-02T03:04:05.678Z')

/** One call of JSON-RPC. */
export interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
}

/** Answers a call in place of the chain; undefined leaves it to the chain. */
export type Intercept = (call: RpcCall) => unknown

/** An issuer, and what its endpoint was asked. */
export interface TestIssuer extends ClaimIssuer {
  readonly calls: RpcCall[]
  /** How many transactions the endpoint was given. */
  countSent(): number
}

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions extends Partial<Omit<ClaimIssuerOptions, 'wallet'>> {
  /** Who sends. Default: the chain's owner. */
  readonly account?: Account
  readonly intercept?: Intercept
  /** The endpoint. Default: the chain's. */
  readonly url?: string
}

/** Returns an issuer on that chain, which needs one confirmation, and whose calls are recorded. */
export function createTestIssuer(chain: TestChain, options: TestIssuerOptions = {}): TestIssuer {
  const { account = chain.owner, intercept, url, ...rest } = options
  const calls: RpcCall[] = []
  const { client, wallet } = createClients(chain, { account, url, intercept: (call) => answer(calls, call, intercept) })
  const given = { client, wallet, issuer: chain.issuer, topic: TOPIC, confirmations: 1, ...rest }
  const issuer = createClaimIssuer(given)
  const countSent = () => calls.filter(({ method }) => method === 'eth_sendRawTransaction').length
  return { ...issuer, calls, countSent }
}

function answer(calls: RpcCall[], call: RpcCall, intercept: Intercept | undefined): unknown {
  calls.push(call)
  return intercept?.(call)
}

/** Returns clients of the chain, some of whose calls are answered here. */
export function createClients(
  chain: TestChain,
  options: { account?: Account | undefined; intercept: Intercept; url?: string | undefined },
): { readonly client: PublicClient; readonly wallet: WalletClient } {
  const fetchFn: typeof fetch = async (url, init) => {
    const {
      id,
      method,
      params = [],
    } = JSON.parse(String(init?.body)) as Partial<RpcCall> & { id: number; method: string }
    const result = await options.intercept({ method, params })
    return result === undefined ? fetch(url, init) : Response.json({ jsonrpc: '2.0', id, result })
  }
  const transport = http(options.url ?? chain.local.url, { fetchFn, retryCount: 0 })
  const base = { chain: chain.wallet.chain, transport, pollingInterval: 20, cacheTime: 0 } as const
  const client = createPublicClient(base) as PublicClient
  return { client, wallet: createWalletClient({ ...base, account: options.account ?? chain.owner }) }
}

/** What a KMS or an HSM may make of a signature that a local key would write in its canonical encoding. */
export const SIGNER_HABITS: Readonly<Record<string, (signature: Hex) => Hex>> = {
  'v as 0 or 1': (signature) => toEncodings(signature)[1],
  'the higher s': (signature) => toEncodings(signature)[2],
  'the higher s, and v as 0 or 1': (signature) => toEncodings(signature)[3],
  capitals: (signature) => `0x${signature.slice(2).toUpperCase()}`,
}

/** An account as a KMS has it: it signs elsewhere, and answers as it likes. */
export function createKmsAccount(chain: TestChain, habit: (signature: Hex) => Hex, index = 0) {
  const local = chain.account(index)
  return toAccount({
    address: local.address,
    signMessage: async ({ message }) => habit(await local.signMessage({ message })),
    signTransaction: (transaction, options) => local.signTransaction(transaction, options),
    signTypedData: (data) => local.signTypedData(data),
  })
}

/**
 * An account that signs the same message in another way each time, as one without RFC 6979 does. From its first signature
 * on, all keys of this process sign otherwise than they did before.
 */
export function createRandomAccount(chain: TestChain, index = 0) {
  const local = chain.account(index)
  let count = 0
  return toAccount({
    address: local.address,
    signMessage: ({ message }) => {
      count += 1
      setSignEntropy(`0x${count.toString(16).padStart(64, '0')}`)
      return local.signMessage({ message })
    },
    signTransaction: (transaction, options) => local.signTransaction(transaction, options),
    signTypedData: (data) => local.signTypedData(data),
  })
}
