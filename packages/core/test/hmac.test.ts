import * as nodeCrypto from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { toHex } from '../src/hex.js'
import { createNativeHmacKey, importHmacKey, importWebHmacKey } from '../src/hmac.js'
import { findNativeCrypto, nativeCrypto } from '../src/native-crypto.js'
import vectors from './vectors/signatures.json' with { type: 'json' }

const { createHash, createHmac } = nodeCrypto
const SECRETS = ['wbhsec_a', 'é 渡辺 🙂', '\ud800', 'x'.repeat(64), 'x'.repeat(65), 'y'.repeat(1000)]

describe.each(vectors)('the vector of $name', ({ secrets, timestampSeconds, bodyBase64, header }) => {
  it('is signed the same on every runtime', async () => {
    const body = new Uint8Array(Buffer.from(bodyBase64, 'base64'))
    for (const secret of secrets) {
      const native = await createNativeHmacKey(secret, nodeCrypto).sign(`${timestampSeconds}.`, body)
      const web = await (await importWebHmacKey(secret)).sign(`${timestampSeconds}.`, body)
      expect(header).toContain(`v1=${toHex(native)}`)
      expect(toHex(web)).toBe(toHex(native))
    }
  })
})

it.each(SECRETS)('a secret means the same on every runtime: %#', async (secret) => {
  const body = new TextEncoder().encode('body')
  const native = toHex(await createNativeHmacKey(secret, nodeCrypto).sign('1.', body))
  expect(toHex(await (await importWebHmacKey(secret)).sign('1.', body))).toBe(native)
  expect(toHex(await (await importHmacKey(secret)).sign('1.', body))).toBe(native)
})

function refuse(): never {
  throw new Error('not implemented')
}

it('the runtime’s own crypto is found here', () => {
  expect(nativeCrypto?.createHmac).toBe(nodeCrypto.createHmac)
  expect(findNativeCrypto({ process: { getBuiltinModule: () => nodeCrypto } })).toBe(nodeCrypto)
})

it.each([
  ['there is no process', undefined],
  ['it gives no modules', {}],
  ['it has no crypto', { getBuiltinModule: () => undefined }],
  ['it has nothing', { getBuiltinModule: () => null }],
  ['it has a few modules only', { getBuiltinModule: () => refuse() }],
  // As workerd had it for a while.
  ['it cannot encrypt', { getBuiltinModule: () => ({ createHash, createHmac }) }],
])('Web Crypto is used where %s', (_name, runtime) => {
  expect(findNativeCrypto({ process: runtime })).toBeUndefined()
})

// As stubs of edge runtimes are.
it.each(['createHash', 'createHmac', 'createCipheriv', 'createDecipheriv'])(
  'Web Crypto is used where %s only throws',
  (part) => {
    const stub = { ...nodeCrypto, [part]: refuse }
    expect(findNativeCrypto({ process: { getBuiltinModule: () => stub } })).toBeUndefined()
  },
)

it('Web Crypto is used where nobody may ask for a process', () => {
  expect(findNativeCrypto(Object.defineProperty({}, 'process', { get: refuse }))).toBeUndefined()
})
