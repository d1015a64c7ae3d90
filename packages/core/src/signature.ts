import { toEqualityBit } from './constant-time.js'
import { ConfigurationError, type SignatureRejection } from './errors.js'
import { toHex } from './hex.js'
import { type HmacKey, importHmacKey } from './hmac.js'
import { consoleLogger, type Logger, toSafeLogger } from './logger.js'
import { parseSignatureHeader, type SignatureHeader, type SignatureSet } from './signature-header.js'
import { createKeyRing, requireSecrets, type WebhookSecrets } from './webhook-secrets.js'

export { isSignatureHeader, type SignatureHeader } from './signature-header.js'
export type { WebhookSecrets } from './webhook-secrets.js'

/** What {@link createSignatureVerifier} needs to know. */
export interface SignatureOptions {
  /**
   * The webhook's secrets (`wbhsec_…`), whole as Persona shows them; several during rotation. Any of them may match. Or a
   * function that tells them. It is called at once, when its answer is older than `secretsMaxAgeSeconds`, and when a
   * signature matches none of the secrets, but then at most every two seconds: so what is signed with a new secret is
   * accepted at once. An answer that is empty, fails, or takes longer than three seconds is logged, and those before it stay.
   */
  readonly secrets: WebhookSecrets
  /** How long what a function told of the secrets is good, in seconds. Default 60. A secret that was taken out is refused then. */
  readonly secretsMaxAgeSeconds?: number | undefined
  /** How far `t` may lie from now, in seconds, either way. Default 300. Persona publishes no figure. */
  readonly toleranceSeconds?: number | undefined
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Told when a function does not tell the secrets. Default: the console. */
  readonly logger?: Logger | undefined
}

/** One delivery as it arrived. */
export interface SignedDelivery {
  /** The body's bytes exactly as received: never parsed and serialised again. */
  readonly body: Uint8Array
  readonly signature: SignatureHeader
}

/** The answer of a signature check. Every delivery has one of these answers, and none is an exception. */
export type SignatureVerdict =
  | { readonly valid: true; readonly timestampSeconds: number }
  | { readonly valid: false; readonly reason: SignatureRejection }

const encoder = new TextEncoder()

/**
 * Returns a function that checks Persona's webhook signatures: HMAC-SHA256 over `<t>.<raw body>`, compared in constant
 * time. During rotation the header holds several space-separated sets; each is checked with its own `t`.
 *
 * What it returns rejects only where `secrets` is a function that has not told any yet: with KycError `secrets_unavailable`.
 *
 * @throws ConfigurationError when there is no secret, an empty one, or a tolerance or age that is not a positive number.
 * @see https://docs.withpersona.com/webhooks-best-practices
 */
export function createSignatureVerifier(
  options: SignatureOptions,
): (delivery: SignedDelivery) => Promise<SignatureVerdict> {
  const now = options.now ?? Date.now
  const toleranceSeconds = requireSeconds('toleranceSeconds', options.toleranceSeconds ?? 300)
  const maxAgeMs = requireSeconds('secretsMaxAgeSeconds', options.secretsMaxAgeSeconds ?? 60) * 1000
  const logger = toSafeLogger(options.logger ?? consoleLogger)
  const ring = createKeyRing(options.secrets, { maxAgeMs, now, logger })

  const judge = (sets: readonly SignatureSet[], expected: Expected) =>
    judgeSets(checkSets(sets, expected), Math.floor(now() / 1000), toleranceSeconds)

  return async ({ body: given, signature }) => {
    const sets = parseSignatureHeader(signature)
    if (sets === null) return { valid: false, reason: 'missing' }
    if (sets.length === 0) return { valid: false, reason: 'malformed' }
    const body = given instanceof Uint8Array ? given : new Uint8Array()
    // Nothing is awaited that is there.
    const current = ring.current()
    const keys = current instanceof Promise ? await current : current
    const expected = signSets(sets, keys, body)
    const verdict = judge(sets, expected instanceof Promise ? await expected : expected)
    if (ring.renew === null || verdict.valid || verdict.reason !== 'mismatch') return verdict
    const renewed = await ring.renew(keys)
    return renewed === null ? verdict : judge(sets, await signSets(sets, renewed, body))
  }
}

