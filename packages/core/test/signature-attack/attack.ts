import { isDeepStrictEqual } from 'node:util'
import { createSeededRandom } from '@persona-kyc/testing'
import { createSignatureVerifier, isSignatureHeader, type SignatureVerdict } from '../../src/signature.js'
import { type Attempt, createDraw, type Draw, type Mutation, type Signed, toDigest, writeSets } from './attempt.js'
import { BODY_MUTATIONS } from './body-mutations.js'
import { createSigningMutations, HEADER_MUTATIONS } from './header-mutations.js'
import { type Delivered, judgeByOracle } from './oracle.js'

const NOW = 1_767_323_045
const SECRETS = ['wbhsec_current', 'wbhsec_previous_ü']
const FOREIGN = ['wbhsec_Current', 'wbhsec_current ', 'wbhsec_', 'wbhsec_sandbox', '']
const TOLERANCE = 300
const ORACLE = { secrets: SECRETS, nowSeconds: NOW, toleranceSeconds: TOLERANCE }
const BATCH = 200
/** Every so manieth delivery is left as it is. */
const CONTROL_EVERY = 50

/** What came of an attack. */
export interface AttackReport {
  /** Mutated deliveries that must be refused: as many as were asked for, or a few more. */
  readonly forged: number
  /** Mutated deliveries that still say what a secret of ours has signed. */
  readonly harmless: number
  /** Deliveries that were left as they are. */
  readonly controls: number
  /** How often each answer was given to what was mutated. */
  readonly verdicts: Readonly<Record<string, number>>
  /** How often each mutation was made. */
  readonly mutations: Readonly<Record<string, number>>
  /** What is wrong, if anything is: the first ten, in words. */
  readonly failures: readonly string[]
}

/** What of a delivery is checked. */
interface Shot {
  readonly names: readonly string[]
  readonly signed: readonly Signed[]
  readonly delivered: Delivered
}

const MUTATIONS: readonly (readonly [string, Mutation])[] = Object.entries({
  // In this order they are made: a set that was written already could not be changed any more.
  ...createSigningMutations({ foreignSecrets: FOREIGN, knownSecrets: SECRETS, nowSeconds: NOW }),
  ...BODY_MUTATIONS,
  ...HEADER_MUTATIONS,
})

/**
 * Sends mutated deliveries through the check, until so many were there that must be refused, and compares each answer with
 * the oracle's. The same seed makes the same deliveries.
 */
export async function attackSignatures({ count, seed }: { count: number; seed: number }): Promise<AttackReport> {
  const draw = createDraw(createSeededRandom(seed))
  const verify = createSignatureVerifier({ secrets: SECRETS, toleranceSeconds: TOLERANCE, now: () => NOW * 1000 })
  const mutations = new Map(MUTATIONS.map(([name]) => [name, 0]))
  const verdicts = new Map<string, number>()
  const totals = { forged: 0, harmless: 0, controls: 0 }
  const failures: string[] = []
  for (let index = 0; totals.forged < count; ) {
    const shots = Array.from({ length: BATCH }, () => toShot(draw, index++))
    const answers = await Promise.all(shots.map(({ delivered }) => answer(verify, delivered)))
    for (const [at, shot] of shots.entries()) {
      const verdict = answers[at] ?? new Error('There is no answer.')
      const expected = judgeByOracle(shot.delivered, ORACLE)
      const failure = findFailure(shot, verdict, expected)
      if (failure !== null && failures.length < 10) failures.push(`delivery ${index - BATCH + at}: ${failure}`)
      for (const name of shot.names) add(mutations, name)
      if (shot.names.length > 0) add(verdicts, toWord(verdict))
      totals[toKind(shot, expected)] += 1
    }
  }
  return { ...totals, verdicts: Object.fromEntries(verdicts), mutations: Object.fromEntries(mutations), failures }
}

function toKind({ names }: Shot, expected: SignatureVerdict): 'forged' | 'harmless' | 'controls' {
  if (names.length === 0) return 'controls'
  return expected.valid ? 'harmless' : 'forged'
}

