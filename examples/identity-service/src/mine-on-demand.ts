import { setTimeout as delay } from 'node:timers/promises'
import { createPublicClient, createTestClient, http, type PublicClient } from 'viem'

/** Where and how to mine. */
export interface MiningOptions {
  readonly url: string
  /** How many blocks a transaction is to get, its own included. */
  readonly confirmations: number
  /** How often, in milliseconds. */
  readonly everyMs: number
}

/**
 * Mines empty blocks on top of a transaction's until it has enough of them. Not by the clock, for ever: a chain keeps
 * each block, in memory and in its state. Resolves with what ends it once the newest blocks have a state that can be read.
 */
export async function mineOnDemand({ url, confirmations, everyMs }: MiningOptions): Promise<() => Promise<void>> {
  const transport = http(url)
  const client = createPublicClient({ transport, cacheTime: 0 })
  const miner = createTestClient({ mode: 'anvil', transport })
  // A chain that goes on knows the state of its newest block only.
  await miner.mine({ blocks: confirmations })
  const stop = new AbortController()
  const mineOnce = async () => {
    if (await isWaiting(client, confirmations)) await miner.mine({ blocks: 1 })
  }
  const mine = async () => {
    while (!stop.signal.aborted) {
      await delay(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => {})
      if (!stop.signal.aborted) await mineOnce().catch(() => {})
    }
  }
  const mining = mine()
  return async () => {
    stop.abort()
    await mining
  }
}

/** True while one of the newest blocks has a transaction that is not confirmed yet. */
async function isWaiting(client: PublicClient, confirmations: number): Promise<boolean> {
  const newest = await client.getBlockNumber()
  for (let depth = 0n; depth < confirmations - 1 && depth <= newest; depth++) {
    const { transactions } = await client.getBlock({ blockNumber: newest - depth })
    if (transactions.length > 0) return true
  }
  return false
}
