import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isEqualInConstantTime, toEqualityBit } from '../src/constant-time.js'

const expectAnswer = (left: Uint8Array, right: Uint8Array, isEqual: boolean) => {
  expect([isEqualInConstantTime(left, right), toEqualityBit(left, right)]).toEqual([isEqual, isEqual ? 1 : 0])
}

describe('the comparison of bytes', () => {
  it('tells every single bit', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 7)
    expectAnswer(bytes, bytes.slice(), true)
    for (let bit = 0; bit < 256; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expectAnswer(bytes, changed, false)
      expectAnswer(changed, bytes, false)
    }
  })

  it('tells lengths, also where what is there is the same', () => {
    expectAnswer(new Uint8Array(), new Uint8Array(), true)
    for (const [left, right] of [
      [0, 1],
      [31, 32],
      [32, 64],
      [1, 257],
    ]) {
      expectAnswer(new Uint8Array(left ?? 0), new Uint8Array(right ?? 0), false)
      expectAnswer(new Uint8Array(right ?? 0), new Uint8Array(left ?? 0), false)
    }
  })

  it('agrees with a comparison of text', () => {
    const bytes = fc.uint8Array({ maxLength: 3, max: 3 })
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        expectAnswer(new Uint8Array(left), new Uint8Array(right), left.join() === right.join())
      }),
      { numRuns: 2000 },
    )
  })
})
