import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCipher, type EncryptionKey } from '../src/cipher.js'
import { ConfigurationError } from '../src/errors.js'
import type { SealedText } from '../src/storage.js'
import { expectNoCanary } from './canaries.js'

const KEY = new Uint8Array(Array.from({ length: 32 }, (_, index) => index * 7))
const OTHER = new Uint8Array(32).fill(9)
const CONTEXT = 'case-1.personal_data'
const cipher = createCipher([{ id: 'k1', key: KEY }])

/** Opens a ciphertext by Node's own AES, from the format's description alone. */
function decrypt(sealed: string, context: string, key: Uint8Array = KEY): string {
  const [version, keyId, iv = '', data = ''] = sealed.split('.')
  const bytes = Buffer.from(data, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'))
  decipher.setAAD(Buffer.from(`${version}.${keyId}.${context}`))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8')
}

function encrypt(plaintext: string, keyId: string, context: string, iv = randomBytes(12)): SealedText {
  const encipher = createCipheriv('aes-256-gcm', KEY, iv).setAAD(Buffer.from(`v1.${keyId}.${context}`))
  const data = Buffer.concat([encipher.update(plaintext, 'utf8'), encipher.final(), encipher.getAuthTag()])
  return `v1.${keyId}.${iv.toString('base64url')}.${data.toString('base64url')}` as SealedText
}

describe('a sealed text', () => {
  it('opens again, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (text, context) => {
        expect(await cipher.open(await cipher.seal(text, context), context)).toBe(text)
      }),
      {
        numRuns: 300,
        examples: [
          ['\ufeff', ''],
          ['\ufeff\ufeffx', 'y'],
        ],
      },
    )
  })

  it('opens again when it is 100 KB long', async () => {
    const text = 'Zoë 渡辺 '.repeat(10_000)
    expect(await cipher.open(await cipher.seal(text, CONTEXT), CONTEXT)).toBe(text)
  })

  it('is AES-256-GCM: Node’s own implementation opens it', async () => {
    expect(decrypt(await cipher.seal('Zoë 🛂', CONTEXT), CONTEXT)).toBe('Zoë 🛂')
    expect(decrypt(await cipher.seal('', CONTEXT), CONTEXT)).toBe('')
  })

  it('may be made by another implementation', async () => {
    expect(await cipher.open(encrypt('Zoë 🛂', 'k1', CONTEXT), CONTEXT)).toBe('Zoë 🛂')
  })

  it('is none with an iv of another length, which not every runtime would take', async () => {
    for (const length of [8, 11, 13, 16]) {
      expect(await cipher.open(encrypt('Zoë', 'k1', CONTEXT, randomBytes(length)), CONTEXT)).toBeNull()
    }
  })

  it('has the form v1.<key id>.<iv>.<data>, with a new iv each time', async () => {
    const sealed = await Promise.all(Array.from({ length: 100 }, () => cipher.seal('same', CONTEXT)))
    for (const text of sealed) expect(text).toMatch(/^v1\.k1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/)
    expect(new Set(sealed.map((text) => text.split('.')[2])).size).toBe(100)
  })

  it('shows nothing of what is inside', async () => {
    const sealed = await cipher.seal('canary-personal-data', CONTEXT)
    expectNoCanary(sealed, 'canary', Buffer.from('canary-personal-data').toString('base64url').slice(0, 20))
  })

  it('does not open in another context', async () => {
    const sealed = await cipher.seal('secret', CONTEXT)
    for (const context of ['case-2.personal_data', 'case-1.session_token', '', `${CONTEXT} `]) {
      expect(await cipher.open(sealed, context)).toBeNull()
    }
  })

  it('does not open when any bit of it is another', async () => {
    const [version, keyId, iv = '', data = ''] = (await cipher.seal('secret', CONTEXT)).split('.')
    const parts = [Buffer.from(iv, 'base64url'), Buffer.from(data, 'base64url')]
    for (const part of parts) {
      for (let bit = 0; bit < part.length * 8; bit++) {
        part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const sealed = [version, keyId, ...parts.map((bytes) => bytes.toString('base64url'))].join('.')
        expect(await cipher.open(sealed as SealedText, CONTEXT)).toBeNull()
        part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      }
    }
  })

  it('opens as null, never with an exception, when it is garbage', async () => {
    const sealed = await cipher.seal('secret', CONTEXT)
    const garbage = [
      '',
      '.',
      'v1',
      'v1.k1',
      'v1.k1..',
      'v1.k1.AAAA.AAAA',
      'v2.k1.a.b',
      sealed.slice(0, -4),
      `x${sealed}`,
    ]
    for (const text of [...garbage, sealed.replace('v1', 'v2'), sealed.replace('k1', 'k2'), 'v1.k1.%%%.%%%']) {
      expect(await cipher.open(text as SealedText, CONTEXT)).toBeNull()
    }
    const property = fc.asyncProperty(fc.string(), async (text) => {
      expect(await cipher.open(`v1.k1.${text}` as SealedText, CONTEXT)).toBeNull()
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

describe('the rotation of keys', () => {
  const rotated = createCipher([
    { id: 'k2', key: OTHER },
    { id: 'k1', key: KEY },
  ])

  it('encrypts with the first key and still opens what the second one sealed', async () => {
    const old = await cipher.seal('old', CONTEXT)
    const fresh = await rotated.seal('new', CONTEXT)
    expect(fresh.startsWith('v1.k2.')).toBe(true)
    expect(decrypt(fresh, CONTEXT, OTHER)).toBe('new')
    expect(await rotated.open(old, CONTEXT)).toBe('old')
    expect(await rotated.open(fresh, CONTEXT)).toBe('new')
  })

  it('does not open what a removed key sealed', async () => {
    expect(await cipher.open(await rotated.seal('new', CONTEXT), CONTEXT)).toBeNull()
  })

  it('does not open what another key of the same id sealed', async () => {
    const impostor = createCipher([{ id: 'k1', key: OTHER }])
    expect(await cipher.open(await impostor.seal('x', CONTEXT), CONTEXT)).toBeNull()
  })

  it('does not let a ciphertext claim another key’s name', async () => {
    const twice = createCipher([
      { id: 'a', key: KEY },
      { id: 'b', key: KEY },
    ])
    const sealed = await twice.seal('x', CONTEXT)
    expect(await twice.open(sealed.replace('v1.a.', 'v1.b.') as SealedText, CONTEXT)).toBeNull()
  })
})

describe('a key', () => {
  it('may be given in base64, in base64url, or as bytes', async () => {
    const sealed = await cipher.seal('x', CONTEXT)
    const spellings = [Buffer.from(KEY).toString('base64'), Buffer.from(KEY).toString('base64url'), Buffer.from(KEY)]
    for (const key of spellings) expect(await createCipher([{ id: 'k1', key }]).open(sealed, CONTEXT)).toBe('x')
  })

  it('is copied: wiping the given bytes afterwards changes nothing', async () => {
    const given = KEY.slice()
    const copying = createCipher([{ id: 'k1', key: given }])
    given.fill(0)
    expect(await copying.open(await cipher.seal('x', CONTEXT), CONTEXT)).toBe('x')
  })

  it.each<[string, EncryptionKey[]]>([
    ['there is none', []],
    ['it is too short', [{ id: 'k1', key: new Uint8Array(31) }]],
    ['it is too long', [{ id: 'k1', key: new Uint8Array(33) }]],
    ['it is hex', [{ id: 'k1', key: 'ab'.repeat(32) }]],
    ['it is no base64', [{ id: 'k1', key: '%'.repeat(44) }]],
    ['it is empty', [{ id: 'k1', key: '' }]],
    ['its id is empty', [{ id: '', key: KEY }]],
    ['its id has a dot', [{ id: 'k.1', key: KEY }]],
    ['its id is too long', [{ id: 'k'.repeat(33), key: KEY }]],
    [
      'two have one id',
      [
        { id: 'k1', key: KEY },
        { id: 'k1', key: OTHER },
      ],
    ],
    [
      'the second one is bad',
      [
        { id: 'k1', key: KEY },
        { id: 'k2', key: 'short' },
      ],
    ],
  ])('is refused at once when %s', (_name, keys) => {
    expect(() => createCipher(keys)).toThrow(ConfigurationError)
  })

  it('never appears in the error', () => {
    const canary = 'canary-key-0123456789'
    try {
      createCipher([{ id: 'k1', key: canary }])
      expect.unreachable()
    } catch (error) {
      expectNoCanary(error, canary)
    }
  })
})
