import { fromBase64, toBase64Url } from './base64.js'
import { ConfigurationError } from './errors.js'
import type { SealedText } from './storage.js'

/** A key that encrypts personal data, and its name. */
export interface EncryptionKey {
  /** 1 to 32 letters, digits, `_` or `-`. Stored beside each ciphertext, so that keys can be rotated. */
  readonly id: string
  /** 32 bytes, or their base64. */
  readonly key: Uint8Array | string
}

/** Encrypts and decrypts the personal data of cases. */
export interface Cipher {
  /** Resolves with the ciphertext under the first key. `context` must be given again to open it. */
  seal(plaintext: string, context: string): Promise<SealedText>
  /** Resolves with the plaintext; null when the key is unknown, the context another one, or a byte was changed. */
  open(sealed: SealedText, context: string): Promise<string | null>
}

const VERSION = 'v1'
const IV_BYTES = 12
const encoder = new TextEncoder()

/**
 * Returns an AES-256-GCM cipher under these keys: the first one encrypts, all of them decrypt. A ciphertext is
 * `v1.<key id>.<iv>.<ciphertext and tag>`, the last two in base64url; the context is authenticated with it (NIST SP
 * 800-38D), so that a value cannot be moved to another case or column.
 *
 * @throws ConfigurationError when there is no key, two of one id, or one that is not 32 bytes long.
 */
export function createCipher(keys: readonly EncryptionKey[]): Cipher {
  const rings = new Map(keys.map(({ id, key }) => [requireKeyId(id), importKey(requireKeyBytes(id, key))]))
  const [current] = keys
  if (current === undefined || rings.size !== keys.length) {
    throw keyError('Encryption needs at least one key, and each key an id of its own.')
  }
  return {
    async seal(plaintext, context) {
      const key = await rings.get(current.id)
      if (key === undefined) throw keyError('The first encryption key is unknown.')
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const data = await crypto.subtle.encrypt(toParameters(iv, current.id, context), key, encoder.encode(plaintext))
      return `${VERSION}.${current.id}.${toBase64Url(iv)}.${toBase64Url(new Uint8Array(data))}` as SealedText
    },
    async open(sealed, context) {
      const [version, keyId = '', iv = '', data = ''] = sealed.split('.')
      const key = await rings.get(keyId)
      if (version !== VERSION || key === undefined) return null
      try {
        const parameters = toParameters(fromBase64(iv), keyId, context)
        return new TextDecoder().decode(await crypto.subtle.decrypt(parameters, key, fromBase64(data)))
      } catch {
        return null
      }
    },
  }
}

function toParameters(iv: Uint8Array<ArrayBuffer>, keyId: string, context: string): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: encoder.encode(`${VERSION}.${keyId}.${context}`) }
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

function requireKeyId(id: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(id)) return id
  throw keyError('An encryption key id is not 1 to 32 letters, digits, "_" or "-".')
}

function requireKeyBytes(id: string, key: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const bytes = typeof key === 'string' ? decodeKey(key) : new Uint8Array(key)
  if (bytes?.length === 32) return bytes
  throw keyError(`The encryption key "${id}" is not 32 bytes long, or not base64.`)
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return fromBase64(text)
  } catch {
    return null
  }
}

function keyError(problem: string): ConfigurationError {
  return new ConfigurationError({ problem, fix: 'Make a key with: openssl rand -base64 32' })
}
