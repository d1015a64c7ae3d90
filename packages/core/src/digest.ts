import { toHex } from './hex.js'
import { nativeCrypto } from './native-crypto.js'

const encoder = new TextEncoder()

/** Returns the SHA-256 of the bytes, or of the text in UTF-8: at once where the runtime can. */
export function toSha256(data: Uint8Array | string): Uint8Array | Promise<Uint8Array> {
  if (nativeCrypto === undefined) return toWebSha256(data)
  const { hash, createHash } = nativeCrypto
  return new Uint8Array(hash?.('sha256', data, 'buffer') ?? createHash('sha256').update(data).digest())
}

/** Resolves with {@link toSha256} as lower-case hex. */
export async function toSha256Hex(data: Uint8Array | string): Promise<string> {
  return toHex(await toSha256(data))
}

/** Resolves with the same on every runtime. */
export async function toWebSha256(data: Uint8Array | string): Promise<Uint8Array> {
  const bytes = typeof data === 'string' ? encoder.encode(data) : new Uint8Array(data)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}
