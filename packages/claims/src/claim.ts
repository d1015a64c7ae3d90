import { type Address, encodeAbiParameters, type Hash, type Hex, keccak256, parseAbiParameters } from 'viem'

/** ERC-735's number for claims that are signed with ECDSA. */
export const ECDSA_SCHEME = 1n

/** ERC-734's purpose of keys that may manage an identity. */
export const MANAGEMENT_PURPOSE = 1n

/** ERC-734's purpose of keys that may add, remove and sign claims. */
export const CLAIM_PURPOSE = 3n

/** What an ERC-735 signature covers. Neither chain nor issuer is in it: `data` has to bind them. */
export interface ClaimContent {
  readonly identity: Address
  /** What the claim is about, a 256-bit number. */
  readonly topic: bigint
  readonly data: Hex
}

/** A claim as it is given to an identity. */
export interface SignedClaim extends ClaimContent {
  /** The contract of the claim issuer. */
  readonly issuer: Address
  /** 65 bytes: r, s and v, with the lower s and a v of 27 or 28. */
  readonly signature: Hex
  /** Where more is to be found; empty where there is nothing. */
  readonly uri: string
}

/** A claim that is still to be signed. */
export type UnsignedClaim = Omit<SignedClaim, 'signature'>

/** Returns the id under which an identity keeps the claim of that issuer and topic: it has one at most. */
export function toClaimId(issuer: Address, topic: bigint): Hash {
  return keccak256(encodeAbiParameters(parseAbiParameters('address, uint256'), [issuer, topic]))
}

/** Returns what is signed, as an EIP-191 message: see the ERC-735 draft, `addClaim`. */
export function toClaimDigest({ identity, topic, data }: ClaimContent): Hash {
  return keccak256(encodeAbiParameters(parseAbiParameters('address, uint256, bytes'), [identity, topic, data]))
}

/** Returns the ERC-734 key of an address. */
export function toKey(address: Address): Hash {
  return keccak256(encodeAbiParameters(parseAbiParameters('address'), [address]))
}
