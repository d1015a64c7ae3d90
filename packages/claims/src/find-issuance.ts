import type { Hash, PublicClient } from 'viem'
import { identityAbi } from './abi.js'
import { isClaimValid, isSameClaim, readClaim } from './chain-view.js'
import { type SignedClaim, toClaimId, type UnsignedClaim } from './claim.js'
import { searchLogs } from './search-logs.js'
import { isSignature, toCanonicalSignature } from './signature-encodings.js'

/** Where a claim was given to its identity. */
export interface Issuance {
  readonly txHash: Hash
  readonly blockNumber: bigint
}

/** A claim that an identity shows, its signature in the canonical encoding. */
export interface FoundClaim {
  readonly claim: SignedClaim
  /** True where the identity shows that encoding. */
  readonly isCanonical: boolean
}

/**
 * Resolves with the claim where the identity shows it already, in whichever encoding of a signature that is valid. It is
 * not signed anew then: a signer need not give the same signature twice, and a second one would have to be revoked too.
 */
export async function findShown(client: PublicClient, unsigned: UnsignedClaim): Promise<FoundClaim | null> {
  const shown = await readClaim(client, unsigned)
  if (shown === null || !isSignature(shown.signature)) return null
  const claim = { ...unsigned, signature: toCanonicalSignature(shown.signature) }
  if (!isSameClaim(shown, claim) || !(await isClaimValid(client, claim))) return null
  return { claim, isCanonical: claim.signature === shown.signature.toLowerCase() }
}

/** Looks for the newest transaction that gave the claim to its identity; null where there is none. */
export function findIssuance(client: PublicClient, claim: SignedClaim): Promise<Issuance | null> {
  return searchLogs(client, (range) => findWithin(client, claim, range))
}

async function findWithin(
  client: PublicClient,
  claim: SignedClaim,
  range: { readonly fromBlock: bigint; readonly toBlock: bigint },
): Promise<Issuance | null> {
  const { identity, issuer, topic } = claim
  const logs = await client.getLogs({ address: identity, events: EVENTS, ...range })
  const claimId = toClaimId(issuer, topic)
  const found = logs.findLast(({ args }) => {
    const { claimId: id, scheme = 0n, topic: shownTopic = 0n, data = '0x', signature = '0x' } = args
    const shown = { identity, issuer, topic: shownTopic, scheme, data, signature, uri: '' }
    return id === claimId && isSameClaim(shown, claim)
  })
  return found === undefined ? null : { txHash: found.transactionHash, blockNumber: found.blockNumber }
}

const EVENTS = identityAbi.filter((item) => item.type === 'event')
