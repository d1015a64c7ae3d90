import { describe, expect, it } from 'vitest'
import { attackSignatures } from './signature-attack/attack.js'
import { judgeByOracle } from './signature-attack/oracle.js'
import vectors from './vectors/signatures.json' with { type: 'json' }

describe('20,000 mutated deliveries', () => {
  it('get the answers that an oracle gives, and no exception', async () => {
    const { forged, harmless, controls, verdicts, mutations, failures } = await attackSignatures({
      count: 20_000,
      seed: 7,
    })
    expect(failures).toEqual([])
    expect(forged).toBeGreaterThanOrEqual(20_000)
    expect([harmless > 1000, controls > 400]).toEqual([true, true])
    expect(verdicts.accepted).toBe(harmless)
    // Each mutation was made, and each answer was given: else this shows less than it says.
    expect(Object.entries(mutations).filter(([, count]) => count < 100)).toEqual([])
    expect(Object.keys(verdicts).sort()).toEqual(['accepted', 'future', 'malformed', 'mismatch', 'missing', 'stale'])
  })
})

describe('the oracle', () => {
  it.each(vectors)('accepts what OpenSSL signed: $name', ({ secrets, timestampSeconds, bodyBase64, header }) => {
    const body = Buffer.from(bodyBase64, 'base64')
    const options = { secrets, nowSeconds: timestampSeconds, toleranceSeconds: 300 }
    expect(judgeByOracle({ signature: header, body }, options)).toEqual({ valid: true, timestampSeconds })
    const other = { signature: header, body: Buffer.concat([body, Buffer.from('x')]) }
    expect(judgeByOracle(other, options)).toEqual({ valid: false, reason: 'mismatch' })
    expect(judgeByOracle({ signature: header, body }, { ...options, nowSeconds: timestampSeconds + 301 })).toEqual({
      valid: false,
      reason: 'stale',
    })
  })
})
