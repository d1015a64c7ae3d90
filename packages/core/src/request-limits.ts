import { toNetwork } from './ip-range.js'
import { type Logger, toLogFields } from './logger.js'
import type { Peer } from './peer.js'
import { HttpError } from './problem.js'
import { createMemoryRateLimiter, type RateLimiter } from './rate-limiter.js'

/** The limiters of the routes. Null turns one off. */
export interface RequestLimitOptions {
  /** Initiations of one principal. Default: 300 a minute, which is what Persona takes of all of them together. */
  readonly initiatePerPrincipal?: RateLimiter | null | undefined
  /** Initiations of one user who calls with a token of their own. Default: 10 a minute. */
  readonly initiatePerUser?: RateLimiter | null | undefined
  /** Initiations from one address, an IPv6 one by its /64 network. Default: 300 a minute. */
  readonly initiatePerAddress?: RateLimiter | null | undefined
  /** Webhooks from one address whose signature is refused. One that is valid is never counted. Default: 60 a minute. */
  readonly refusedWebhooksPerAddress?: RateLimiter | null | undefined
}

/** The limits of one handler. Each rejects with a 429 once a limit is reached. */
export interface RequestLimits {
  /** Counts an initiation; `userId` is that of a caller who may see their own cases only. */
  countInitiation(
    caller: { readonly principal: string | null; readonly userId: string | null },
    peer: Peer,
  ): Promise<void>
  /** Counts a webhook that was refused. */
  countRefusal(peer: Peer): Promise<void>
}

const MINUTE_MS = 60_000
/** A limiter that has not answered by then cannot tell. */
const ANSWER_MS = 1000

/** Returns the limits of one handler. */
export function createRequestLimits(options: RequestLimitOptions, logger: Logger): RequestLimits {
  const {
    initiatePerPrincipal = perMinute(300),
    initiatePerUser = perMinute(10),
    initiatePerAddress = perMinute(300),
    refusedWebhooksPerAddress = perMinute(60),
  } = options
  const count = (limiter: RateLimiter | null, kind: string, key: string | null) =>
    limiter === null || key === null ? undefined : consume(limiter, `${kind}:${key}`, logger)
  return {
    async countInitiation({ principal, userId }, { address }) {
      // The narrowest first: who is refused by it uses up no points of others at that address.
      await count(initiatePerUser, 'initiate-user', userId)
      await count(initiatePerPrincipal, 'initiate-principal', userId === null ? principal : null)
      await count(initiatePerAddress, 'initiate-address', toKey(address))
    },
    async countRefusal({ address }) {
      await count(refusedWebhooksPerAddress, 'refused-webhook', toKey(address))
    },
  }
}

function toKey(address: string | null): string | null {
  return address === null ? null : toNetwork(address)
}

function perMinute(points: number): RateLimiter {
  return createMemoryRateLimiter({ points, durationMs: MINUTE_MS })
}

/**
 * A limiter that fails, because its Redis is away, or does not answer, lets the request through: it guards a budget, not
 * a secret.
 */
async function consume(limiter: RateLimiter, key: string, logger: Logger): Promise<void> {
  try {
    await consumeInTime(limiter, key)
  } catch (answer) {
    const waitMs = toWaitMs(answer)
    if (waitMs !== null) throw rateLimited(waitMs)
    logger.error(toLogFields(answer), 'rate limiter failed')
  }
}

async function consumeInTime(limiter: RateLimiter, key: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('The rate limiter does not answer.', 'TimeoutError')), ANSWER_MS)
  })
  try {
    await Promise.race([limiter.consume(key), timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Null for an answer that is none: an error, or whatever else. */
function toWaitMs(answer: unknown): number | null {
  if (typeof answer !== 'object' || answer === null || answer instanceof Error) return null
  return 'msBeforeNext' in answer && typeof answer.msBeforeNext === 'number' ? answer.msBeforeNext : null
}

function rateLimited(waitMs: number): HttpError {
  const seconds = Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1000)) : 1
  return new HttpError(429, 'rate_limited', {
    detail: 'Too many requests. Call again later.',
    headers: { 'retry-after': String(seconds) },
  })
}
