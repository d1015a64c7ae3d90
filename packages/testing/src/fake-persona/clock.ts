/** The fake's time. */
export interface FakeClock {
  /** The injected clock, in milliseconds since the epoch. */
  now(): number
  /** An ISO instant with milliseconds that is later than every instant given before, also on a clock that stands still. */
  nextInstant(): string
}

/** Returns a {@link FakeClock} over `now`. */
export function createFakeClock(now: () => number): FakeClock {
  let last = Number.NEGATIVE_INFINITY
  return {
    now,
    nextInstant() {
      last = Math.max(Math.floor(now()), last + 1)
      return new Date(last).toISOString()
    },
  }
}
