import { type EIP1193RequestFn, type Hex, keccak256, RpcRequestError } from 'viem'

/** What a faulty endpoint needs to know. */
export interface FaultyRpcOptions {
  /** Asks the real node. */
  readonly ask: EIP1193RequestFn
  /** Waits for the caller's turn; never resolves once it is dead. */
  readonly turn: () => Promise<void>
  readonly outside: <Result>(call: () => Promise<Result>) => Promise<Result>
  /** Below 1 for a fault: which one, by size. */
  readonly draw: () => number
  /** Told of every transaction that was given to the endpoint, also where it lies about sending it. */
  readonly onSend: (raw: Hex) => void
}

type Request = { readonly method: string; readonly params?: readonly unknown[] }
type Ask = (request: Request) => Promise<unknown>

/** By how many blocks a node lags behind. */
const LAG = 2

/** Returns an endpoint that fails before or after it has done what it was asked, lags behind, or lies. */
export function createFaultyRpc({ turn, outside, draw, onSend, ...options }: FaultyRpcOptions): EIP1193RequestFn {
  const ask = options.ask as unknown as Ask
  const request = async ({ method, params = [] }: Request) => {
    await turn()
    if (method === 'eth_sendRawTransaction') onSend(params[0] as Hex)
    const fault = draw()
    if (fault < 0.25) throw fail(method, 'timed out')
    if (fault < 0.35) throw fail(method, 'too many requests', 429)
    const result = await outside(() => answer(ask, { method, params }, fault))
    await turn()
    if (fault < 0.6) throw fail(method, 'timed out')
    return result
  }
  return request as unknown as EIP1193RequestFn
}

function answer(ask: Ask, request: Request, fault: number): Promise<unknown> {
  if (fault >= 0.6 && fault < 0.9) return answerLate(ask, request)
  if (fault >= 0.9 && fault < 1) return lie(ask, request)
  return ask(request)
}

/** A node that has not seen the newest blocks: it takes an older one for the newest, and knows no later one. */
async function answerLate(ask: Ask, { method, params = [] }: Request): Promise<unknown> {
  const newest = BigInt((await ask({ method: 'eth_blockNumber' })) as Hex)
  const known = newest > BigInt(LAG) ? newest - BigInt(LAG) : 0n
  if (method === 'eth_blockNumber') return toHex(known)
  if (method === 'eth_getTransactionReceipt') {
    const receipt = (await ask({ method, params })) as { blockNumber: Hex } | null
    return receipt === null || BigInt(receipt.blockNumber) > known ? null : receipt
  }
  if (params.some((param) => typeof param === 'string' && isLater(param, known) && takesBlock(method))) {
    throw fail(method, 'header not found', -32000)
  }
  const late = params.map((param) => (param === 'latest' ? toHex(known) : param))
  return ask({
    method,
    params: takesBlock(method) && !late.includes(toHex(known)) && late.length === 1 ? [...late, toHex(known)] : late,
  })
}

/** Says that a transaction was sent and keeps it, that one was mined which was not, or that one failed which did not. */
async function lie(ask: Ask, { method, params = [] }: Request): Promise<unknown> {
  if (method === 'eth_sendRawTransaction') return keccak256(params[0] as Hex)
  const truth = await ask({ method, params })
  if (method !== 'eth_getTransactionReceipt' || truth === null) return truth
  const receipt = truth as { blockHash: Hex }
  return { ...receipt, blockHash: keccak256(receipt.blockHash) }
}

function takesBlock(method: string): boolean {
  return ['eth_call', 'eth_getBalance', 'eth_getCode', 'eth_getTransactionCount', 'eth_getBlockByNumber'].includes(
    method,
  )
}

function isLater(param: string, known: bigint): boolean {
  return /^0x[0-9a-f]{1,16}$/.test(param) && BigInt(param) > known
}

function toHex(number: bigint): Hex {
  return `0x${number.toString(16)}`
}

function fail(method: string, message: string, code = -32603): RpcRequestError {
  return new RpcRequestError({ body: { method }, error: { code, message }, url: 'simulated' })
}
