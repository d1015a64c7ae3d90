import { describe, expect, it, vi } from 'vitest'
import type { KycAlarm } from '../src/alarms.js'
import { StorageError } from '../src/errors.js'
import type { FeedDelivery, FollowOptions } from '../src/follow-feed.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import type { KycStorage, Transition } from '../src/storage.js'
import { after, createTestEngine, START, USER } from './test-engine.js'

const QUICK: FollowOptions = { pollMs: 10, retryMs: 100, leaseMs: 30_000 }

/** An engine, and a follower whose handler does what `handle` says. */
function createFollowed(options: Parameters<typeof createTestEngine>[0] = {}) {
  const alarms: KycAlarm[] = []
  // The follower's waits move the clock, while events are on their way.
  const test = createTestEngine({ onAlarm: (alarm) => alarms.push(alarm), toleranceSeconds: 1e9, ...options })
  const stop = new AbortController()
  return {
    ...test,
    alarms,
    stop,
    follow: (
      handle: (transition: Transition, delivery: FeedDelivery) => unknown,
      { name = 'follower', ...given }: FollowOptions & { name?: string } = {},
    ) => test.engine.follow(name, handle, { ...QUICK, signal: stop.signal, ...given }),
    /** A new case whose inquiry went through these statuses, a second each. */
    async play(userId: string, ...statuses: string[]) {
      const { kycCase } = await test.engine.initiateKyc({ ...USER, userId })
      for (const [index, status] of statuses.entries()) {
        await test.deliver({
          id: `evt_${userId}_${index}`,
          name: 'inquiry.transitioned',
          createdAt: after(index + 1),
          inquiryId: kycCase.personaInquiryId ?? '',
          status,
        })
      }
      return kycCase
    },
  }
}

function keep(seen: string[], transition: Transition, stop: AbortController): void {
  seen.push(toKey(transition))
  stop.abort()
}

const toKey = ({ caseId, revision }: Transition) => `${caseId}/${revision}`

