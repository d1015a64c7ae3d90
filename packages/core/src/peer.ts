import { createIpMatcher, type IpMatcher, isIpAddress } from './ip-range.js'
import type { PlainRequest } from './plain-request.js'

/** Where a request came from, as far as that can be trusted. */
export interface Peer {
  /** The address of the client, or of the last hop that is no trusted proxy; null where nobody told, or told no address. */
  readonly address: string | null
  /** Whether the client's own connection is encrypted. */
  readonly isEncrypted: boolean
}

/** What the server knows of a connection. */
export interface Connection {
  /** The address at its other end. */
  readonly address?: string | undefined
  /** Default: what the URL says. */
  readonly isEncrypted?: boolean | undefined
}

/**
 * Returns a function that tells where requests come from. `X-Forwarded-For` and `X-Forwarded-Proto` count only as far
 * as trusted proxies have written them: anybody may send these headers. Each proxy appends to the first, so it is read
 * from its end; of the second the last value counts.
 *
 * @throws ConfigurationError when a range is malformed.
 */
export function createPeerReader(
  trustedProxies: readonly string[],
): (request: Pick<PlainRequest, 'url' | 'headers'>, connection: Connection) => Peer {
  const isTrusted = createIpMatcher(trustedProxies)
  return (request, { address = null, isEncrypted }) => {
    const isDirect = address === null || !isTrusted(address)
    const own = isEncrypted ?? request.url.startsWith('https:')
    if (isDirect) return { address, isEncrypted: own }
    const scheme = toList(request, 'x-forwarded-proto').at(-1)
    return {
      address: findClient(address, toList(request, 'x-forwarded-for'), isTrusted),
      isEncrypted: scheme === undefined ? own : scheme.toLowerCase() === 'https',
    }
  }
}

/**
 * The first hop, seen from here, that is no trusted proxy; the last one where all are. Null where a trusted proxy wrote
 * something else than an address: what stands before that may be anybody's.
 */
function findClient(address: string, hops: readonly string[], isTrusted: IpMatcher): string | null {
  let seen = address
  for (const hop of hops.toReversed()) {
    const next = toAddress(hop)
    if (next === null || !isTrusted(next)) return next
    seen = next
  }
  return seen
}

/** Some proxies write the port too, and then an IPv6 address in brackets. Null for what is no address. */
function toAddress(hop: string): string | null {
  const [, ipv6, ipv4] = /^(?:\[([^\]:]*:[^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(hop) ?? []
  const address = ipv6 ?? ipv4 ?? hop
  return isIpAddress(address) ? address : null
}

/** The values of a header, also empty ones: each is the word of somebody. */
function toList({ headers }: Pick<PlainRequest, 'headers'>, name: string): string[] {
  const text = headers.get(name) ?? ''
  return text === '' ? [] : text.split(',').map((value) => value.trim())
}
