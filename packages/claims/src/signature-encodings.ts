import { ConfigurationError } from '@persona-kyc/core'
import { concat, type Hex, hexToBigInt, hexToNumber, isHex, numberToHex, slice } from 'viem'

/** The order of the curve secp256k1 (SEC 2, section 2.4.1). */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** Returns the one form of a signature that this library writes: the lower s (EIP-2), and a v of 27 or 28. */
export function toCanonicalSignature(signature: Hex): Hex {
  const { r, s, parity } = parse(signature)
  return s > ORDER / 2n ? join(r, ORDER - s, 27 + (1 - parity)) : join(r, s, 27 + parity)
}

/**
 * Returns the four encodings of one signature that recover to the same key where neither the range of s nor v is
 * checked, the canonical one first: (r, s) and (r, n - s), each with v as 27 or 28 and as 0 or 1.
 */
export function toSignatureEncodings(signature: Hex): readonly [Hex, Hex, Hex, Hex] {
  const { r, s, parity } = parse(toCanonicalSignature(signature))
  return [
    join(r, s, 27 + parity),
    join(r, s, parity),
    join(r, ORDER - s, 27 + (1 - parity)),
    join(r, ORDER - s, 1 - parity),
  ]
}

/** True for a signature in any of its encodings. */
export function isSignature(signature: Hex): boolean {
  try {
    parse(signature)
    return true
  } catch {
    return false
  }
}

/** True for a signature in the one form that this library writes; hex digits may be in either case. */
export function isCanonicalSignature(signature: Hex): boolean {
  return isSignature(signature) && toCanonicalSignature(signature) === signature.toLowerCase()
}

function parse(signature: Hex): { r: Hex; s: bigint; parity: number } {
  // Counted in digits: viem takes half a byte for one.
  if (!isHex(signature) || signature.length !== 2 + 2 * 65) throw malformed()
  const s = hexToBigInt(slice(signature, 32, 64))
  const v = hexToNumber(slice(signature, 64))
  const parity = v < 27 ? v : v - 27
  if (s === 0n || s >= ORDER || parity > 1) throw malformed()
  return { r: slice(signature, 0, 32).toLowerCase() as Hex, s, parity }
}

function join(r: Hex, s: bigint, v: number): Hex {
  return concat([r, numberToHex(s, { size: 32 }), numberToHex(v, { size: 1 })])
}

function malformed(): ConfigurationError {
  return new ConfigurationError({
    problem: 'The signature is none of ECDSA on secp256k1 in 65 bytes.',
    fix: 'Have the signer return r, s and v; ERC-2098’s compact form is not what claim issuers verify.',
  })
}
