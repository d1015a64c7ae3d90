import { type NativeCrypto, nativeCrypto } from './native-crypto.js'

/** A secret that is ready to sign. */
export interface HmacKey {
  /** Returns the HMAC-SHA256 of the text, which is ASCII, with the bytes behind it: at once where the runtime can. */
  sign(text: string, bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const encoder = new TextEncoder()

/** Resolves with the key of a secret, which is the whole text in UTF-8. */
export async function importHmacKey(secret: string): Promise<HmacKey> {
  return nativeCrypto === undefined ? importWebHmacKey(secret) : createNativeHmacKey(secret, nativeCrypto)
}

/** Returns a key that signs with the runtime's own crypto. */
export function createNativeHmacKey(secret: string, { createHmac }: NativeCrypto): HmacKey {
  const key = encoder.encode(secret)
  return { sign: (text, bytes) => createHmac('sha256', key).update(text).update(bytes).digest() }
}

/** Resolves with a key that signs the same on every runtime. */
export async function importWebHmacKey(secret: string): Promise<HmacKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign'])
  return {
    sign: async (text, bytes) => new Uint8Array(await crypto.subtle.sign('HMAC', key, concatenate(text, bytes))),
  }
}

function concatenate(text: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = encoder.encode(text)
  const message = new Uint8Array(prefix.length + bytes.length)
  message.set(prefix)
  message.set(bytes, prefix.length)
  return message
}
