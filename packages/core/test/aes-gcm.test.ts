import * as nodeCrypto from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AesGcmKey, createAesGcmKey, createNativeAesGcmKey, createWebAesGcmKey } from '../src/aes-gcm.js'

type Bytes = Uint8Array<ArrayBuffer>

const IMPLEMENTATIONS: readonly [string, (bytes: Bytes) => AesGcmKey][] = [
  ['the runtime’s own crypto', (bytes) => createNativeAesGcmKey(bytes, nodeCrypto)],
  ['Web Crypto', createWebAesGcmKey],
  ['what is found here', createAesGcmKey],
]

/** The test cases of 256 bits and an iv of 96 from "The Galois/Counter Mode of Operation" (McGrew and Viega), appendix B. */
const VECTORS = [
  { name: '13', key: '00'.repeat(32), iv: '00'.repeat(12), sealed: '530f8afbc74536b9a963b4f1c4cb738b' },
  {
    name: '14',
    key: '00'.repeat(32),
    iv: '00'.repeat(12),
    plaintext: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: '16',
    key: 'feffe9928665731c6d6a8f9467308308'.repeat(2),
    iv: 'cafebabefacedbaddecaf888',
    context: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
  },
]

const KEY = fromHex('0f'.repeat(32))
const IV = fromHex('0a'.repeat(12))
const CONTEXT = fromHex('c0')

describe.each(IMPLEMENTATIONS)('AES-256-GCM of %s', (_name, createKey) => {
  it.each(VECTORS)('seals and opens test case $name', async ({ key, iv, plaintext = '', context = '', sealed }) => {
    const aes = createKey(fromHex(key))
    expect(await aes.encrypt(fromHex(iv), fromHex(plaintext), fromHex(context))).toEqual(fromHex(sealed))
    expect(await aes.decrypt(fromHex(iv), fromHex(sealed), fromHex(context))).toEqual(fromHex(plaintext))
  })

  it('does not take a part of the tag for the tag', async () => {
    const aes = createKey(KEY)
    const sealed = await aes.encrypt(IV, new Uint8Array(), CONTEXT)
    expect(sealed).toHaveLength(16)
    for (let length = 0; length < 16; length++) {
      await expect((async () => aes.decrypt(IV, sealed.slice(0, length), CONTEXT))()).rejects.toThrow()
    }
  })
})

it('AES-256-GCM is the same on every runtime, and refuses the same', async () => {
  const [native, web] = [createNativeAesGcmKey(KEY, nodeCrypto), createWebAesGcmKey(KEY)]
  const bytes = (constraints: fc.IntArrayConstraints = {}) =>
    fc.uint8Array(constraints).map((array) => new Uint8Array(array))
  const property = fc.asyncProperty(
    bytes({ minLength: 12, maxLength: 12 }),
    bytes({ maxLength: 200 }),
    bytes(),
    fc.nat(),
    async (iv, plaintext, context, at) => {
      const sealed = await native.encrypt(iv, plaintext, context)
      expect(await web.encrypt(iv, plaintext, context)).toEqual(sealed)
      expect(await native.decrypt(iv, sealed, context)).toEqual(plaintext)
      expect(await web.decrypt(iv, sealed, context)).toEqual(plaintext)
      sealed[at % sealed.length] = (sealed[at % sealed.length] ?? 0) ^ (1 << (at % 8))
      for (const key of [native, web]) await expect((async () => key.decrypt(iv, sealed, context))()).rejects.toThrow()
    },
  )
  await fc.assert(property, { numRuns: 200 })
})

function fromHex(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
