/** So many requests in a fixed window that starts with its first request. */
export interface RateLimitOptions {
  readonly limit: number
  readonly windowSeconds: number
}

/** The state of the window after a request. */
export interface RateLimitState {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  /** Whole seconds until the window ends, rounded up. */
  readonly secondsToReset: number
}

/** Counts requests. */
export interface RateLimiter {
  /** Counts one request. */
  take(): RateLimitState
  clear(): void
}

/** Returns a limiter over the clock `now`, in milliseconds. */
export function createRateLimiter({ limit, windowSeconds }: RateLimitOptions, now: () => number): RateLimiter {
  let startedAtMs = Number.NEGATIVE_INFINITY
  let taken = 0
  return {
    take() {
      if (now() >= startedAtMs + windowSeconds * 1000) {
        startedAtMs = now()
        taken = 0
      }
      taken += 1
      const secondsToReset = Math.ceil((startedAtMs + windowSeconds * 1000 - now()) / 1000)
      return { allowed: taken <= limit, limit, remaining: Math.max(0, limit - taken), secondsToReset }
    },
    clear() {
      startedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}
