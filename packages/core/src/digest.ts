import { toHex } from './hex.js'

const encoder = new TextEncoder()

/** Resolves with the SHA-256 of the bytes, or of the text in UTF-8. */
export async function toSha256(data: Uint8Array | string): Promise<Uint8Array> {
  const bytes = typeof data === 'string' ? encoder.encode(data) : new Uint8Array(data)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}

/** Resolves with {@link toSha256} as lower-case hex. */
export async function toSha256Hex(data: Uint8Array | string): Promise<string> {
  return toHex(await toSha256(data))
}
