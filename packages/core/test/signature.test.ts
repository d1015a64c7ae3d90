import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { createSignatureVerifier, signWebhook, verifySignature } from '../src/signature.js'
import vectors from './vectors/signatures.json' with { type: 'json' }

const NOW = 1_767_323_045
const SECRET = 'wbhsec_current'
const BODY = new TextEncoder().encode('{"data":{"score":1.10}}')
const MISMATCH = { valid: false, reason: 'mismatch' }

/** What Persona would send, by Node's own HMAC. */
function sign(secret: string, time: number | string, body: Uint8Array = BODY): string {
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex')}`
}

function verify(signature: string | readonly string[], secrets: string | string[] = SECRET, toleranceSeconds = 300) {
  return verifySignature({ body: BODY, signature, secrets, toleranceSeconds, now: () => NOW * 1000 + 999 })
}

describe('the vectors made by OpenSSL', () => {
  describe.each(vectors)('of $name', ({ secrets, timestampSeconds, bodyBase64, header }) => {
    const body = new Uint8Array(Buffer.from(bodyBase64, 'base64'))

    it('are what signWebhook makes', async () => {
      expect(await signWebhook({ body, secrets, timestampSeconds })).toBe(header)
    })

    it('are accepted with each of their secrets', async () => {
      for (const secret of secrets) {
        const verdict = await verifySignature({
          body,
          signature: header,
          secrets: secret,
          now: () => timestampSeconds * 1000,
        })
        expect(verdict).toEqual({ valid: true, timestampSeconds })
      }
    })

    it('are refused when any byte of the body is another', async () => {
      const check = createSignatureVerifier({ secrets, now: () => timestampSeconds * 1000 })
      const step = Math.max(1, Math.floor(body.length / 256))
      for (let index = 0; index < body.length; index += step) {
        const changed = body.slice()
        changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8))
        expect(await check({ body: changed, signature: header })).toEqual(MISMATCH)
      }
    })

    it('are refused when a byte is added or missing', async () => {
      const check = createSignatureVerifier({ secrets, now: () => timestampSeconds * 1000 })
      expect(await check({ body: new Uint8Array([...body, 10]), signature: header })).toEqual(MISMATCH)
      if (body.length > 0) expect(await check({ body: body.slice(1), signature: header })).toEqual(MISMATCH)
    })
  })

  it('are refused after the JSON was parsed and serialised again', async () => {
    const floats = vectors.find(({ name }) => name.startsWith('numbers'))
    const text = Buffer.from(floats?.bodyBase64 ?? '', 'base64').toString()
    const verdict = await verifySignature({
      body: new TextEncoder().encode(JSON.stringify(JSON.parse(text))),
      signature: floats?.header,
      secrets: floats?.secrets ?? [],
      now: () => (floats?.timestampSeconds ?? 0) * 1000,
    })
    expect(verdict).toEqual(MISMATCH)
  })
})

describe('every bit of a body', () => {
  it('counts', async () => {
    const check = createSignatureVerifier({ secrets: SECRET, now: () => NOW * 1000 })
    for (let bit = 0; bit < BODY.length * 8; bit++) {
      const body = BODY.slice()
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(await check({ body, signature: sign(SECRET, NOW) })).toEqual(MISMATCH)
    }
  })
})

describe('the replay window', () => {
  it.each([
    ['now', NOW, 300, { valid: true, timestampSeconds: NOW }],
    ['exactly as old as allowed', NOW - 300, 300, { valid: true, timestampSeconds: NOW - 300 }],
    ['a second older', NOW - 301, 300, { valid: false, reason: 'stale' }],
    ['exactly as far ahead as allowed', NOW + 300, 300, { valid: true, timestampSeconds: NOW + 300 }],
    ['a second further ahead', NOW + 301, 300, { valid: false, reason: 'future' }],
    ['within a window of 10 s', NOW - 10, 10, { valid: true, timestampSeconds: NOW - 10 }],
    ['outside a window of 10 s', NOW - 11, 10, { valid: false, reason: 'stale' }],
    ['within a window of three days', NOW - 200_000, 259_200, { valid: true, timestampSeconds: NOW - 200_000 }],
    ['at the epoch', 0, 300, { valid: false, reason: 'stale' }],
    ['as late as digits allow', 999_999_999_999_999, 300, { valid: false, reason: 'future' }],
  ])('judges a time %s', async (_name, time, toleranceSeconds, expected) => {
    expect(await verify(sign(SECRET, time), SECRET, toleranceSeconds)).toEqual(expected)
  })

  it('is 300 seconds by default', async () => {
    const check = createSignatureVerifier({ secrets: SECRET, now: () => NOW * 1000 })
    expect(await check({ body: BODY, signature: sign(SECRET, NOW - 300) })).toMatchObject({ valid: true })
    expect(await check({ body: BODY, signature: sign(SECRET, NOW - 301) })).toEqual({ valid: false, reason: 'stale' })
  })

  it('calls a wrong signature a mismatch, however old it is', async () => {
    expect(await verify(sign('wbhsec_other', NOW - 9999))).toEqual(MISMATCH)
    expect(await verify(sign('wbhsec_other', NOW + 9999))).toEqual(MISMATCH)
  })

  it('does not let another time be put before a signature', async () => {
    expect(await verify(sign(SECRET, NOW - 9999).replace(/t=\d+/, `t=${NOW}`))).toEqual(MISMATCH)
    const digest = sign(SECRET, NOW - 9999).split(',')[1]
    expect(await verify(`t=${NOW},t=${NOW - 9999},${digest}`)).toEqual({ valid: false, reason: 'stale' })
    expect(await verify(`${sign(SECRET, NOW - 9999)} t=${NOW}`)).toEqual({ valid: false, reason: 'stale' })
  })
})

