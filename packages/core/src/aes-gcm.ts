import { type NativeCrypto, nativeCrypto } from './native-crypto.js'

/** A key of AES-256-GCM that is ready: at once where the runtime can. */
export interface AesGcmKey {
  /** Returns the ciphertext with the tag behind it, which authenticates the context too. */
  encrypt(iv: Bytes, plaintext: Bytes, context: Bytes): Bytes | Promise<Bytes>
  /** Returns the plaintext. Throws, or rejects, where a byte of anything is another. */
  decrypt(iv: Bytes, sealed: Bytes, context: Bytes): Bytes | Promise<Bytes>
}

type Bytes = Uint8Array<ArrayBuffer>

const ALGORITHM = 'aes-256-gcm'
const TAG_BYTES = 16

/** Returns the key of 32 bytes. */
export function createAesGcmKey(bytes: Bytes): AesGcmKey {
  return nativeCrypto === undefined ? createWebAesGcmKey(bytes) : createNativeAesGcmKey(bytes, nativeCrypto)
}

/** Returns a key of the runtime's own crypto, which waits for no other thread. */
export function createNativeAesGcmKey(key: Bytes, native: NativeCrypto): AesGcmKey {
  return {
    encrypt(iv, plaintext, context) {
      const cipher = native.createCipheriv(ALGORITHM, key, iv).setAAD(context)
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES)
      sealed.set(cipher.update(plaintext))
      cipher.final()
      sealed.set(cipher.getAuthTag(), plaintext.length)
      return sealed
    },
    decrypt(iv, sealed, context) {
      const length = sealed.length - TAG_BYTES
      // A shorter tag would be taken for one, and guessed sooner.
      if (length < 0) throw new RangeError('The ciphertext is shorter than its tag.')
      const decipher = native.createDecipheriv(ALGORITHM, key, iv).setAAD(context).setAuthTag(sealed.subarray(length))
      const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, length)))
      decipher.final()
      return plaintext
    },
  }
}

/** Returns a key that does the same on every runtime. */
export function createWebAesGcmKey(bytes: Bytes): AesGcmKey {
  const imported = crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const toParameters = (iv: Bytes, additionalData: Bytes) => ({ name: 'AES-GCM', iv, additionalData })
  return {
    async encrypt(iv, plaintext, context) {
      return new Uint8Array(await crypto.subtle.encrypt(toParameters(iv, context), await imported, plaintext))
    },
    async decrypt(iv, sealed, context) {
      return new Uint8Array(await crypto.subtle.decrypt(toParameters(iv, context), await imported, sealed))
    },
  }
}