async function answer(
  verify: (delivered: Delivered) => Promise<SignatureVerdict>,
  delivered: Delivered,
): Promise<SignatureVerdict | Error> {
  try {
    return await verify(delivered)
  } catch (error) {
    return error instanceof Error ? error : new Error('something else than an error was thrown')
  }
}

function findFailure(
  { names, signed, delivered }: Shot,
  verdict: SignatureVerdict | Error,
  expected: SignatureVerdict,
): string | null {
  const what = `${names.join(', then ') || 'left as it is'}: ${toWord(verdict)}`
  if (verdict instanceof Error) return what
  if (names.length === 0 && !verdict.valid) return what
  if (verdict.valid && !signed.some((one) => isSame(one, verdict.timestampSeconds, delivered.body))) {
    return `${what}, which nobody has signed`
  }
  if (!isDeepStrictEqual(verdict, expected)) return `${what}, where the oracle says ${toWord(expected)}`
  const isReadable = expected.valid || (expected.reason !== 'missing' && expected.reason !== 'malformed')
  return isSignatureHeader(delivered.signature) === isReadable ? null : `${what}, and isSignatureHeader says otherwise`
}

function isSame({ time, body }: Signed, timestampSeconds: number, delivered: Buffer): boolean {
  return time === String(timestampSeconds) && body.equals(delivered)
}

function toShot(draw: Draw, index: number): Shot {
  const amount = index % CONTROL_EVERY === 0 ? 0 : draw.pick([1, 1, 1, 2, 3])
  const chosen = Array.from({ length: amount }, () => draw.below(MUTATIONS.length)).sort((left, right) => left - right)
  const mutations = chosen.flatMap((at) => MUTATIONS.slice(at, at + 1))
  const attempt = mutations.reduce((before, [, mutate]) => mutate(before, draw), toGenuine(draw))
  const { body, signed } = attempt
  const signature = attempt.hasHeader ? attempt.header : writeSets(attempt.sets)
  return { names: mutations.map(([name]) => name), signed, delivered: { signature, body } }
}

/** A delivery that Persona could have made: with one secret, or with two during rotation. */
function toGenuine(draw: Draw): Attempt {
  const body = toGenuineBody(draw)
  const secrets = draw.pick([SECRETS.slice(0, 1), SECRETS.slice(1), SECRETS, [...SECRETS].reverse()])
  const time = NOW + draw.pick([-300, -299, -1, 0, 1, 299, 300])
  const sets = secrets.map((secret, index) => {
    const own = String(time - (time > NOW ? index : -index))
    return { time: own, digest: toDigest(secret, own, body) }
  })
  return { sets, header: null, hasHeader: false, body, signed: sets.map((set) => ({ time: set.time, body })) }
}

function toGenuineBody(draw: Draw): Buffer {
  const id = draw.bytes(6).toString('hex')
  const event = { id: `evt_${id}`, attributes: { name: 'inquiry.approved', score: 1.5, note: 'Zoë 🛂\n' } }
  return draw.pick([
    () => Buffer.from(JSON.stringify({ data: event })),
    () => Buffer.from(JSON.stringify({ data: event }, null, 2)),
    () =>
      Buffer.from(`{ "data": { "id": "evt_${id}", "score": 1.10, "big": 12345678901234567890, "caf\\u00e9": [ ] } }\n`),
    () => Buffer.from(`${draw.below(1000)}.${JSON.stringify({ data: id })}`),
    () => Buffer.from(`${draw.below(1000)}`),
    () => Buffer.alloc(0),
    () => draw.bytes(1 + draw.below(120)),
    () => Buffer.from(`${id}${'x'.repeat(draw.below(2000))}`),
  ])()
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function toWord(verdict: SignatureVerdict | Error): string {
  if (verdict instanceof Error) return `the exception ${verdict.name}`
  return verdict.valid ? 'accepted' : verdict.reason
}