describe('follow', () => {
  it('hands over each transition once and in order, and goes on where it was', async () => {
    const { follow, play, stop, engine } = createFollowed()
    const a = await play('a', 'approved', 'declined')
    const seen: string[] = []
    const first = follow((transition) => {
      seen.push(toKey(transition))
      if (seen.length === 3) stop.abort()
    })
    const b = await play('b', 'approved')
    await first
    expect(seen).toEqual([`${a.id}/1`, `${a.id}/2`, `${b.id}/1`])
    await play('c', 'approved')
    const next = new AbortController()
    const again: string[] = []
    const handler = (transition: Transition) => {
      again.push(toKey(transition))
      next.abort()
    }
    await engine.follow('follower', handler, { ...QUICK, signal: next.signal })
    expect(again).toHaveLength(1)
    expect(again[0]).not.toBe(`${b.id}/1`)
  })

  it('tells the handler its attempt, the fencing token, and a signal that is not aborted', async () => {
    const { follow, play, stop } = createFollowed()
    await play('a', 'approved')
    const told: unknown[] = []
    await follow((_, { attempt, fencingToken, signal }) => {
      told.push({ attempt, fencingToken, aborted: signal.aborted })
      stop.abort()
    })
    expect(told).toEqual([{ attempt: 1, fencingToken: 1, aborted: false }])
  })

  it('retries with waits that double up to the longest, and keeps the order meanwhile', async () => {
    const { follow, play, stop, sleep } = createFollowed()
    const a = await play('a', 'approved', 'declined')
    const seen: string[] = []
    await follow(
      (transition, { attempt }) => {
        seen.push(`${toKey(transition)} ${attempt}`)
        if (transition.revision === 1 && attempt < 6) throw new Error('not yet')
        if (transition.revision === 2) stop.abort()
      },
      { maxRetryMs: 500 },
    )
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((attempt) => `${a.id}/1 ${attempt}`).concat(`${a.id}/2 1`))
    const waits = sleep.mock.calls.map(([ms]) => ms).filter((ms) => ms !== 10_000 && ms !== 10)
    expect(waits).toEqual([100, 200, 400, 500, 500])
  })

  it('puts aside what fails too often, and what follows it of the same case, and goes on with others', async () => {
    const { follow, play, stop, engine, alarms, logger } = createFollowed()
    const a = await play('a', 'approved', 'declined')
    const b = await play('b', 'approved')
    const seen: string[] = []
    await follow(
      (transition) => {
        seen.push(toKey(transition))
        if (transition.caseId === a.id) throw new TypeError('canary')
        stop.abort()
      },
      { maxAttempts: 3 },
    )
    expect(seen).toEqual([`${a.id}/1`, `${a.id}/1`, `${a.id}/1`, `${b.id}/1`])
    const { items } = await engine.listDeadLetters()
    expect(items).toMatchObject([
      { consumer: 'follower', reason: 'failed', attempts: 3, error: 'TypeError', transition: { revision: 1 } },
      { consumer: 'follower', reason: 'blocked', attempts: 0, error: null, transition: { revision: 2 } },
    ])
    expect(alarms).toEqual([
      { kind: 'dead_letter', consumer: 'follower', caseId: a.id, revision: 1, reason: 'failed' },
      { kind: 'dead_letter', consumer: 'follower', caseId: a.id, revision: 2, reason: 'blocked' },
    ])
    expect(JSON.stringify([items, alarms, logger.entries])).not.toContain('canary')
  })

  it('handles dead letters again when asked to, in the order of their case', async () => {
    const { follow, play, stop, engine } = createFollowed()
    const a = await play('a', 'approved', 'declined', 'approved')
    let isBroken = true
    const seen: string[] = []
    const following = follow(
      (transition) => {
        if (isBroken) throw new Error('broken')
        seen.push(toKey(transition))
        if (seen.length === 3) stop.abort()
      },
      { maxAttempts: 1 },
    )
    await vi.waitFor(async () => expect((await engine.listDeadLetters()).items).toHaveLength(3))
    isBroken = false
    expect(await engine.replayDeadLetters('follower', { caseId: a.id })).toBe(3)
    await following
    expect(seen).toEqual([`${a.id}/1`, `${a.id}/2`, `${a.id}/3`])
    expect((await engine.listDeadLetters()).items).toEqual([])
    expect(await engine.replayDeadLetters('follower')).toBe(0)
  })

  it('keeps a dead letter that fails again, and waits to be asked again', async () => {
    const { follow, play, stop, engine } = createFollowed()
    await play('a', 'approved', 'declined')
    let calls = 0
    const following = follow(
      () => {
        calls += 1
        throw new RangeError('still')
      },
      { maxAttempts: 1 },
    )
    await vi.waitFor(async () => expect((await engine.listDeadLetters()).items).toHaveLength(2))
    await engine.replayDeadLetters('follower')
    await vi.waitFor(async () =>
      expect((await engine.listDeadLetters()).items).toMatchObject([
        { attempts: 2, error: 'RangeError', replayRequestedAt: null },
        { reason: 'blocked', replayRequestedAt: null },
      ]),
    )
    expect(calls).toBe(2)
    stop.abort()
    await following
  })

  it('is done by one of many, and another goes on when that one stops', async () => {
    const { play, createOther } = createFollowed()
    const seen: string[] = []
    const stops = [new AbortController(), new AbortController(), new AbortController()]
    const busy = { now: 0, most: 0 }
    const handler = (name: number) => async (transition: Transition) => {
      busy.now += 1
      busy.most = Math.max(busy.most, busy.now)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(toKey(transition))
      busy.now -= 1
      if (name === 0 && seen.length % 2 === 0) stops[0]?.abort()
    }
    const a = await play('a', 'approved', 'declined', 'approved', 'declined')
    const following = stops.map(({ signal }, name) =>
      createOther().follow('follower', handler(name), { ...QUICK, signal }),
    )
    await vi.waitFor(() => expect(seen).toHaveLength(4))
    for (const stop of stops) stop.abort()
    await Promise.all(following)
    expect(seen).toEqual([1, 2, 3, 4].map((revision) => `${a.id}/${revision}`))
    expect(busy.most).toBe(1)
  })

  it('begins nothing once its process has slept longer than its lease', async () => {
    const { follow, play, stop, clock, storage } = createFollowed({
      // Renewals never come: the process sleeps.
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (ms < 1000) setImmediate(resolve)
          else signal?.addEventListener('abort', () => resolve())
        }),
    })
    await play('a', 'approved', 'declined')
    const seen: number[] = []
    const following = follow(async ({ revision }, { fencingToken }) => {
      seen.push(revision, fencingToken)
      if (revision === 1 && fencingToken === 1) {
        clock.ms += 60_000
        await storage.leaseConsumer('follower', { now: new Date(clock.ms), until: new Date(clock.ms + 50) })
        setImmediate(() => (clock.ms += 100))
      }
      if (revision === 2) stop.abort()
    })
    await following
    // The first was done twice, for its end came too late to count; the second was never begun under the old token.
    expect(seen).toEqual([1, 1, 1, 3, 2, 3])
  })

  it('tells a handler by its signal that the lease is lost', async () => {
    const { follow, play, stop, storage, clock } = createFollowed()
    await play('a', 'approved')
    const outcomes: boolean[] = []
    await follow(async (_, { signal, fencingToken }) => {
      if (fencingToken === 1) {
        clock.ms += 40_000
        await storage.leaseConsumer('follower', { now: new Date(clock.ms), until: new Date(clock.ms + 1) })
        await vi.waitFor(() => expect(signal.aborted).toBe(true))
        outcomes.push(signal.aborted)
        throw new Error('gave up')
      }
      stop.abort()
    })
    expect(outcomes).toEqual([true])
  })

  it('counts an attempt for each process that died with a transition, and puts it aside in the end', async () => {
    const { play, follow, stop, storage, clock, engine } = createFollowed()
    const a = await play('a', 'approved')
    const b = await play('b', 'approved')
    for (let death = 0; death < 4; death++) {
      clock.ms += 60_000
      await storage.leaseConsumer('follower', { now: new Date(clock.ms), until: new Date(clock.ms + 1) })
    }
    clock.ms += 60_000
    const seen: string[] = []
    await follow((transition) => keep(seen, transition, stop), { maxAttempts: 4 })
    expect(seen).toEqual([`${b.id}/1`])
    expect((await engine.listDeadLetters()).items).toMatchObject([{ transition: { caseId: a.id }, attempts: 4 }])
  })

  it('waits out a storage that is away', async () => {
    const memory = createMemoryStorage()
    let failures = 5
    const shaky = (name: 'leaseConsumer' | 'readFeed' | 'saveConsumer' | 'hasDeadLetter') =>
      (async (...args: never[]) => {
        if (failures-- > 0) throw new StorageError('storage_unavailable', { problem: 'Away.', fix: 'Wait.' })
        return (memory[name] as (...given: never[]) => unknown)(...args)
      }) as never
    const storage: KycStorage = {
      ...memory,
      leaseConsumer: shaky('leaseConsumer'),
      readFeed: shaky('readFeed'),
      saveConsumer: shaky('saveConsumer'),
      hasDeadLetter: shaky('hasDeadLetter'),
    }
    const { follow, play, stop, logger } = createFollowed({ storage })
    await play('a', 'approved')
    const seen: string[] = []
    await follow((transition) => keep(seen, transition, stop))
    expect(seen).toHaveLength(1)
    expect(logger.entries.filter(({ message }) => message.startsWith('follower interrupted'))).toHaveLength(5)
  })

  it('rejects when its place is one of another database', async () => {
    const { follow, storage } = createFollowed()
    const lease = await storage.leaseConsumer('follower', { now: new Date(0), until: new Date(1) })
    const cursor = (await createMemoryStorage().readFeed({ after: null, limit: 1 })).next
    const progress = { fence: lease?.fence ?? 0, attempts: 0, until: new Date(1), deadLetter: null }
    await storage.saveConsumer('follower', { ...progress, cursor })
    await expect(follow(() => {})).rejects.toMatchObject({ code: 'argument_invalid' })
    expect(await storage.listConsumers()).toMatchObject([{ leasedUntil: null }])
  })

  it.each([
    ['', {}],
    ['$reconciler', {}],
    ['Upper', {}],
    ['x'.repeat(64), {}],
    ['ok', { maxAttempts: 0 }],
    ['ok', { leaseMs: 99 }],
    ['ok', { pollMs: 0 }],
    ['ok', { retryMs: -1 }],
    ['ok', { maxRetryMs: 1.5 }],
    ['ok', { pollMs: 2 ** 31 }],
  ])('refuses the name %j with %j', async (name, options) => {
    const { engine } = createTestEngine()
    await expect(engine.follow(name, () => {}, options)).rejects.toMatchObject({ code: 'argument_invalid' })
  })

  it('ends at once when its signal is aborted already, and leaves no consumer behind', async () => {
    const { follow, stop, storage } = createFollowed()
    stop.abort()
    await follow(() => {})
    expect(await storage.listConsumers()).toEqual([])
  })

  it('gives its lease back when it stops, and leaves no listener', async () => {
    const { follow, stop, storage, clock } = createFollowed()
    const following = follow(() => {})
    await vi.waitFor(async () => expect(await storage.listConsumers()).toMatchObject([{ fence: 1 }]))
    stop.abort()
    await following
    expect(await storage.listConsumers()).toMatchObject([{ leasedUntil: null, attempts: 0, cursor: null }])
    expect(clock.ms).toBeGreaterThanOrEqual(START)
  })
})
