/** The state of one of Persona's limits, as the newest answer told it. */
export interface RateLimit {
  readonly limit: number
  readonly remaining: number
  /** When the window ends, by our clock. */
  readonly resetAt: Date
}

/** Persona's limits; null where no answer has told of one. */
export interface RateLimits {
  /** Of requests, 300 a minute by default. */
  readonly rate: RateLimit | null
  /** Of what your plan includes. */
  readonly quota: RateLimit | null
}

// Persona's documentation spells the quota's headers in two ways.
const RATE = ['ratelimit']
const QUOTA = ['quota', 'quotalimit']
const MAX_RESET_SECONDS = 366 * 24 * 3600

/**
 * Reads the limits of an answer that came at `nowMs`. A header that is missing or no plain number counts as untold.
 *
 * @see https://docs.withpersona.com/rate-limiting
 */
export function toRateLimits(headers: Headers, nowMs: number): RateLimits {
  return { rate: toRateLimit(headers, RATE, nowMs), quota: toRateLimit(headers, QUOTA, nowMs) }
}

function toRateLimit(headers: Headers, spellings: readonly string[], nowMs: number): RateLimit | null {
  const read = (name: string) => {
    const values = spellings.map((spelling) => headers.get(`${spelling}-${name}`))
    const value = values.find((candidate) => candidate !== null && /^\d{1,9}$/.test(candidate))
    return value === null || value === undefined ? null : Number(value)
  }
  const [limit, remaining, reset] = [read('limit'), read('remaining'), read('reset')]
  if (limit === null || remaining === null || reset === null) return null
  return { limit, remaining, resetAt: new Date(nowMs + Math.min(reset, MAX_RESET_SECONDS) * 1000) }
}
