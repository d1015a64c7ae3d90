import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSignatureVerifier, isSignatureHeader } from '../src/signature.js'

const NOW = 1_767_323_045
const SECRET = 'wbhsec_current'
const BODY = new TextEncoder().encode('{"data":{}}')
const MALFORMED = { valid: false, reason: 'malformed' }
const MISMATCH = { valid: false, reason: 'mismatch' }
const ACCEPTED = { valid: true, timestampSeconds: NOW }

const check = createSignatureVerifier({ secrets: SECRET, now: () => NOW * 1000 })
const verify = (signature: string | readonly string[] | null | undefined) => check({ body: BODY, signature })

function digestOf(secret: string, time: number | string = NOW): string {
  return createHmac('sha256', secret).update(`${time}.`).update(BODY).digest('hex')
}

const digest = digestOf(SECRET)
const header = `t=${NOW},v1=${digest}`
const other = `t=${NOW},v1=${digestOf('wbhsec_other')}`

describe('a header that is not there', () => {
  it.each([[null], [undefined], [''], ['   '], ['\r\n\t'], [[]], [['']], [['', ' ']]])(
    'is missing: %j',
    async (signature) => {
      expect(await verify(signature)).toEqual({ valid: false, reason: 'missing' })
      expect(isSignatureHeader(signature)).toBe(false)
    },
  )
})

describe('a header in another form', () => {
  it.each([
    ['a list of two headers', [other, header]],
    ['two headers joined by a comma', `${other}, ${header}`],
    ['two headers joined by a comma alone', `${other},${header}`],
    ['a header folded at a newline and a tab', `t=${NOW},\r\n\tv1=${digest}`],
    ['spaces around the comma', `  t=${NOW} , v1=${digest}  `],
    ['an upper-case digest', `t=${NOW},v1=${digest.toUpperCase()}`],
    ['a digest in mixed case', `t=${NOW},v1=${digest.slice(0, 32)}${digest.slice(32).toUpperCase()}`],
    ['unknown schemes beside v1', `t=${NOW},v0=abc,v1=${digest},v2=${digest},foo`],
    ['a broken digest beside the good one', `t=${NOW},v1=abc,v1=${digest}`],
    ['a broken set before the good one', `t=yesterday,v1=${digest} ${header}`],
    ['empty parts', `,,t=${NOW},,v1=${digest},,`],
    ['four sets', [other, other, other, header].join(' ')],
  ])('is accepted: %s', async (_name, signature) => {
    expect(await verify(signature)).toEqual(ACCEPTED)
    expect(isSignatureHeader(signature)).toBe(true)
  })

  it('keeps leading zeros of the time, since they were signed', async () => {
    expect(await verify(`t=00${NOW},v1=${digestOf(SECRET, `00${NOW}`)}`)).toEqual(ACCEPTED)
    expect(await verify(`t=00${NOW},v1=${digest}`)).toEqual(MISMATCH)
  })
})

describe('a header that cannot be read', () => {
  it.each([
    ['no set at all', 'nonsense'],
    ['no digest', `t=${NOW}`],
    ['no time', `v1=${digest}`],
    ['the digest before its time', `v1=${digest},t=${NOW}`],
    ['only the scheme v0', `t=${NOW},v0=${digest}`],
    ['only the scheme v2', `t=${NOW},v2=${digest}`],
    ['names in upper case', `T=${NOW},V1=${digest}`],
    ['a digest a character short', `t=${NOW},v1=${digest.slice(1)}`],
    ['a digest a character long', `t=${NOW},v1=${digest}0`],
    ['an empty digest', `t=${NOW},v1=`],
    ['a digest that is no hex', `t=${NOW},v1=${digest.slice(0, 63)}g`],
    ['a digest in base64', `t=${NOW},v1=${Buffer.from(digest, 'hex').toString('base64')}`],
    ['a negative time', `t=-1,v1=${digest}`],
    ['a time with a fraction', `t=${NOW}.5,v1=${digest}`],
    ['a time in another base', `t=0x69,v1=${digest}`],
    ['a time that is a date', `t=2026-01-02T03:04:05Z,v1=${digest}`],
    ['an empty time', `t=,v1=${digest}`],
    ['a time without a value behind a good one', `t=${NOW},t,v1=${digest}`],
    ['a time of 400 digits', `t=${'9'.repeat(400)},v1=${digest}`],
    ['separators only', ',,, ,'],
    ['semicolons', `t=${NOW};v1=${digest}`],
    ['1 MB', `${header} ${'a'.repeat(1_000_000)}`],
    ['1 MB of sets', Array.from({ length: 10_000 }, () => header).join(' ')],
    ['spaces that only Unicode calls so', header.replace(',', '\u00a0')],
    ['a byte order mark before it', `\ufeff${header}`],
    ['a NUL before it', `\0${header}`],
    [
      'Arabic digits',
      `t=${[...String(NOW)].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join('')},v1=${digest}`,
    ],
    ['a time with another value behind it', `t=${NOW}=1,v1=${digest}`],
    ['a digest with another value behind it', `t=${NOW},v1=${digest}=${digest}`],
    ['more white space than a header may have', `${' '.repeat(4096)}${header}`],
  ])('is malformed: %s', async (_name, signature) => {
    expect(await verify(signature)).toEqual(MALFORMED)
    expect(isSignatureHeader(signature)).toBe(false)
  })
})

