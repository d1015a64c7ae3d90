import { createAesGcmKey } from './aes-gcm.js'
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
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Returns an AES-256-GCM cipher under these keys: the first one encrypts, all of them decrypt. A ciphertext is
 * `v1.<key id>.<iv>.<ciphertext and tag>`, the last two in base64url; the context is authenticated with it (NIST SP
 * 800-38D), so that a value cannot be moved to another case or column.
 *
 * @throws ConfigurationError when there is no key, two of one id, or one that is not 32 bytes long.
 */
export function createCipher(keys: readonly EncryptionKey[]): Cipher {
  const byId = new Map(keys.map(({ id, key }) => [requireKeyId(id), createAesGcmKey(requireKeyBytes(id, key))]))
  const currentId = keys[0]?.id ?? ''
  const current = byId.get(currentId)
  if (current === undefined || byId.size !== keys.length) {
    throw keyError('Encryption needs at least one key, and each key an id of its own.')
  }
  return {
    async seal(plaintext, context) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const data = await current.encrypt(iv, encoder.encode(plaintext), toBound(currentId, context))
      return `${VERSION}.${currentId}.${toBase64Url(iv)}.${toBase64Url(data)}` as SealedText
    },
    async open(sealed, context) {
      const [version, keyId = '', encodedIv = '', data = ''] = sealed.split('.')
      const key = byId.get(keyId)
      if (version !== VERSION || key === undefined) return null
      try {
        const iv = fromBase64(encodedIv)
        // Runtimes differ in what other lengths they take.
        if (iv.length !== IV_BYTES) return null
        return decoder.decode(await key.decrypt(iv, fromBase64(data), toBound(keyId, context)))
      } catch {
        return null
      }
    },
  }
}

/** What a ciphertext is bound to. */
function toBound(keyId: string, context: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${VERSION}.${keyId}.${context}`)
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
