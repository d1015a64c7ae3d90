import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { createSignatureVerifier, type SignatureVerdict } from '@persona-kyc/core/signature'
import { toEqualityBit } from '../packages/core/src/constant-time.js'

/** Two kinds of input, of which one must not be told from the other by the time that they take. */
export interface Comparison {
  readonly name: string
  /** `same` must take the same time; `different` must not, and shows that a difference would be seen. */
  readonly expected: 'same' | 'different'
  /** Makes a new input of the one kind, 0, or of the other, 1. What is done for it is the same for both. */
  prepare(side: 0 | 1): Measurement
}

/** One thing to measure. All that it needs is made. */
export interface Measurement {
  run(): unknown
  /** Throws when `run` came to something else than its kind must: then nothing is compared. */
  check(answer: unknown): void
}

const SECRET = 'wbhsec_of_the_bench'
const NOW = 1_767_323_045
const POOL = 512

const verify = createSignatureVerifier({ secrets: SECRET, now: () => NOW * 1000 })

const KINDS = ['right', 'random', 'wrongFirst', 'wrongLast', 'otherSecret'] as const
type Kind = (typeof KINDS)[number]
/** Where the right digest is among those of a body. */
const RIGHT = 0

/** Bodies as Persona sends them. */
const bodies = Array.from({ length: POOL }, () => {
  const data = { id: randomBytes(9).toString('hex'), filling: 'x'.repeat(700) }
  return new Uint8Array(Buffer.from(JSON.stringify({ data })))
})

/** A digest of each kind for each body, all in one piece of memory: none is nearer than the other. */
const digests = Buffer.concat(bodies.flatMap((body) => KINDS.map((kind) => toDigest(kind, body))))

/** What is compared. */
export const COMPARISONS: readonly Comparison[] = [
  compareVerdicts('verify: the right digest, and a random one', 'right', 'random'),
  compareVerdicts('verify: the right digest, and another secret’s', 'right', 'otherSecret'),
  compareVerdicts('verify: wrong in the first byte, and in the last', 'wrongFirst', 'wrongLast'),
  compareVerdicts('verify: wrong in the first byte, and in all', 'wrongFirst', 'random'),
  compareBytes('bytes: equal, and wrong in the first', toEqualityBit, 'right', 'wrongFirst'),
  compareBytes('bytes: equal, and random', toEqualityBit, 'right', 'random'),
  compareBytes('bytes: wrong in the first, and in the last', toEqualityBit, 'wrongFirst', 'wrongLast'),
  compareVerdicts('control, of one kind: verify', 'random', 'random'),
  compareBytes('control, of one kind: bytes', toEqualityBit, 'wrongFirst', 'wrongFirst'),
  {
    ...compareBytes(
      'control, not of one kind: bytes compared until one is wrong',
      toEqualityBitEarly,
      'wrongFirst',
      'wrongLast',
    ),
    expected: 'different',
  },
]

function compareVerdicts(name: string, left: Kind, right: Kind): Comparison {
  const offsets = [toOffset(left), toOffset(right)] as const
  return {
    name,
    expected: 'same',
    prepare(side) {
      const index = randomInt(POOL)
      // A new text each time, of the same making: none is known to the engine's caches.
      const signature = Buffer.from(`t=${NOW},v1=${find(index, offsets[side]).toString('hex')}`).toString('latin1')
      const delivery = { body: bodies[index] ?? new Uint8Array(), signature }
      return {
        run: () => verify(delivery),
        check: (answer) => requireSame((answer as SignatureVerdict).valid, offsets[side]),
      }
    },
  }
}

function compareBytes(
  name: string,
  toBit: (left: Uint8Array, right: Uint8Array) => number,
  ...[left, right]: readonly [Kind, Kind]
): Comparison {
  const offsets = [toOffset(left), toOffset(right)] as const
  return {
    name,
    expected: 'same',
    prepare(side) {
      const index = randomInt(POOL)
      const expected = new Uint8Array(find(index, RIGHT))
      const given = new Uint8Array(find(index, offsets[side]))
      return { run: () => toBit(expected, given), check: (answer) => requireSame(answer === 1, offsets[side]) }
    },
  }
}

/** What nobody should write. */
function toEqualityBitEarly(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return 0
  return 1
}

function toOffset(kind: Kind): number {
  return KINDS.indexOf(kind) * 32
}

function find(index: number, offset: number): Buffer {
  const start = index * KINDS.length * 32 + offset
  return digests.subarray(start, start + 32)
}

function toDigest(kind: Kind, body: Uint8Array): Buffer {
  const right = sign(SECRET, body)
  if (kind === 'random') return randomBytes(32)
  if (kind === 'otherSecret') return sign('wbhsec_of_another', body)
  return kind === 'right' ? right : flip(right, kind === 'wrongFirst' ? 0 : 31)
}

function sign(secret: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${NOW}.`).update(body).digest()
}

function flip(digest: Buffer, index: number): Buffer {
  const changed = Buffer.from(digest)
  changed[index] = (changed[index] ?? 0) ^ randomInt(1, 256)
  return changed
}

function requireSame(isAccepted: boolean, offset: number): void {
  if (isAccepted !== (offset === RIGHT)) throw new Error('An input was not of its kind.')
}