describe('rotation', () => {
  const old = 'wbhsec_old'

  it.each([
    ['only the second set matches', `${sign(SECRET, NOW - 1)} ${sign(old, NOW - 2)}`, old, NOW - 2],
    ['only the first set matches', `${sign(SECRET, NOW - 1)} ${sign(old, NOW - 2)}`, SECRET, NOW - 1],
    ['the old set comes first', `${sign(old, NOW - 2)} ${sign(SECRET, NOW - 1)}`, SECRET, NOW - 1],
    ['both match', `${sign(old, NOW - 2)} ${sign(SECRET, NOW - 1)}`, [SECRET, old], NOW - 2],
    ['one set has the digests of both', `${sign(old, NOW)},${sign(SECRET, NOW).split(',')[1]}`, SECRET, NOW],
    ['the first set is out of the window', `${sign(old, NOW - 999)} ${sign(SECRET, NOW)}`, [SECRET, old], NOW],
  ])('is accepted when %s', async (_name, header, secrets, timestampSeconds) => {
    expect(await verify(header, secrets)).toEqual({ valid: true, timestampSeconds })
  })

  it.each([
    [
      'the first that is signed and in the window',
      [NOW - 999, NOW - 5, NOW - 6],
      { valid: true, timestampSeconds: NOW - 5 },
    ],
    ['the first, where all are too old', [NOW - 400, NOW + 400], { valid: false, reason: 'stale' }],
    ['the first, where all are too early', [NOW + 400, NOW - 400], { valid: false, reason: 'future' }],
  ])('takes of several sets %s', async (_name, times, expected) => {
    const unsigned = sign('wbhsec_other', NOW)
    const header = [unsigned, ...times.map((time) => sign(SECRET, time)), unsigned].join(' ')
    expect(await verify(header, [old, SECRET])).toEqual(expected)
  })

  it('checks each set with its own time, never with that of another', async () => {
    const [first, second] = [sign(SECRET, NOW - 1), sign(old, NOW - 2)]
    const swapped = `t=${NOW - 2},${first.split(',')[1]} t=${NOW - 1},${second.split(',')[1]}`
    expect(await verify(swapped, [SECRET, old])).toEqual(MISMATCH)
  })

  it('is refused when neither secret is known', async () => {
    expect(await verify(`${sign('wbhsec_a', NOW)} ${sign('wbhsec_b', NOW)}`, [SECRET, old])).toEqual(MISMATCH)
  })

  it('accepts any of several secrets', async () => {
    const secrets = ['wbhsec_1', 'wbhsec_2', 'wbhsec_3']
    for (const secret of secrets) expect(await verify(sign(secret, NOW), secrets)).toMatchObject({ valid: true })
  })
})

describe('signing', () => {
  it('makes what the verifier accepts, whatever the body, the secrets and the time', async () => {
    const secret = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.trim() !== '')
    const secrets = fc.array(secret, { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), secrets, fc.nat({ max: 4_000_000_000 }), async (bytes, keys, time) => {
        const body = new Uint8Array(bytes)
        const signature = await signWebhook({ body, secrets: keys, timestampSeconds: time })
        for (const key of keys) {
          const verdict = await verifySignature({ body, signature, secrets: key, now: () => time * 1000 })
          expect(verdict).toEqual({ valid: true, timestampSeconds: time })
        }
      }),
      { numRuns: 300 },
    )
  })

  it('takes text as UTF-8', async () => {
    const text = '{"name":"Zoë 🛂"}'
    const options = { secrets: SECRET, timestampSeconds: NOW }
    expect(await signWebhook({ body: text, ...options })).toBe(sign(SECRET, NOW, Buffer.from(text)))
  })
})

describe('the settings', () => {
  it.each([
    ['no secret', []],
    ['an empty secret', ''],
    ['a blank secret', '  '],
    ['one empty secret of two', [SECRET, '']],
  ])('are refused at once with %s', async (_name, secrets) => {
    expect(() => createSignatureVerifier({ secrets })).toThrow(ConfigurationError)
    await expect(signWebhook({ body: '', secrets })).rejects.toThrow(ConfigurationError)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('are refused with a tolerance of %s', (toleranceSeconds) => {
    expect(() => createSignatureVerifier({ secrets: SECRET, toleranceSeconds })).toThrow(ConfigurationError)
  })

  it('never appear in the error', () => {
    const attempt = () => createSignatureVerifier({ secrets: ['wbhsec_canary', ''] })
    expect(attempt).toThrow(expect.not.objectContaining({ message: expect.stringContaining('canary') }))
  })
})
