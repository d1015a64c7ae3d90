import type { PersonaClient } from './client.js'
import { ConfigurationError } from './errors.js'
import type { RateLimit } from './rate-limits.js'

/** What {@link createPacer} needs. */
export interface PacerOptions {
  /** The part of the rate limit that is left to others, 0 to 1. Default 0.1. */
  readonly reserve?: number | undefined
  /** A longer wait than this many milliseconds is not waited. Default 120,000. */
  readonly maxWaitMs?: number | undefined
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** Keeps calls in bulk below Persona's limits. */
export interface Pacer {
  /** Resolves with `go` once there is room for one more call, with `exhausted` when that would take too long. */
  waitForRoom(signal?: AbortSignal): Promise<'go' | 'exhausted'>
  /** Time spent waiting so far, in milliseconds. */
  readonly waitedMs: number
}

/** Persona tells whole seconds, rounded one way or the other. */
const MARGIN_MS = 1000

/**
 * Returns a pacer for one caller at a time. It goes by what the newest answer told, whoever's call that was: as long as
 * more than the reserve remains, there is room; else it waits until the window ends. A used-up quota is waited for too.
 *
 * @throws ConfigurationError when the reserve is not between 0 and 1.
 */
export function createPacer(persona: Pick<PersonaClient, 'rateLimits'>, options: PacerOptions): Pacer {
  const { reserve = 0.1, maxWaitMs = 120_000, now, sleep } = options
  requireReserve(reserve)
  let waitedMs = 0
  const waitMsFor = (limit: RateLimit | null, kept: number) => {
    if (limit === null || limit.remaining > Math.ceil(limit.limit * kept)) return 0
    const leftMs = limit.resetAt.getTime() - now()
    // After the window's end nothing is known of the next one, which this call opens.
    return leftMs + MARGIN_MS <= 0 ? 0 : leftMs + MARGIN_MS
  }
  return {
    get waitedMs() {
      return waitedMs
    },
    async waitForRoom(signal) {
      const { rate, quota } = persona.rateLimits()
      const waitMs = Math.max(waitMsFor(rate, reserve), waitMsFor(quota, 0))
      if (waitMs > maxWaitMs) return 'exhausted'
      if (waitMs > 0) await sleep(waitMs, signal)
      waitedMs += waitMs
      return 'go'
    },
  }
}

function requireReserve(reserve: number): void {
  if (reserve >= 0 && reserve < 1) return
  throw new ConfigurationError({
    problem: 'reserve is no part of the rate limit.',
    fix: 'Give a number from 0, and below 1: 0.1 leaves a tenth to others.',
  })
}
