import fc from 'fast-check'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigurationError } from '../src/errors.js'
import { createMemoryRateLimiter, type MemoryRateLimiterOptions, type RateLimiter } from '../src/rate-limiter.js'
import { toCpuMs } from './cpu-time.js'

/** A limiter whose clock is set by hand. */
function start(options: Partial<MemoryRateLimiterOptions> = {}) {
  const clock = { ms: 1_000_000 }
  const limiter = createMemoryRateLimiter({ points: 2, durationMs: 1000, now: () => clock.ms, ...options })
  /** 0 where the point was there, else the milliseconds to wait. */
  const take = async (key = 'a') => (await toOutcome(limiter, key)).msBeforeNext
  return { clock, limiter, take }
}

async function toOutcome(limiter: RateLimiter, key: string) {
  const answer = await limiter.consume(key).then(
    () => ({ msBeforeNext: 0 }),
    (reason: unknown) => reason,
  )
  expect(answer).toEqual(expect.objectContaining({ msBeforeNext: expect.any(Number) }))
  return answer as { readonly msBeforeNext: number }
}

describe('a limiter in memory', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('lets through what RateLimiterMemory does, and tells the same time to wait', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      // Also exactly to the end of a window, and a millisecond beside it.
      waitMs: fc.oneof(fc.constantFrom(0, 1, 999, 1000, 1001, 1999, 2000), fc.nat(2500)),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 2 }),
        fc.array(step, { minLength: 1, maxLength: 40 }),
        async (points, duration, steps) => {
          const oracle = new RateLimiterMemory({ points, duration })
          const limiter = createMemoryRateLimiter({ points, durationMs: duration * 1000 })
          for (const { key, waitMs } of steps) {
            vi.advanceTimersByTime(waitMs)
            const expected = await oracle.consume(key).then(
              () => 0,
              ({ msBeforeNext }: { msBeforeNext: number }) => msBeforeNext,
            )
            expect((await toOutcome(limiter, key)).msBeforeNext).toBe(expected)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('needs no timer', async () => {
    const limiter = createMemoryRateLimiter({ points: 1, durationMs: 1000 })
    await limiter.consume('a')
    await toOutcome(limiter, 'a')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('its window', () => {
  it('begins with the first use, and ends for all of its points at once', async () => {
    const { clock, take } = start()
    expect(await take()).toBe(0)
    clock.ms += 999
    expect([await take(), await take()]).toEqual([0, 1])
    clock.ms += 1
    expect([await take(), await take(), await take()]).toEqual([0, 0, 1000])
  })

  it('is not made longer by those who are refused', async () => {
    const { clock, take } = start({ points: 1 })
    await take()
    const waits = []
    for (let asked = 0; asked < 10; asked += 1) {
      clock.ms += 100
      waits.push(await take())
    }
    expect(waits).toEqual([900, 800, 700, 600, 500, 400, 300, 200, 100, 0])
  })

  it('is one of each key', async () => {
    const { take } = start({ points: 1 })
    expect([await take('a'), await take('b'), await take(''), await take('__proto__')]).toEqual([0, 0, 0, 0])
    expect([await take('a'), await take('b'), await take(''), await take('__proto__')]).toEqual(Array(4).fill(1000))
  })

  it('lets exactly its points through when 50 ask at once', async () => {
    const { limiter } = start({ points: 10 })
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => limiter.consume('a')))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(new Set(outcomes.slice(10).map(({ status }) => status))).toEqual(new Set(['rejected']))
  })

  it('is refused with a time to wait that is never 0, and nothing of the key', async () => {
    const { clock, limiter } = start({ points: 1 })
    await limiter.consume('canary-9f31c7')
    clock.ms += 999.9
    const answer = await toOutcome(limiter, 'canary-9f31c7')
    expect(answer).toEqual({ msBeforeNext: 1 })
    expect(answer).not.toBeInstanceOf(Error)
  })
})

describe('a clock that goes back', () => {
  it.each([1, 500, 1000, 3_600_000])('by %i ms gives nobody more points', async (backMs) => {
    const { clock, take } = start()
    expect([await take(), await take()]).toEqual([0, 0])
    clock.ms -= backMs
    expect(await take()).toBeGreaterThan(0)
  })

  it.each([1, 1000, 3_600_000])('by %i ms lets nobody wait longer than a window lasts', async (backMs) => {
    const { clock, take } = start({ points: 1 })
    await take()
    clock.ms -= backMs
    expect(await take()).toBe(1000)
    clock.ms += 999
    expect(await take()).toBe(1)
    clock.ms += 1
    expect(await take()).toBe(0)
  })

  it('and forth ends a window behind one that ends later', async () => {
    const { clock, take } = start({ points: 1 })
    await take('a')
    clock.ms -= 3_600_000
    await take('b')
    clock.ms += 1000
    expect([await take('b'), await take('b')]).toEqual([0, 1000])
    clock.ms += 3_600_000
    expect([await take('a'), await take('b')]).toEqual([0, 0])
  })

  it('still lets the oldest keys make way', async () => {
    const { clock, take } = start({ points: 1, maxKeys: 2 })
    await take('a')
    clock.ms -= 3_600_000
    for (const key of ['b', 'c', 'd']) expect(await take(key)).toBe(0)
    expect(await take('d')).toBe(1000)
    expect(await take('a')).toBe(0)
  })
})

describe('the number of its keys', () => {
  it('is bounded: the oldest makes way for a new one', async () => {
    const { take } = start({ points: 1, maxKeys: 2 })
    expect([await take('a'), await take('b')]).toEqual([0, 0])
    expect([await take('a'), await take('b')]).toEqual([1000, 1000])
    expect(await take('c')).toBe(0)
    expect([await take('b'), await take('c')]).toEqual([1000, 1000])
    expect(await take('a')).toBe(0)
  })

  it('lets nobody make way for a key that is there, or for one whose window has ended', async () => {
    const { clock, take } = start({ points: 2, maxKeys: 2 })
    await take('a')
    clock.ms += 500
    await take('b')
    await take('b')
    await take('a')
    expect([await take('a'), await take('b')]).toEqual([500, 1000])
    clock.ms += 500
    expect([await take('c'), await take('b')]).toEqual([0, 500])
  })

  it('may be one', async () => {
    const { take } = start({ points: 1, maxKeys: 1 })
    expect([await take('a'), await take('a'), await take('b'), await take('a')]).toEqual([0, 1000, 0, 0])
  })

  it.each<[string, { stepMs: number; maxKeys?: number; expected: number }]>([
    ['100,000 by default', { stepMs: 0, expected: 100_000 }],
    ['as said', { stepMs: 0, maxKeys: 500, expected: 500 }],
    ['those of one window, for one that has ended is forgotten', { stepMs: 1, expected: 1000 }],
  ])(
    'stays bounded with 1,000,000 of them, in a constant number of steps for each: %s',
    (_name, given) => {
      const { stepMs, maxKeys, expected } = given
      const { clock, limiter } = start({ maxKeys })
      const { steps, most, cpuMs } = countSteps(() => {
        for (let index = 0; index < 1_000_000; index += 1) {
          clock.ms += stepMs
          void limiter.consume(`key-${index}`)
        }
      })
      expect(most).toBe(expected)
      expect(steps).toBeLessThanOrEqual(3_000_000)
      // A map that is asked for its first key takes more than 100 seconds: it walks over those that were deleted.
      expect(cpuMs).toBeLessThan(20_000)
    },
    120_000,
  )

  it('is forgotten in a constant number of steps for each also where all windows end at once', () => {
    const { clock, limiter } = start()
    const { steps, most } = countSteps(() => {
      for (let round = 0; round < 10; round += 1) {
        for (let index = 0; index < 50_000; index += 1) void limiter.consume(`key-${round}-${index}`)
        clock.ms += 1000
      }
    })
    expect(most).toBe(50_000)
    expect(steps).toBeLessThanOrEqual(1_500_000)
  }, 120_000)
})

/** What that takes of maps, which must not be asynchronous: how many steps, and how many keys one has at most. */
function countSteps(run: () => void) {
  const map = Map.prototype
  const iterator = Object.getPrototypeOf(new Map().entries()) as { next(): unknown }
  const original = { get: map.get, set: map.set, delete: map.delete, next: iterator.next }
  const count = { steps: 0, most: 0, cpuMs: 0 }
  map.get = function (key) {
    count.steps += 1
    return original.get.call(this, key)
  }
  map.delete = function (key) {
    count.steps += 1
    return original.delete.call(this, key)
  }
  map.set = function (key, value) {
    count.steps += 1
    original.set.call(this, key, value)
    count.most = Math.max(count.most, this.size)
    return this
  }
  iterator.next = function () {
    count.steps += 1
    return original.next.call(this)
  }
  try {
    count.cpuMs = toCpuMs(run)
  } finally {
    Object.assign(map, { get: original.get, set: original.set, delete: original.delete })
    iterator.next = original.next
  }
  return count
}

describe('createMemoryRateLimiter', () => {
  it.each(['points', 'durationMs', 'maxKeys'] as const)(
    'is refused at once where %s is no number that limits',
    (name) => {
      for (const value of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
        const options = { points: 1, durationMs: 1000, maxKeys: 10, [name]: value }
        expect(() => createMemoryRateLimiter(options)).toThrow(ConfigurationError)
      }
    },
  )

  it('counts by the clock of the machine by default', async () => {
    vi.useFakeTimers({ now: 5_000_000, toFake: ['Date'] })
    try {
      const limiter = createMemoryRateLimiter({ points: 1, durationMs: 1000 })
      await limiter.consume('a')
      expect(await toOutcome(limiter, 'a')).toEqual({ msBeforeNext: 1000 })
      vi.setSystemTime(5_001_000)
      expect(await toOutcome(limiter, 'a')).toEqual({ msBeforeNext: 0 })
    } finally {
      vi.useRealTimers()
    }
  })
})
