import type { Hash, PublicClient } from 'viem'
import { identityAbi } from './abi.js'
import { askChain } from './chain-error.js'
import { isSameClaim } from './chain-view.js'
import { type SignedClaim, toClaimId } from './claim.js'

/** Where a claim was given to its identity. */
export interface Issuance {
  readonly txHash: Hash
  readonly blockNumber: bigint
}

/** RPC providers refuse wider ranges of blocks. */
const RANGE = 5000n
const MAX_RANGES = 200

/** Looks for the newest transaction that gave the claim to its identity, over the last million blocks; null where there is none. */
export async function findIssuance(client: PublicClient, claim: SignedClaim): Promise<Issuance | null> {
  let toBlock = await askChain(() => client.getBlockNumber({ cacheTime: 0 }))
  for (let range = 0; range < MAX_RANGES; range++) {
    const fromBlock = toBlock >= RANGE ? toBlock - RANGE + 1n : 0n
    const found = await findWithin(client, claim, fromBlock, toBlock)
    if (found !== null) return found
    if (fromBlock === 0n) return null
    toBlock = fromBlock - 1n
  }
  return null
}

async function findWithin(
  client: PublicClient,
  claim: SignedClaim,
  fromBlock: bigint,
  toBlock: bigint,
): Promise<Issuance | null> {
  const { identity, issuer, topic } = claim
  const logs = await askChain(() => client.getLogs({ address: identity, events: EVENTS, fromBlock, toBlock }))
  const claimId = toClaimId(issuer, topic)
  const found = logs.findLast(({ args }) => {
    const { claimId: id, scheme = 0n, topic: shownTopic = 0n, data = '0x', signature = '0x' } = args
    const shown = { identity, issuer, topic: shownTopic, scheme, data, signature, uri: '' }
    return id === claimId && isSameClaim(shown, claim)
  })
  return found === undefined ? null : { txHash: found.transactionHash, blockNumber: found.blockNumber }
}

const EVENTS = identityAbi.filter((item) => item.type === 'event')
