import { isEqualInConstantTime } from './constant-time.js'
import { ConfigurationError, type SignatureRejection } from './errors.js'
import { toHex } from './hex.js'
import { parseSignatureHeader, type SignatureHeader, type SignatureSet } from './signature-header.js'

export { isSignatureHeader, type SignatureHeader } from './signature-header.js'

/** What {@link createSignatureVerifier} needs to know. */
export interface SignatureOptions {
  /** The webhook's secrets (`wbhsec_…`), whole as Persona shows them; several during rotation. Any of them may match. */
  readonly secrets: string | readonly string[]
  /** How far `t` may lie from now, in seconds, either way. Default 300. Persona publishes no figure. */
  readonly toleranceSeconds?: number | undefined
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** One delivery as it arrived. */
export interface SignedDelivery {
  /** The body's bytes exactly as received: never parsed and serialised again. */
  readonly body: Uint8Array
  readonly signature: SignatureHeader
}

/** The answer of a signature check. Never an exception: every input has one of these answers. */
export type SignatureVerdict =
  | { readonly valid: true; readonly timestampSeconds: number }
  | { readonly valid: false; readonly reason: SignatureRejection }

const encoder = new TextEncoder()

/**
 * Returns a function that checks Persona's webhook signatures: HMAC-SHA256 over `<t>.<raw body>`, compared in constant
 * time. During rotation the header holds several space-separated sets; each is checked with its own `t`.
 *
 * @throws ConfigurationError when there is no secret, an empty one, or a tolerance that is not a positive number.
 * @see https://docs.withpersona.com/webhooks-best-practices
 */
export function createSignatureVerifier(
  options: SignatureOptions,
): (delivery: SignedDelivery) => Promise<SignatureVerdict> {
  const secrets = requireSecrets(options.secrets)
  const toleranceSeconds = requireTolerance(options.toleranceSeconds ?? 300)
  const now = options.now ?? Date.now
  let keys: Promise<CryptoKey[]> | undefined

  return async ({ body, signature }) => {
    const sets = parseSignatureHeader(signature)
    if (sets === null) return { valid: false, reason: 'missing' }
    if (sets.length === 0) return { valid: false, reason: 'malformed' }
    keys ??= Promise.all(secrets.map(importKey))
    const times = await matchingTimes(sets, await keys, body instanceof Uint8Array ? body : new Uint8Array())
    return judgeTimes(times, Math.floor(now() / 1000), toleranceSeconds)
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
  const message = toSignedMessage(time, body)
  const keys = await Promise.all(requireSecrets(options.secrets).map(importKey))
  const digests = await Promise.all(keys.map((key) => crypto.subtle.sign('HMAC', key, message)))
  return digests.map((digest) => `t=${time},v1=${toHex(new Uint8Array(digest))}`).join(' ')
}

function requireSecrets(secrets: string | readonly string[]): readonly string[] {
  const list = typeof secrets === 'string' ? [secrets] : secrets
  if (list.length > 0 && list.every((secret) => typeof secret === 'string' && secret.trim() !== '')) return list
  throw new ConfigurationError({
    problem: 'A webhook secret is missing or empty.',
    fix: 'Copy the secret (wbhsec_…) of the webhook from the Persona dashboard.',
  })
}

function requireTolerance(seconds: number): number {
  if (Number.isFinite(seconds) && seconds > 0) return seconds
  throw new ConfigurationError({
    problem: 'toleranceSeconds is not a positive number.',
    fix: 'Give the replay window in seconds, for example 300.',
  })
}

/** The times of the sets that one of the keys has signed. Each set costs one HMAC a key, however many digests it has. */
async function matchingTimes(sets: readonly SignatureSet[], keys: CryptoKey[], body: Uint8Array): Promise<number[]> {
  const times: number[] = []
  for (const { time, digests } of sets) {
    const message = toSignedMessage(time, body)
    for (const key of keys) {
      const expected = new Uint8Array(await crypto.subtle.sign('HMAC', key, message))
      const matches = digests.map((digest) => isEqualInConstantTime(expected, digest))
      if (matches.includes(true)) times.push(Number(time))
    }
  }
  return times
}

function judgeTimes(times: number[], nowSeconds: number, toleranceSeconds: number): SignatureVerdict {
  const fresh = times.find((time) => Math.abs(nowSeconds - time) <= toleranceSeconds)
  if (fresh !== undefined) return { valid: true, timestampSeconds: fresh }
  const [first] = times
  if (first === undefined) return { valid: false, reason: 'mismatch' }
  return { valid: false, reason: first < nowSeconds ? 'stale' : 'future' }
}

function toSignedMessage(time: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = encoder.encode(`${time}.`)
  const message = new Uint8Array(prefix.length + body.length)
  message.set(prefix)
  message.set(body, prefix.length)
  return message
}

function importKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}
