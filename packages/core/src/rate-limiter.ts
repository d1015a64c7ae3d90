import { ConfigurationError } from './errors.js'

/**
 * Counts what callers do. The limiters of the npm package `rate-limiter-flexible` are of this shape, those that count
 * in Redis for all processes among them.
 */
export interface RateLimiter {
  /**
   * Takes a point of the key. Must resolve while the key has points left; must reject with `msBeforeNext`, in
   * milliseconds, when it has none; an Error means that nobody can tell, and lets the request through, as does an answer
   * that is not there within a second.
   */
  consume(key: string): Promise<unknown>
}

/** What {@link createMemoryRateLimiter} accepts. */
export interface MemoryRateLimiterOptions {
  /** How often a key may be used within the window. */
  readonly points: number
  /** The length of the window, in milliseconds, from the key's first use. */
  readonly durationMs: number
  /** How many keys are counted at a time; the oldest makes way for a new one. Default 100,000. */
  readonly maxKeys?: number | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** A key's points within a window. Windows are linked in the order of their beginning, which is that of their end. */
interface Window {
  readonly key: string
  endsAt: number
  used: number
  later: Window | null
}

/**
 * Returns a limiter that counts in this process, in bounded memory and without timers.
 *
 * @throws ConfigurationError when an option is no whole number above 0.
 */
export function createMemoryRateLimiter(options: MemoryRateLimiterOptions): RateLimiter {
  const { points, durationMs, maxKeys = 100_000, now = Date.now } = options
  for (const value of [points, durationMs, maxKeys]) requireCount(value)
  const open = createWindows(durationMs, maxKeys)
  return {
    async consume(key) {
      const time = now()
      const window = open(key, time)
      if (window.used >= points) throw new RateLimitReached(Math.max(1, window.endsAt - time))
      window.used += 1
    },
  }
}

/** Returns a function that finds the key's window, or opens one. */
function createWindows(durationMs: number, maxKeys: number): (key: string, time: number) => Window {
  // The links tell the oldest one. To look for the first key of a map takes the longer the more were deleted before it.
  const windows = new Map<string, Window>()
  let oldest: Window | null = null
  let newest: Window | null = null

  const forget = ({ key, later }: Window) => {
    windows.delete(key)
    oldest = later
  }
  const append = (window: Window) => {
    if (oldest === null || newest === null) oldest = window
    else newest.later = window
    newest = window
    windows.set(window.key, window)
    return window
  }
  return (key, time) => {
    while (oldest !== null && oldest.endsAt <= time) forget(oldest)
    const current = windows.get(key)
    if (current !== undefined) return renew(current, time, durationMs)
    if (oldest !== null && windows.size >= maxKeys) forget(oldest)
    return append({ key, endsAt: time + durationMs, used: 0, later: null })
  }
}

/** What only a clock that has gone back needs: an end behind a later one, and none that is further than a window lasts. */
function renew(window: Window, time: number, durationMs: number): Window {
  if (window.endsAt <= time) window.used = 0
  if (window.endsAt <= time || window.endsAt > time + durationMs) window.endsAt = time + durationMs
  return window
}

/** What a limiter rejects with: no error, but the answer that the limit is reached. */
class RateLimitReached {
  readonly msBeforeNext: number

  constructor(msBeforeNext: number) {
    this.msBeforeNext = msBeforeNext
  }
}

function requireCount(value: number): void {
  if (Number.isInteger(value) && value > 0) return
  throw new ConfigurationError({
    problem: 'A limit is no whole number above 0.',
    fix: 'Give points, durationMs and maxKeys as whole numbers above 0.',
  })
}
