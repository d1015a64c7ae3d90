import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

type Base64 = typeof import('../src/base64.js')

let native: Base64
let web: Base64

beforeEach(async () => {
  native = await import('../src/base64.js')
  vi.resetModules()
  vi.stubGlobal('Buffer', undefined)
  web = await import('../src/base64.js')
  vi.unstubAllGlobals()
})

afterEach(() => vi.resetModules())

describe('base64, by Buffer and without it', () => {
  it('writes the same, as RFC 4648 says', () => {
    expect(native.toBase64Url(new Uint8Array([251, 255, 254, 0]))).toBe('-__-AA')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 3 }), (bytes, offset) => {
        const part = bytes.subarray(offset)
        const text = Buffer.from(part).toString('base64url')
        expect([native.toBase64Url(part), web.toBase64Url(part)]).toEqual([text, text])
        for (const { fromBase64 } of [native, web]) expect(fromBase64(text)).toEqual(new Uint8Array(part))
      }),
    )
  })

  it('reads or refuses the same', () => {
    const read = ({ fromBase64 }: Base64, text: string) => {
      try {
        return [...fromBase64(text)]
      } catch (error) {
        return (error as Error).name
      }
    }
    const character = fc.constantFrom(...'AZaz09+/-_= \n.,:é\0')
    const texts = fc.string({ unit: character, maxLength: 9 })
    fc.assert(
      fc.property(texts, (text) => {
        expect(read(native, text)).toEqual(read(web, text))
      }),
      { numRuns: 5000 },
    )
    expect(read(native, 'A')).toBe('InvalidCharacterError')
    expect(read(native, 'AA=')).toBe('InvalidCharacterError')
    expect(read(native, 'AA==')).toEqual([0])
  })

  it('shares no memory', () => {
    const first = native.fromBase64('AAAA')
    expect(first.buffer.byteLength).toBe(3)
  })
})
