import { ConfigurationError } from './errors.js'
import { createInquiries, type Inquiries } from './inquiries.js'
import { requireNumber } from './number-option.js'
import { isPersonaError } from './persona-error.js'
import { createPersonaEvents, type PersonaEvents } from './persona-events.js'
import { type RateLimits, toRateLimits } from './rate-limits.js'
import { createSender, type SenderOptions } from './request.js'
import { sleep } from './retries.js'
import { createWebhooks, type PersonaWebhooks } from './webhooks.js'

/** Persona's environments. Both live at the same URL; the API key picks the one. */
export type PersonaEnvironment = 'sandbox' | 'production'

/** What {@link createPersonaClient} accepts. */
export interface PersonaClientOptions {
  /** `persona_sandbox_…` or `persona_production_…` */
  readonly apiKey: string
  /** Checked against the key's prefix. Default: what the prefix says. */
  readonly environment?: PersonaEnvironment | undefined
  /** Sent as `Persona-Version`. Default `2025-12-08`, which this library is written for. */
  readonly apiVersion?: string | undefined
  /** Default `https://api.withpersona.com/api/v1`. */
  readonly baseUrl?: string | undefined
  /** The longest that one attempt may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** How often an attempt is repeated after a network failure, a timeout or a 429. Default 2. */
  readonly retries?: number | undefined
  /** The longest wait before a repetition, in milliseconds; a longer one fails at once. Default 60,000. */
  readonly maxRetryWaitMs?: number | undefined
  /** From this many milliseconds on, `health()` calls an answer slow. Default 2,000. */
  readonly slowAfterMs?: number | undefined
  /** Default `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Jitter, 0 to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Waits that many milliseconds. Default: a timer. */
  readonly sleep?: SenderOptions['sleep'] | undefined
}

/**
 * How Persona's API does: `unreachable` got no connection, `unauthorized` an answer that refuses the key, `slow` an
 * answer later than `slowAfterMs` or none within `timeoutMs`, `failing` any other error.
 */
export interface PersonaHealth {
  readonly status: 'ok' | 'slow' | 'unreachable' | 'unauthorized' | 'failing'
  readonly latencyMs: number
}

/** A client of Persona's API. */
export interface PersonaClient {
  /** What the API key's prefix says; null for a key without one of the two prefixes. */
  readonly environment: PersonaEnvironment | null
  readonly inquiries: Inquiries
  readonly events: PersonaEvents
  readonly webhooks: PersonaWebhooks
  /** What the newest answer to any call told of Persona's limits. */
  rateLimits(): RateLimits
  /** Persona's clock minus ours at the newest answer, in milliseconds, give or take a second; null before the first one. */
  clockSkewMs(): number | null
  /** Asks for the rate limits, once and without retry. Never rejects. */
  health(): Promise<PersonaHealth>
}

const DEFAULT_BASE_URL = 'https://api.withpersona.com/api/v1'

/**
 * Returns a client of Persona's API.
 *
 * @throws ConfigurationError when an option is missing, malformed, or contradicts the API key's prefix.
 */
export function createPersonaClient(options: PersonaClientOptions): PersonaClient {
  const { now = Date.now } = options
  const slowAfterMs = requireNumber('slowAfterMs', options.slowAfterMs ?? 2000, 0)
  const newest: { limits: RateLimits; skewMs: number | null } = { limits: { rate: null, quota: null }, skewMs: null }
  const sender = toSenderOptions(options, (headers, sentAtMs) => {
    const { rate, quota } = toRateLimits(headers, now())
    newest.limits = { rate: rate ?? newest.limits.rate, quota: quota ?? newest.limits.quota }
    newest.skewMs = toSkewMs(headers, (sentAtMs + now()) / 2) ?? newest.skewMs
  })
  const probe = createSender({ ...sender, retries: 0 })
  const send = createSender(sender)
  return {
    environment: requireEnvironment(options),
    inquiries: createInquiries(send),
    events: createPersonaEvents(send),
    webhooks: createWebhooks(send),
    rateLimits: () => newest.limits,
    clockSkewMs: () => newest.skewMs,
    async health() {
      const startedAt = now()
      const failure = await probe({ method: 'GET', path: '/rate-limits' }).then(() => null, toHealthStatus)
      const latencyMs = now() - startedAt
      return { status: failure ?? (latencyMs >= slowAfterMs ? 'slow' : 'ok'), latencyMs }
    },
  }
}

function toSenderOptions(options: PersonaClientOptions, onAnswer: SenderOptions['onAnswer']): SenderOptions {
  return {
    apiKey: options.apiKey,
    apiVersion: requireVersion(options.apiVersion ?? '2025-12-08'),
    baseUrl: requireUrl(options.baseUrl ?? DEFAULT_BASE_URL),
    timeoutMs: requireNumber('timeoutMs', options.timeoutMs ?? 10_000, 1),
    retries: requireNumber('retries', options.retries ?? 2, 0),
    maxRetryWaitMs: requireNumber('maxRetryWaitMs', options.maxRetryWaitMs ?? 60_000, 0),
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleep,
    now: options.now ?? Date.now,
    onAnswer,
  }
}

/** The header has whole seconds, cut off: half a second is added back. */
function toSkewMs(headers: Headers, ourTimeMs: number): number | null {
  const theirTimeMs = Date.parse(headers.get('date') ?? '') + 500
  return Number.isNaN(theirTimeMs) ? null : Math.round(theirTimeMs - ourTimeMs)
}

function toHealthStatus(error: unknown): PersonaHealth['status'] {
  if (isPersonaError(error, 'persona_unreachable')) return 'unreachable'
  if (isPersonaError(error, 'persona_timeout')) return 'slow'
  if (isPersonaError(error, 'persona_unauthorized', 'persona_forbidden')) return 'unauthorized'
  // A rate-limited answer is an answer: the API is there and knows the key.
  return isPersonaError(error, 'persona_rate_limited') ? 'ok' : 'failing'
}

function requireEnvironment({ apiKey, environment }: PersonaClientOptions): PersonaEnvironment | null {
  if (typeof apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ConfigurationError({
      problem: 'The Persona API key is missing or not printable ASCII.',
      fix: 'Copy it from the dashboard: Developers, API keys.',
    })
  }
  const fromKey = /^persona_(sandbox|production)_/.exec(apiKey)?.[1] as PersonaEnvironment | undefined
  if (environment === undefined || fromKey === undefined || environment === fromKey)
    return fromKey ?? environment ?? null
  throw new ConfigurationError({
    problem: `The Persona API key belongs to ${fromKey}, but the environment is set to another one.`,
    fix: `Use a key of that environment, or set the environment to ${fromKey}.`,
  })
}

function requireUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '')
  throw new ConfigurationError({
    problem: 'baseUrl is not an http(s) URL.',
    fix: `The default is ${DEFAULT_BASE_URL}.`,
  })
}

function requireVersion(version: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(version)) return version
  throw new ConfigurationError({ problem: 'apiVersion is not a date.', fix: 'Write it like 2025-12-08.' })
}
