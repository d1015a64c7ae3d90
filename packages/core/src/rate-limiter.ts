import { ConfigurationError } from './errors.js'

/**
 * Counts what callers do. The limiters of the npm package `rate-limiter-flexible` are of this shape, those that count
 * in Redis for all processes among them.
 */
export interface RateLimiter {
  /**
   * Takes a point of the key. Must resolve while the key has points left; must reject with `msBeforeNext`, in
   * milliseconds, when it has none; an Error means that nobody can tell, and lets the request through.
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

interface Window {
  readonly endsAt: number
  used: number
}

/**
 * Returns a limiter that counts in this process, in bounded memory and without timers.
 *
 * @throws ConfigurationError when an option is no whole number above 0.
 */
export function createMemoryRateLimiter(options: MemoryRateLimiterOptions): RateLimiter {
  const { points, durationMs, maxKeys = 100_000, now = Date.now } = options
  for (const value of [points, durationMs, maxKeys]) requireCount(value)
  // In the order of their beginning, which is that of their end.
  const windows = new Map<string, Window>()
  return {
    async consume(key) {
      const time = now()
      const window = openWindow(windows, key, time, { durationMs, maxKeys })
      if (window.used >= points) throw new RateLimitReached(Math.max(1, window.endsAt - time))
      window.used += 1
    },
  }
}

function openWindow(
  windows: Map<string, Window>,
  key: string,
  time: number,
  { durationMs, maxKeys }: { durationMs: number; maxKeys: number },
): Window {
  dropEnded(windows, time)
  const current = windows.get(key)
  if (current !== undefined && current.endsAt > time) return current
  windows.delete(key)
  const [oldest] = windows.keys()
  if (windows.size >= maxKeys && oldest !== undefined) windows.delete(oldest)
  const opened = { endsAt: time + durationMs, used: 0 }
  windows.set(key, opened)
  return opened
}

function dropEnded(windows: Map<string, Window>, time: number): void {
  for (const [key, { endsAt }] of windows) {
    if (endsAt > time) return
    windows.delete(key)
  }
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