describe('the form of a header', () => {
  it('is right also where its digest is not', () => {
    expect(isSignatureHeader(other)).toBe(true)
    expect(isSignatureHeader(`t=${NOW - 9999},v1=${'0'.repeat(64)}`)).toBe(true)
  })

  it('is looked at in a list that holds something else than text', async () => {
    const list = [Symbol('x'), null, header] as never
    expect(isSignatureHeader(list)).toBe(true)
    expect(await verify(list)).toEqual(ACCEPTED)
  })

  it('is wrong exactly where every body is refused for the header alone', async () => {
    const piece = fc.constantFrom('t=', 'v1=', ',', ' ', '=', `t=${NOW}`, `v1=${digest}`, 'v0=1', 't=x', '\u2003')
    const candidates = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    await fc.assert(
      fc.asyncProperty(candidates, async (signature) => {
        const verdict = await verify(signature)
        const isRefusedForIt = !verdict.valid && ['missing', 'malformed'].includes(verdict.reason)
        expect(isSignatureHeader(signature)).toBe(!isRefusedForIt)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an attacker', () => {
  it('never gets more than a refusal for garbage', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('t=', 'v1=', 'v0=', ',', ' ', '\t', '\r\n', '=', `t=${NOW}`, digest.slice(0, 63), '0'.repeat(64)),
      fc
        .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 })
        .map((hex) => `v1=${hex}`),
    )
    const garbage = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const signature = fc.oneof(garbage, fc.array(garbage, { maxLength: 3 }))
    await fc.assert(
      fc.asyncProperty(signature, fc.uint8Array({ maxLength: 64 }), async (candidate, body) => {
        const verdict = await check({ body: new Uint8Array(body), signature: candidate })
        expect(verdict.valid).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused with any other digest of the same header', async () => {
    const mutation = fc.tuple(fc.nat({ max: 63 }), fc.constantFrom(...'0123456789abcdef'))
    await fc.assert(
      fc.asyncProperty(mutation, async ([index, character]) => {
        const mutated = `${digest.slice(0, index)}${character}${digest.slice(index + 1)}`
        fc.pre(mutated !== digest)
        expect(await verify(`t=${NOW},v1=${mutated}`)).toEqual(MISMATCH)
      }),
      { numRuns: 500 },
    )
  })

  it('is refused with any change of a header that still means something else', async () => {
    const edit = fc.record({
      index: fc.nat({ max: header.length }),
      removed: fc.nat({ max: 3 }),
      added: fc.string({ maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(edit, async ({ index, removed, added }) => {
        const mutated = header.slice(0, index) + added + header.slice(index + removed)
        const verdict = await verify(mutated)
        // An edit may leave the time and the digest as they were: then, and only then, it may be accepted.
        const isIntact = mutated.includes(`t=${NOW}`) && mutated.toLowerCase().includes(`v1=${digest}`)
        expect(verdict.valid && !isIntact).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('gains nothing from swapping time and body', async () => {
    // The message is "<t>.<body>": moving the dot must not make another pair of the same bytes.
    const body = new TextEncoder().encode('5.{"data":{}}')
    const signature = `t=${NOW},v1=${createHmac('sha256', SECRET).update(`${NOW}.`).update(body).digest('hex')}`
    expect(await check({ body, signature })).toEqual(ACCEPTED)
    const moved = signature.replace(`t=${NOW}`, `t=${NOW}.5`)
    expect((await check({ body: BODY, signature: moved })).valid).toBe(false)
  })
})
