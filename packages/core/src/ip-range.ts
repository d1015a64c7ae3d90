import { ConfigurationError } from './errors.js'

/** Tells whether an IP address is in any of some ranges. False for what is no address. */
export type IpMatcher = (address: string) => boolean

/** An address as bits: IPv4 addresses are the 32 bits of their own family, also when written as `::ffff:192.0.2.1`. */
interface IpAddress {
  readonly width: 32 | 128
  readonly bits: bigint
}

interface IpRange extends IpAddress {
  /** How many of the lowest bits may differ. */
  readonly freeBits: bigint
}

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
}

/**
 * Returns a function that tells whether an address is in one of these: addresses, CIDR ranges, `loopback` or `private`.
 *
 * @throws ConfigurationError when one is none of these, or a range has bits set below its prefix.
 */
export function createIpMatcher(ranges: readonly string[]): IpMatcher {
  const parsed = ranges.flatMap((range) => (Object.hasOwn(NAMED, range) ? (NAMED[range] ?? []) : [range])).map(toRange)
  if (parsed.length === 0) return () => false
  return (text) => {
    const address = parseIp(text)
    return address !== null && parsed.some((range) => isWithin(address, range))
  }
}

/** True for an IPv4 or IPv6 address, the latter also with a zone. */
export function isIpAddress(text: string): boolean {
  return parseIp(text) !== null
}

/**
 * The text by which callers from one place are counted: an IPv4 address, or the /64 network of an IPv6 one, all of which
 * one subscriber has. Null for what is no address.
 */
export function toNetwork(text: string): string | null {
  const address = parseIp(text)
  if (address === null) return null
  return address.width === 32 ? `4:${address.bits.toString(16)}` : `6:${(address.bits >> 64n).toString(16)}`
}

function isWithin(address: IpAddress, range: IpRange): boolean {
  return address.width === range.width && address.bits >> range.freeBits === range.bits >> range.freeBits
}

function toRange(text: string): IpRange {
  const [ip = '', prefix] = typeof text === 'string' ? text.split(/\/(.*)/s, 2) : []
  const address = parseIp(ip)
  if (address === null) throw rangeError()
  const { width, bits } = address
  const length = prefix === undefined ? width : toPrefixLength(prefix, ip, width)
  const freeBits = BigInt(width - length)
  if ((bits >> freeBits) << freeBits !== bits) throw rangeError()
  return { width, bits, freeBits }
}

/** An IPv4 address that is written as an IPv6 one has a prefix of that family. */
function toPrefixLength(prefix: string, ip: string, width: number): number {
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) - (width === 32 && ip.includes(':') ? 96 : 0) : -1
  if (length < 0 || length > width) throw rangeError()
  return length
}

/** Null for anything but an address in its usual text form; the zone of an IPv6 one is left out. */
function parseIp(text: string): IpAddress | null {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return parseIpv4(text)
  const bare = text.replace(/%[\w.-]{1,32}$/, '')
  return /^[0-9a-f:.]{2,45}$/i.test(bare) && bare.includes(':') ? parseIpv6(bare) : null
}

function parseIpv4(text: string): IpAddress | null {
  const bytes = text.split('.')
  // A leading zero means octal to some readers, and decimal to others.
  if (bytes.some((byte) => Number(byte) > 255 || /^0\d/.test(byte))) return null
  return { width: 32, bits: bytes.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n) }
}

function parseIpv6(text: string): IpAddress | null {
  const canonical = toCanonicalIpv6(text)
  if (canonical === null) return null
  const [left = [], right = []] = canonical.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const missing = Array<string>(8 - left.length - right.length).fill('0')
  const bits = [...left, ...missing, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
  return bits >> 32n === 0xffffn ? { width: 32, bits: bits & 0xffffffffn } : { width: 128, bits }
}

/** The URL parser knows all spellings: it writes groups of hex, without a dotted quad. */
function toCanonicalIpv6(text: string): string | null {
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1)
  } catch {
    return null
  }
}

function rangeError(): ConfigurationError {
  return new ConfigurationError({
    problem: 'An IP range is malformed.',
    fix: 'Write an address, a range such as 10.0.0.0/8 with no bits below its prefix, loopback or private.',
  })
}
