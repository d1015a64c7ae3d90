import type { PublicClient } from 'viem'
import { askChain } from './chain-error.js'

/** Many RPC providers refuse wider ranges of blocks. */
const RANGE = 5000n
const MAX_RANGES = 200

/**
 * Resolves with what `find` makes of the newest range of blocks in which it finds something, or null. All blocks are tried
 * at once first: for what few logs match, most providers allow that. Where they do not, the last million blocks are.
 */
export async function searchLogs<Found>(
  client: PublicClient,
  find: (range: { readonly fromBlock: bigint; readonly toBlock: bigint }) => Promise<Found | null>,
): Promise<Found | null> {
  let toBlock = await askChain(() => client.getBlockNumber({ cacheTime: 0 }))
  try {
    return await askChain(() => find({ fromBlock: 0n, toBlock }))
  } catch {
    // It comes in parts, if it comes.
  }
  for (let range = 0; range < MAX_RANGES; range++) {
    const fromBlock = toBlock >= RANGE ? toBlock - RANGE + 1n : 0n
    const part = { fromBlock, toBlock }
    const found = await askChain(() => find(part))
    if (found !== null || fromBlock === 0n) return found
    toBlock = fromBlock - 1n
  }
  return null
}
