import { type Address, isAddressEqual } from 'viem'
import { type ChainClient, toPublicClient } from './chain-client.js'
import { askChain } from './chain-error.js'
import { isClaimValid, readClaim } from './chain-view.js'
import { ECDSA_SCHEME } from './claim.js'
import { type DecodedClaimData, decodeClaimData, findFault } from './claim-data.js'
import { isCanonicalSignature } from './signature-encodings.js'

/** Which claim to look for. */
export interface VerifyClaimOptions {
  readonly identity: Address
  /** The contract of the claim issuer that you trust. */
  readonly issuer: Address
  readonly topic: bigint
  /** The least level that is enough. Default 0: any. */
  readonly minLevel?: number | undefined
  /** The block to look at. Default: the newest. */
  readonly blockNumber?: bigint | undefined
}

/**
 * Why a claim does not count: the identity shows none, is none, or misbehaves (`no_claim`), or it shows one that this
 * library did not make (`foreign_data`), for another chain or issuer, past its end, of a lower level, in another encoding
 * of its signature than the one that the issuer writes, or not valid by the issuer's contract (`invalid`: revoked, or
 * never signed).
 */
export type ClaimFault =
  | 'no_claim'
  | 'foreign_data'
  | 'other_chain'
  | 'other_issuer'
  | 'expired'
  | 'level_too_low'
  | 'other_encoding'
  | 'invalid'

/** Whether a claim counts, and what it states. */
export type ClaimVerdict =
  | { readonly isValid: true; readonly statement: DecodedClaimData }
  | { readonly isValid: false; readonly fault: ClaimFault }

/**
 * Asks the chain, and nothing else, whether the identity has a claim of that issuer that counts now. All is read at one
 * block. Rejects with a KycError (`chain_unreachable`, `chain_refused`).
 */
export async function verifyClaim(chainClient: ChainClient, options: VerifyClaimOptions): Promise<ClaimVerdict> {
  const client = toPublicClient(chainClient)
  const { identity, issuer, topic, minLevel = 0 } = options
  const [chainId, block] = await askChain(() =>
    Promise.all([
      client.getChainId(),
      client.getBlock(options.blockNumber === undefined ? {} : { blockNumber: options.blockNumber }),
    ]),
  )
  const at = { blockNumber: block.number }
  const claim = await readClaim(client, { identity, issuer, topic }, at)
  if (claim === null || !isAddressEqual(claim.issuer, issuer) || claim.topic !== topic) return toFault('no_claim')
  const statement = decodeClaimData(claim.data)
  const fault = findFault(statement, { chainId, issuer, nowSeconds: Number(block.timestamp) })
  if (statement === null || fault !== null || claim.scheme !== ECDSA_SCHEME) return toFault(fault ?? 'foreign_data')
  // Not the other way round: with a limit that is no number, nobody gets in.
  if (!(statement.level >= minLevel)) return toFault('level_too_low')
  if (!isCanonicalSignature(claim.signature)) return toFault('other_encoding')
  return (await isClaimValid(client, claim, at)) ? { isValid: true, statement } : toFault('invalid')
}

function toFault(fault: ClaimFault): ClaimVerdict {
  return { isValid: false, fault }
}
