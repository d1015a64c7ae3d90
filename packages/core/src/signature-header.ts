import { fromHex } from './hex.js'

/** The value of `Persona-Signature`; repeated headers as a list, or joined as `Headers` joins them. */
export type SignatureHeader = string | readonly string[] | null | undefined

/** One `t` and the digests that came with it. */
export interface SignatureSet {
  /** In unix seconds, as it was written: leading zeros are signed too. */
  readonly time: string
  readonly digests: readonly Uint8Array[]
}

const MAX_HEADER_LENGTH = 4096
const MAX_SETS = 8
const HEX_DIGEST = /^[0-9a-f]{64}$/i
const UNIX_SECONDS = /^[0-9]{1,15}$/
/** What may stand around parts in a header (RFC 9110, 5.6.3 and 5.5), and nothing else that Unicode calls a space. */
const SEPARATORS = /[ \t\r\n,]+/
const NOTHING = /^[ \t\r\n]*$/

/**
 * True where the header has a set of `t` and `v1` that could be right. Where it has none, every body is refused with it:
 * a server need not read one. Needs no secret, and looks at no more than 4096 characters.
 */
export function isSignatureHeader(signature: SignatureHeader): boolean {
  const sets = parseSignatureHeader(signature)
  return sets !== null && sets.length > 0
}

/**
 * Reads the sets in order: `t` opens one, each `v1` belongs to the set before it, other schemes are skipped. Null where
 * there is no header; none where it cannot be read, or is longer than 4096 characters.
 */
export function parseSignatureHeader(signature: SignatureHeader): readonly SignatureSet[] | null {
  const header = toText(signature)
  if (header.length > MAX_HEADER_LENGTH) return []
  if (NOTHING.test(header)) return null
  const sets: { time: string; digests: Uint8Array[] }[] = []
  let current: (typeof sets)[number] | undefined
  for (const part of header.split(SEPARATORS)) {
    const [scheme, value] = splitOnce(part)
    if (scheme === 't') {
      current = UNIX_SECONDS.test(value) ? { time: value, digests: [] } : undefined
      if (current !== undefined) sets.push(current)
    } else if (scheme === 'v1' && HEX_DIGEST.test(value)) {
      current?.digests.push(fromHex(value))
    }
  }
  return sets.filter(({ digests }) => digests.length > 0).slice(0, MAX_SETS)
}

function toText(signature: SignatureHeader): string {
  if (typeof signature === 'string') return signature
  return Array.isArray(signature) ? signature.filter((value) => typeof value === 'string').join(' ') : ''
}

/** All that follows the first `=` is the value: what has another one behind it is neither a time nor a digest. */
function splitOnce(part: string): [scheme: string, value: string] {
  const index = part.indexOf('=')
  return index === -1 ? [part, ''] : [part.slice(0, index), part.slice(index + 1)]
}
