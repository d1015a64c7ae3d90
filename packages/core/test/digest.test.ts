import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { toSha256, toWebSha256 } from '../src/digest.js'

it.each(['', 'abc', 'é 渡辺 🙂', 'x'.repeat(100_000)])(
  'the digest of a text is the same on every runtime: %#',
  async (text) => {
    const expected = new Uint8Array(createHash('sha256').update(text, 'utf8').digest())
    expect(await toSha256(text)).toEqual(expected)
    expect(await toWebSha256(text)).toEqual(expected)
    const bytes = new TextEncoder().encode(`.${text}`).subarray(1)
    expect(await toSha256(bytes)).toEqual(expected)
    expect(await toWebSha256(bytes)).toEqual(expected)
  },
)
