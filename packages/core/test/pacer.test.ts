import { describe, expect, it } from 'vitest'
import { createPacer } from '../src/pacer.js'
import type { RateLimit, RateLimits } from '../src/rate-limits.js'

function createPaced(limits: { rate?: Partial<RateLimit>; quota?: Partial<RateLimit> }, options = {}) {
  const clock = { ms: 1_000_000 }
  const waits: number[] = []
  const complete = (limit: Partial<RateLimit> | undefined): RateLimit | null =>
    limit === undefined ? null : { limit: 300, remaining: 300, resetAt: new Date(clock.ms + 60_000), ...limit }
  const told: RateLimits = { rate: complete(limits.rate), quota: complete(limits.quota) }
  const pacer = createPacer(
    { rateLimits: () => told },
    {
      now: () => clock.ms,
      sleep: async (ms) => {
        waits.push(ms)
        clock.ms += ms
      },
      ...options,
    },
  )
  return { pacer, waits, clock }
}

describe('createPacer', () => {
  it('goes at once where nothing is known', async () => {
    const { pacer, waits } = createPaced({})
    expect([await pacer.waitForRoom(), waits, pacer.waitedMs]).toEqual(['go', [], 0])
  })

  it.each([
    [31, 0.1, []],
    [30, 0.1, [61_000]],
    [0, 0, [61_000]],
    [1, 0, []],
    [150, 0.5, [61_000]],
  ])('with %i of 300 left and a reserve of %d waits %j', async (remaining, reserve, expected) => {
    const { pacer, waits } = createPaced({ rate: { remaining } }, { reserve })
    expect(await pacer.waitForRoom()).toBe('go')
    expect(waits).toEqual(expected)
    expect(pacer.waitedMs).toBe(expected[0] ?? 0)
  })

  it('goes once the window is over', async () => {
    const { pacer, waits, clock } = createPaced({ rate: { remaining: 0 } })
    clock.ms += 61_000
    expect([await pacer.waitForRoom(), waits]).toEqual(['go', []])
  })

  it('waits for a used-up quota, but keeps none of it in reserve', async () => {
    expect(await createPaced({ quota: { remaining: 1 } }).pacer.waitForRoom()).toBe('go')
    const { pacer, waits } = createPaced({ rate: {}, quota: { remaining: 0, resetAt: new Date(1_100_000) } })
    expect([await pacer.waitForRoom(), waits]).toEqual(['go', [101_000]])
  })

  it('does not wait longer than maxWaitMs', async () => {
    const { pacer, waits } = createPaced({ quota: { remaining: 0, resetAt: new Date(9_000_000_000) } })
    expect([await pacer.waitForRoom(), waits]).toEqual(['exhausted', []])
    const exact = createPaced({ rate: { remaining: 0 } }, { maxWaitMs: 61_000 })
    expect(await exact.pacer.waitForRoom()).toBe('go')
    const short = createPaced({ rate: { remaining: 0 } }, { maxWaitMs: 60_999 })
    expect(await short.pacer.waitForRoom()).toBe('exhausted')
  })

  it.each([-0.1, 1, Number.NaN])('refuses the reserve %d', (reserve) => {
    expect(() => createPaced({}, { reserve })).toThrow(/reserve/)
  })
})
