import {
  type Attempt,
  type Draw,
  type Mutation,
  type Signed,
  toDigest,
  toHeaderText,
  type WrittenSet,
  withHeader,
} from './attempt.js'

/** What is signed with: secrets that are none of ours, and ours. */
export interface Loot {
  readonly foreignSecrets: readonly string[]
  readonly knownSecrets: readonly string[]
  readonly nowSeconds: number
}

const toSets =
  (change: (sets: readonly WrittenSet[], draw: Draw) => readonly WrittenSet[]): Mutation =>
  (attempt, draw) => ({ ...attempt, sets: change(attempt.sets, draw) })

const toTime = (change: (time: string, draw: Draw) => string): Mutation =>
  toSets((sets, draw) => replaceOne(sets, draw, (set) => ({ ...set, time: change(set.time, draw) })))

const toOtherDigest = (change: (digest: string, draw: Draw) => string): Mutation =>
  toSets((sets, draw) => replaceOne(sets, draw, (set) => ({ ...set, digest: change(set.digest, draw) })))

const toText =
  (change: (header: string, draw: Draw) => string): Mutation =>
  (attempt, draw) =>
    withHeader(attempt, change(toHeaderText(attempt), draw))

const SPACES = [
  '\u00a0',
  '\u1680',
  '\u2003',
  '\u2028',
  '\u2029',
  '\u202f',
  '\u3000',
  '\ufeff',
  '\v',
  '\f',
  '\u0085',
  '\0',
]
const ZEROS = [0x660, 0x966, 0xff10, 0x1d7ce]

