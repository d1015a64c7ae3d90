import {
  type Address,
  decodeAbiParameters,
  encodeAbiParameters,
  type Hash,
  type Hex,
  isAddressEqual,
  keccak256,
  parseAbiParameters,
  stringToBytes,
} from 'viem'

/** What the data of a claim says in clear, to whoever reads the chain. */
export interface ClaimStatement {
  /** The chain that the claim counts on; on any other it is worth nothing. */
  readonly chainId: number
  /** The contract of the claim issuer that it counts with. */
  readonly issuer: Address
  /** How thoroughly the person was verified: a number of the app's own. */
  readonly level: number
  /** When the case became verified, in unix seconds. */
  readonly verifiedAtSeconds: number
  /** Until when the claim counts, in unix seconds; null for no end. */
  readonly validUntilSeconds: number | null
}

/** What a claim's data is made of. */
export interface ClaimSubject extends ClaimStatement {
  readonly identity: Address
  readonly topic: bigint
  readonly caseId: string
  /** Tells the claims of one case apart: a revoked one never becomes valid again. */
  readonly generation: number
}

/** A statement, with what commits to the rest. */
export interface DecodedClaimData extends ClaimStatement {
  /** See {@link toCommitment}. */
  readonly commitment: Hash
}

/** Marks the data as this library's: keccak256("persona-kyc.claim.v1"). */
export const CLAIM_DATA_DOMAIN: Hash = keccak256(stringToBytes('persona-kyc.claim.v1'))

const DATA = parseAbiParameters(
  'bytes32 domain, uint256 chainId, address issuer, uint256 level, uint256 verifiedAt, uint256 validUntil, bytes32 commitment',
)
const COMMITMENT = parseAbiParameters(
  'bytes32 domain, uint256 chainId, address issuer, address identity, uint256 topic, string caseId, uint256 generation, uint256 level, uint256 verifiedAt, uint256 validUntil',
)

/**
 * Returns the hash that binds a claim to its case. The case's id is random (122 bits), so nobody can find it from the
 * hash; who knows it can show that the claim is about that case.
 */
export function toCommitment(subject: ClaimSubject): Hash {
  const { chainId, issuer, identity, topic, caseId, generation, level, verifiedAtSeconds, validUntilSeconds } = subject
  return keccak256(
    encodeAbiParameters(COMMITMENT, [
      CLAIM_DATA_DOMAIN,
      BigInt(chainId),
      issuer,
      identity,
      topic,
      caseId,
      BigInt(generation),
      BigInt(level),
      BigInt(verifiedAtSeconds),
      BigInt(validUntilSeconds ?? 0),
    ]),
  )
}

/** Returns the data of a claim: the statement, and the commitment to all else. */
export function encodeClaimData(subject: ClaimSubject): Hex {
  const { chainId, issuer, level, verifiedAtSeconds, validUntilSeconds } = subject
  return encodeAbiParameters(DATA, [
    CLAIM_DATA_DOMAIN,
    BigInt(chainId),
    issuer,
    BigInt(level),
    BigInt(verifiedAtSeconds),
    BigInt(validUntilSeconds ?? 0),
    toCommitment(subject),
  ])
}

/** Returns what the data says, or null where it is not of this library's making. */
export function decodeClaimData(data: Hex): DecodedClaimData | null {
  try {
    const words = decodeAbiParameters(DATA, data)
    // viem overlooks what could hide a second meaning: bytes behind the seven words, and an address in more than 20 bytes.
    if (encodeAbiParameters(DATA, words) !== data.toLowerCase()) return null
    const [domain, chainId, issuer, level, verifiedAt, validUntil, commitment] = words
    const numbers = [chainId, level, verifiedAt, validUntil]
    if (domain !== CLAIM_DATA_DOMAIN || numbers.some((number) => number > Number.MAX_SAFE_INTEGER)) return null
    return {
      chainId: Number(chainId),
      issuer,
      level: Number(level),
      verifiedAtSeconds: Number(verifiedAt),
      validUntilSeconds: validUntil === 0n ? null : Number(validUntil),
      commitment,
    }
  } catch {
    return null
  }
}

/** Why a statement does not count there and then; null when it does. */
export function findFault(
  statement: DecodedClaimData | null,
  place: { readonly chainId: number; readonly issuer: Address; readonly nowSeconds: number },
): 'foreign_data' | 'other_chain' | 'other_issuer' | 'expired' | null {
  if (statement === null) return 'foreign_data'
  if (statement.chainId !== place.chainId) return 'other_chain'
  if (!isAddressEqual(statement.issuer, place.issuer)) return 'other_issuer'
  const { validUntilSeconds } = statement
  return validUntilSeconds !== null && validUntilSeconds < place.nowSeconds ? 'expired' : null
}