/** Checks one delivery. For more than one, {@link createSignatureVerifier} prepares the keys once. */
export function verifySignature(options: SignatureOptions & SignedDelivery): Promise<SignatureVerdict> {
  return createSignatureVerifier(options)(options)
}

/** What {@link signWebhook} signs. */
export interface SignWebhookOptions {
  /** The body's bytes, or text that is sent as UTF-8. */
  readonly body: Uint8Array | string
  /** The secret; several make several sets, as Persona sends during rotation. */
  readonly secrets: string | readonly string[]
  /** `t`, in unix seconds. Default: now. */
  readonly timestampSeconds?: number | undefined
}

/** Resolves with the `Persona-Signature` header that Persona would send for this body: for tests and fakes. */
export async function signWebhook(options: SignWebhookOptions): Promise<string> {
  const time = String(options.timestampSeconds ?? Math.floor(Date.now() / 1000))
  const body = typeof options.body === 'string' ? encoder.encode(options.body) : options.body
  const keys = await Promise.all(requireSecrets(options.secrets).map(importHmacKey))
  const digests = await Promise.all(keys.map((key) => key.sign(`${time}.`, body)))
  return digests.map((digest) => `t=${time},v1=${toHex(digest)}`).join(' ')
}

function requireSeconds(name: string, seconds: number): number {
  if (Number.isFinite(seconds) && seconds > 0) return seconds
  throw new ConfigurationError({
    problem: `${name} is not a positive number.`,
    fix: 'Give it in seconds, or leave it out for the default: toleranceSeconds 300, secretsMaxAgeSeconds 60.',
  })
}

/** The time of a set, and 1 where one of the keys has signed it, else 0: a number, for work that is the same for both. */
interface CheckedSet {
  readonly timeSeconds: number
  readonly signed: number
}

/** Of each set what its digests are held against, at once where the runtime can sign at once. */
type Expected = readonly (readonly Uint8Array[])[]

/** Each time costs one HMAC a key, however many digests come with it. During rotation all sets have the same time. */
function signSets(
  sets: readonly SignatureSet[],
  keys: readonly HmacKey[],
  body: Uint8Array,
): Expected | Promise<Expected> {
  let signedTime = ''
  let digests: readonly (Uint8Array | Promise<Uint8Array>)[] = []
  const expected = sets.map(({ time }) => {
    if (time !== signedTime) digests = keys.map((key) => key.sign(`${time}.`, body))
    signedTime = time
    return digests
  })
  if (expected.every(isThere)) return expected
  return Promise.all(expected.map((ofSet) => Promise.all(ofSet)))
}

function isThere(digests: readonly (Uint8Array | Promise<Uint8Array>)[]): digests is readonly Uint8Array[] {
  return digests.every((digest) => digest instanceof Uint8Array)
}

/** Compares every digest with every other, whatever comes of it. */
function checkSets(sets: readonly SignatureSet[], expected: Expected): readonly CheckedSet[] {
  return sets.map(({ time, digests }, index) => {
    let signed = 0
    for (const own of expected[index] ?? []) for (const digest of digests) signed |= toEqualityBit(own, digest)
    return { timeSeconds: Number(time), signed }
  })
}

const NONE = -1
const REASONS = ['mismatch', 'stale', 'future'] as const

/** Looks at all sets, signed or not, and takes the first one that counts. Both verdicts are made, and one is taken. */
function judgeSets(sets: readonly CheckedSet[], nowSeconds: number, toleranceSeconds: number): SignatureVerdict {
  const isFresh = (timeSeconds: number) => Number(Math.abs(nowSeconds - timeSeconds) <= toleranceSeconds)
  const first = sets.reduceRight((later, set) => choose(set.signed, set.timeSeconds, later), NONE)
  const fresh = sets.reduceRight(
    (later, set) => choose(set.signed & isFresh(set.timeSeconds), set.timeSeconds, later),
    NONE,
  )
  const reason = REASONS[toBit(first) * (1 + Number(first >= nowSeconds))] ?? 'mismatch'
  const refused = { valid: false, reason } as const
  const accepted = { valid: true, timestampSeconds: fresh } as const
  return [refused, accepted][toBit(fresh)] ?? refused
}

function toBit(timeSeconds: number): number {
  return Number(timeSeconds !== NONE)
}

/** The left number for the bit 1, the right one for 0, without a branch. */
function choose(bit: number, left: number, right: number): number {
  return bit * left + (1 - bit) * right
}
