import { resolve } from 'node:path'
import { KycError } from '@persona-kyc/core'
import { findAnvil, requireAnvil } from './evm/package.js'
import { type AnvilProcess, spawnAnvil } from './evm/process.js'

/** Options of {@link startLocalChain}. */
export interface LocalChainOptions {
  /** Default 31337. */
  readonly chainId?: number
  /** The port of 127.0.0.1. Default: a free one. */
  readonly port?: number
  /** Mines a block each so many seconds, of what came in between. Default: a block for each transaction, at once. */
  readonly blockTimeSeconds?: number
  /** The most gas that a block holds. Default 30,000,000. */
  readonly gasLimit?: bigint
  /** The rules of the EVM, for instance `cancun`. Default: the newest that anvil knows. */
  readonly hardfork?: string
  /** Keeps the chain in this file from one start to the next. Default: it is gone after `stop`. */
  readonly statePath?: string
}

/** An account with 10,000 ether. Its key is public knowledge: never use it on another chain. */
export interface LocalAccount {
  readonly address: `0x${string}`
  readonly privateKey: `0x${string}`
}

/** A chain of our own, on loopback only. */
export interface LocalChain {
  /** Where it takes JSON-RPC, over HTTP and WebSocket. */
  readonly url: string
  readonly chainId: number
  /** Ten, the same at every start: those of the mnemonic "test test test test test test test test test test test junk". */
  readonly accounts: readonly LocalAccount[]
  /** Resolves when the chain has ended and its port is free. May be called twice. */
  stop(): Promise<void>
}

/**
 * Starts a real EVM, anvil of the optional package `@foundry-rs/anvil`, and resolves when it answers (about 0.1 seconds). It ends
 * with this process, also when that is killed, and does not keep it alive. Rejects with a ConfigurationError when the package or
 * its program for this platform is missing, and with a KycError (`chain_unreachable`) when it does not start.
 */
export async function startLocalChain(options: LocalChainOptions = {}): Promise<LocalChain> {
  const { chainId = 31_337 } = options
  const anvil = await spawnAnvil(findAnvil(), toArguments({ ...options, chainId }))
  const url = `http://127.0.0.1:${anvil.port}`
  try {
    // Each call would be a line on a pipe that nobody reads while this process is busy.
    await call(url, 'anvil_setLoggingEnabled', [false])
    return { url, chainId: Number(await call(url, 'eth_chainId', [])), accounts: readAccounts(anvil), stop: anvil.stop }
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

/** True when {@link startLocalChain} has a program that runs on this machine, so that a test can skip where it has not. */
export function isLocalChainAvailable(): boolean {
  try {
    requireAnvil()
    return true
  } catch {
    return false
  }
}

function toArguments({ chainId, port = 0, ...options }: LocalChainOptions): string[] {
  const { blockTimeSeconds, gasLimit, hardfork, statePath } = options
  const flags = {
    host: '127.0.0.1',
    port,
    'chain-id': chainId,
    'block-time': blockTimeSeconds,
    'gas-limit': gasLimit,
    hardfork,
    state: statePath === undefined ? undefined : resolve(statePath),
  }
  return Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
}

async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const answer: unknown = await response.json()
  if (typeof answer === 'object' && answer !== null && 'result' in answer) return answer.result
  throw new KycError('chain_unreachable', {
    problem: `The local chain refused ${method}.`,
    fix: 'Install @foundry-rs/anvil@1.7.1, the version that this was tried with.',
  })
}

/** From its own words, so that no list of keys is kept here. */
function readAccounts({ banner }: AnvilProcess): LocalAccount[] {
  const addresses = [...banner.matchAll(/^\(\d+\) 0x([0-9a-fA-F]{40}) /gm)]
  const keys = [...banner.matchAll(/^\(\d+\) 0x([0-9a-f]{64})\s*$/gm)]
  return addresses.map(([, address], index) => ({ address: `0x${address}`, privateKey: `0x${keys[index]?.[1]}` }))
}