/** Changes of the header, with the body left as it is. */
export const HEADER_MUTATIONS: Readonly<Record<string, Mutation>> = {
  'another time': toTime((time, draw) =>
    String(Number(time) + draw.pick([-86_400, -301, -300, -1, 1, 299, 300, 301, 86_400])),
  ),
  'a time of another form': toTime((time, draw) =>
    draw.pick([
      `-${time}`,
      `+${time}`,
      `0${time}`,
      `00000${time}`,
      `000000${time}`,
      `${time}0`,
      `${time}.0`,
      `${time}e0`,
      `0x${Number(time).toString(16)}`,
      `${time}n`,
      `${time}=`,
      `"${time}"`,
      `1_${time}`,
      'NaN',
      'Infinity',
      '',
      '0',
      '9'.repeat(15),
      '9'.repeat(16),
      new Date(Number(time) * 1000).toUTCString(),
    ]),
  ),
  'digits of another script': toTime((time, draw) => {
    const zero = draw.pick(ZEROS)
    const index = draw.below(time.length)
    const isOne = draw.below(2) === 0
    return [...time]
      .map((digit, at) =>
        (isOne && at !== index) || !/[0-9]/.test(digit) ? digit : String.fromCodePoint(zero + Number(digit)),
      )
      .join('')
  }),
  'a nibble of the digest changed': toOtherDigest((digest, draw) => {
    const index = draw.below(digest.length + 1)
    return `${digest.slice(0, index)}${draw.pick([...'0123456789abcdef'])}${digest.slice(index + 1)}`
  }),
  'the first or the last byte of the digest changed': toOtherDigest((digest, draw) => {
    const byte = draw.bytes(1).toString('hex')
    return draw.below(2) === 0 ? `${byte}${digest.slice(2)}` : `${digest.slice(0, -2)}${byte}`
  }),
  'the digest cut off, filled or doubled': toOtherDigest((digest, draw) => {
    const length = draw.below(65)
    return draw.pick([
      digest.slice(0, length),
      digest.slice(0, length).padEnd(64, '0'),
      digest.slice(length).padStart(64, '0'),
      `${digest}${digest}`,
      `${digest}0`,
      `00${digest}`,
      '0'.repeat(64),
      'f'.repeat(64),
      '',
    ])
  }),
  'a digest of another form': toOtherDigest((digest, draw) => {
    const bytes = Buffer.from(digest, 'hex')
    return draw.pick([
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('latin1'),
      `0x${digest}`,
      `"${digest}"`,
      `${digest}=`,
      `${digest}=${digest}`,
      `sha256=${digest}`,
      [...digest].reverse().join(''),
      digest.replace(/[0-9]/, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
      digest.replace(/[a-f]/, (letter) => String.fromCodePoint(0xff41 + letter.charCodeAt(0) - 97)),
    ])
  }),
  'the digest in upper or mixed case': toOtherDigest((digest, draw) =>
    [...digest].map((digit) => (draw.below(2) === 0 ? digit.toUpperCase() : digit)).join(''),
  ),
  'times swapped between sets': toSets((sets) => {
    const times = sets.map(({ time }) => time).reverse()
    return sets.map((set, index) => ({ ...set, time: times[index] ?? set.time }))
  }),
  'sets in another order': toSets((sets) => [...sets].reverse()),
  'a set left out': toSets((sets, draw) => {
    const index = draw.below(sets.length)
    return sets.filter((_, at) => at !== index)
  }),
  'a set twice': toSets((sets, draw) => [...sets, draw.pick(sets)].filter((set) => set !== undefined)),
  'many wrong sets before': toSets((sets, draw) => {
    const wrong = () => ({ time: sets[0]?.time ?? '1', digest: draw.bytes(32).toString('hex') })
    return [...Array.from({ length: 1 + draw.below(12) }, wrong), ...sets]
  }),
  'the header cut off': toText((header, draw) => header.slice(0, draw.below(header.length + 1))),
  'the start of the header cut off': toText((header, draw) => header.slice(draw.below(header.length + 1))),
  'a bit of the header flipped': toText((header, draw) => {
    const index = draw.below(Math.max(1, header.length))
    const code = (header.charCodeAt(index) || 0) ^ (1 << draw.below(8))
    return `${header.slice(0, index)}${String.fromCharCode(code)}${header.slice(index + 1)}`
  }),
  'a character put in': toText((header, draw) => {
    const index = draw.below(header.length + 1)
    const character = draw.pick([...SPACES, ' ', '\t', ',', ';', '=', '0', 'a', '"', '%', '\u0661'])
    return `${header.slice(0, index)}${character}${header.slice(index)}`
  }),
  'other white space of HTTP': toText((header, draw) => {
    const space = () => draw.pick([' ', '  ', '\t', '\r\n ', ' \t'])
    return `${space()}${header.replaceAll(/[ ,]/g, (separator) => `${space()}${separator}${space()}`)}${space()}`
  }),
  'other separators': toText((header, draw) =>
    header.replaceAll(draw.pick([',', ' ', /[ ,]/g]), draw.pick([';', ',', ' ', '&', '|', '', ', ', ...SPACES])),
  ),
  'names in another case': toText((header, draw) =>
    draw.pick([header.toUpperCase(), header.replaceAll('t=', 'T='), header.replaceAll('v1=', 'V1=')]),
  ),
  'another scheme': toText((header, draw) =>
    header.replaceAll('v1=', draw.pick(['v0=', 'v2=', 'v1:', 'v1', 'v1==', 'v10=', 'v1 =', 'sha256=', '='])),
  ),
  'more schemes': toText((header, draw) => {
    const digest = draw.bytes(32).toString('hex')
    return header.replaceAll(
      'v1=',
      draw.pick([`v0=${digest},v1=`, 'v1=,v1=', 'k=v,v1=', `v2=${digest},v1=`, '__proto__=1,v1=']),
    )
  }),
  'a list of digests in one set': toText((header, draw) => {
    const wrong = Array.from({ length: 1 + draw.below(70) }, () => `v1=${draw.bytes(32).toString('hex')}`).join(',')
    return draw.below(2) === 0 ? header.replace('v1=', `${wrong},v1=`) : `${header},${wrong}`
  }),
  'a part left out': toText((header, draw) => {
    const parts = header.split(/(?<=[ ,])/)
    const index = draw.below(parts.length)
    return parts.filter((_, at) => at !== index).join('')
  }),
  'parts in another order': toText((header, draw) => {
    const parts = header.split(/[ ,]/).map((part) => ({ part, key: draw.below(1000) }))
    return parts
      .sort((left, right) => left.key - right.key)
      .map(({ part }) => part)
      .join(',')
  }),
  'a mark before or behind the header': toText((header, draw) => {
    const mark = draw.pick([...SPACES, '"', "'", '%20', '\\', 'Persona-Signature: '])
    return draw.below(2) === 0 ? `${mark}${header}` : `${header}${mark}`
  }),
  'a percent-encoded header': toText((header) => encodeURIComponent(header)),
  'the header twice': toText((header, draw) => `${header}${draw.pick([' ', ',', ', ', ''])}${header}`),
  'a long header': toText((header, draw) => {
    const filling = ''.padEnd(draw.below(6000), draw.pick(['x', ' ', ',', 'k=v ', `v0=${'0'.repeat(60)} `]))
    return draw.below(2) === 0 ? `${filling} ${header}` : `${header} ${filling}`
  }),
  'a header of 100 kB': toText((header, draw) => `${header} `.padEnd(100_000, draw.pick(['x', ' ', `${header} `]))),
  'a list of headers': (attempt, draw) => {
    const header = toHeaderText(attempt)
    const empty: readonly string[] = []
    return withHeader(
      attempt,
      draw.pick([[header], header.split(' '), header.split(','), [header, header], ['', header], empty]),
    )
  },
  'no header': (attempt, draw) => withHeader(attempt, draw.pick([null, undefined, '', ' ', ',', '\t', '\r\n'])),
}

/** Changes for which somebody signs something. */
export function createSigningMutations(loot: Loot): Readonly<Record<string, Mutation>> {
  const { foreignSecrets, knownSecrets, nowSeconds } = loot
  /** Every set becomes one of a secret of ours, and what it signs is written down. */
  const signOurs =
    (
      toSigned: (set: WrittenSet, attempt: Attempt, draw: Draw) => Signed,
      toTime = (_set: WrittenSet, { time }: Signed) => time,
    ): Mutation =>
    (attempt, draw) => {
      const made = attempt.sets.map((set) => {
        const signed = toSigned(set, attempt, draw)
        const digest = toDigest(draw.pick(knownSecrets), signed.time, signed.body)
        return { signed, set: { time: toTime(set, signed), digest } }
      })
      const signed = [...attempt.signed, ...made.map((one) => one.signed)]
      return { ...attempt, signed, sets: made.map(({ set }) => set) }
    }
  return {
    'signed with other secrets': (attempt, draw) => ({
      ...attempt,
      sets: attempt.sets.map(({ time }) => ({ time, digest: toDigest(draw.pick(foreignSecrets), time, attempt.body) })),
    }),
    'signed without the time': signOurs(
      (_set, { body }) => ({ time: '', body }),
      ({ time }) => time,
    ),
    'the signature of another body': signOurs(({ time }) => ({ time, body: Buffer.from('{"data":{}}') })),
    'an old signature with a new time': signOurs(
      (_set, { body }, draw) => ({ time: String(nowSeconds - 301 - draw.below(1_000_000)), body }),
      ({ time }) => time,
    ),
    'rightly signed at another time': signOurs((_set, { body }, draw) => ({
      time: String(nowSeconds + draw.pick([-1_000_000, -301, -300, -299, 0, 299, 300, 301, 1_000_000])),
      body,
    })),
  }
}

function replaceOne(
  sets: readonly WrittenSet[],
  draw: Draw,
  change: (set: WrittenSet) => WrittenSet,
): readonly WrittenSet[] {
  const index = draw.below(sets.length)
  return sets.map((set, at) => (at === index ? change(set) : set))
}
