import { type Address, type Hex, type PublicClient, recoverMessageAddress, zeroAddress } from 'viem'
import { claimIssuerAbi, identityAbi } from './abi.js'
import { askChain, hasClaimCode, isRevert } from './chain-error.js'
import { CLAIM_PURPOSE, ECDSA_SCHEME, type SignedClaim, toClaimDigest, toClaimId, toKey } from './claim.js'
import { toCanonicalSignature, toSignatureEncodings } from './signature-encodings.js'

/** Where a chain is looked at; left out for its newest block. */
export interface At {
  readonly blockNumber?: bigint | undefined
}

/** A claim as an identity shows it. An identity may show anything: only the issuer's contract says what is valid. */
export interface ShownClaim extends SignedClaim {
  readonly scheme: bigint
}

/**
 * Resolves with the claim that the identity shows; null where it shows none, or is no contract, or one that reverts, burns
 * all gas or gives no sense: identities are contracts of strangers.
 */
export async function readClaim(
  client: PublicClient,
  { identity, issuer, topic }: Pick<SignedClaim, 'identity' | 'issuer' | 'topic'>,
  at: At = {},
): Promise<ShownClaim | null> {
  const shown = await askStranger(() =>
    client.readContract({
      ...toBlock(at),
      address: identity,
      abi: identityAbi,
      functionName: 'getClaim',
      args: [toClaimId(issuer, topic)],
    }),
  )
  if (shown === null || shown[2] === zeroAddress) return null
  const [shownTopic, scheme, shownIssuer, signature, data, uri] = shown
  return { identity, topic: shownTopic, scheme, issuer: shownIssuer, signature, data, uri }
}

/** True when there is a contract at the address. */
export async function hasCode(client: PublicClient, address: Address, at: At = {}): Promise<boolean> {
  const code = await askChain(() => client.getCode({ ...toBlock(at), address }))
  return code !== undefined && code !== '0x'
}

/** True when the issuer's contract accepts that signature for the claim; one that reverts does not. */
export function isClaimValid(
  client: PublicClient,
  { issuer, identity, topic, data, signature }: Omit<SignedClaim, 'uri'>,
  at: At = {},
): Promise<boolean> {
  return askChain(() =>
    client
      .readContract({
        ...toBlock(at),
        address: issuer,
        abi: claimIssuerAbi,
        functionName: 'isClaimValid',
        args: [identity, topic, signature, data],
      })
      .catch((error: unknown) => {
        // OpenZeppelin's ECDSA reverts for encodings that are not canonical.
        if (isRevert(error)) return false
        throw error
      }),
  )
}

/** True when the issuer's contract has that encoding of a signature on its list of revoked ones. */
export function isRevoked(client: PublicClient, issuer: Address, signature: Hex, at: At = {}): Promise<boolean> {
  return askChain(() =>
    client.readContract({
      ...toBlock(at),
      address: issuer,
      abi: claimIssuerAbi,
      functionName: 'isClaimRevoked',
      args: [signature],
    }),
  )
}

/** True when the address has a key with the purpose CLAIM or MANAGEMENT on the contract. */
export async function hasClaimKey(
  client: PublicClient,
  contract: Address,
  address: Address,
  at: At = {},
): Promise<boolean> {
  const found = await askStranger(() =>
    client.readContract({
      ...toBlock(at),
      address: contract,
      abi: identityAbi,
      functionName: 'keyHasPurpose',
      args: [toKey(address), CLAIM_PURPOSE],
    }),
  )
  return found === true
}

/** True when what the identity shows is that claim, in whichever encoding of its signature. */
export function isSameClaim(shown: ShownClaim | null, claim: SignedClaim): boolean {
  if (shown === null || shown.scheme !== ECDSA_SCHEME || shown.topic !== claim.topic) return false
  if (shown.data.toLowerCase() !== claim.data.toLowerCase()) return false
  return toSignatureEncodings(claim.signature).some((encoding) => encoding === shown.signature.toLowerCase())
}

/**
 * Resolves with the encodings of the claim's signature that still have to be revoked. The canonical one has to be on the
 * issuer's list; another one only where it would be valid, which depends on the contract's version: 2.2.1 of
 * `@onchain-id/solidity` accepts all four and revokes each by itself. Where the key that signed the claim is gone from the
 * issuer, all would be valid again when it came back.
 */
export async function listUnrevoked(client: PublicClient, claim: SignedClaim, at: At = {}): Promise<readonly Hex[]> {
  const encodings = toSignatureEncodings(claim.signature)
  const [isKeyThere, ...needed] = await Promise.all([
    hasSignerKey(client, claim, at),
    ...encodings.map(async (signature, index) => {
      const [isListed, isValid] = await Promise.all([
        isRevoked(client, claim.issuer, signature, at),
        isClaimValid(client, { ...claim, signature }, at),
      ])
      return { isListed, isValid, isCanonical: index === 0 }
    }),
  ])
  return encodings.filter((_, index) => {
    const { isListed = false, isValid = true, isCanonical = true } = needed[index] ?? {}
    return isValid || (!isListed && (isCanonical || !isKeyThere))
  })
}

/** True when the issuer's contract has the key that signed the claim, which need not be the one that signs now. */
async function hasSignerKey(client: PublicClient, claim: SignedClaim, at: At): Promise<boolean> {
  const message = { raw: toClaimDigest(claim) }
  const signature = toCanonicalSignature(claim.signature)
  const signer = await recoverMessageAddress({ message, signature }).catch(() => null)
  return signer !== null && hasClaimKey(client, claim.issuer, signer, at)
}

function toBlock({ blockNumber }: At): { blockNumber?: bigint } {
  return blockNumber === undefined ? {} : { blockNumber }
}

/** Resolves with what the contract answers; null where it is none, or refuses to answer. */
async function askStranger<Answer>(call: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await askChain(call)
  } catch (error) {
    if (hasClaimCode(error, 'chain_refused')) return null
    throw error
  }
}
