import type { KycStorage, NewDeadLetter, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'
import { walk } from './pages.js'
import { addCase, move } from './steps.js'

const FREE = { now: at(0), until: at(1000) }

/** Who may act for a consumer, and what a consumer leaves behind. */
export const consumerCases: readonly ConformanceCase[] = [
  check('there are no consumers and no dead letters at first', async (storage) => {
    expect(await storage.listConsumers()).toEqual([])
    expect(await listLetters(storage)).toEqual([])
    expect(await storage.hasDeadLetter('c', 'a')).toBe(false)
    expect(await storage.requestReplay('c', { caseId: null, now: at(0) })).toBe(0)
  }),

  check('leaseConsumer gives a consumer to one at a time, with a higher fencing token each time', async (storage) => {
    const first = requireFound(await storage.leaseConsumer('c', FREE))
    expect(first).toEqual({ fence: expect.any(Number), cursor: null, attempts: 0 })
    expect(await storage.leaseConsumer('c', { now: at(999), until: at(3000) })).toBeNull()
    expect(await storage.leaseConsumer('another', FREE)).toMatchObject({ cursor: null })
    const second = requireFound(await storage.leaseConsumer('c', { now: at(1000), until: at(2000) }))
    expect(second.fence).toBeGreaterThan(first.fence)
    await storage.releaseConsumer('c', second.fence)
    const third = requireFound(await storage.leaseConsumer('c', { now: at(1001), until: at(2000) }))
    expect(third.fence).toBeGreaterThan(second.fence)
    expect((await storage.listConsumers()).map(({ name, leasedUntil }) => [name, leasedUntil])).toEqual([
      ['another', at(1000)],
      ['c', at(2000)],
    ])
  }),

  check('leaseConsumer gives a consumer to exactly one of many who ask at once', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const leases = await together(20, () => storage.leaseConsumer(`c-${round}`, FREE))
      expect(leases.filter((lease) => lease !== null)).toHaveLength(1)
      const taken = await together(20, () => storage.leaseConsumer(`c-${round}`, { now: at(1000), until: at(2000) }))
      expect(taken.filter((lease) => lease !== null)).toHaveLength(1)
    }
  }),

  check(
    'leaseConsumer counts an attempt for a holder that never gave back, and none for one that did',
    async (storage) => {
      const first = requireFound(await storage.leaseConsumer('c', FREE))
      await storage.saveConsumer('c', {
        fence: first.fence,
        cursor: 'x',
        attempts: 2,
        until: at(1000),
        deadLetter: null,
      })
      const second = requireFound(await storage.leaseConsumer('c', { now: at(1000), until: at(2000) }))
      expect(second).toMatchObject({ cursor: 'x', attempts: 3 })
      await storage.releaseConsumer('c', second.fence)
      expect(await storage.leaseConsumer('c', { now: at(1001), until: at(2000) })).toMatchObject({ attempts: 3 })
    },
  ),

  check('a fenced-off holder changes nothing', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'approved', 1)
    const old = requireFound(await storage.leaseConsumer('c', FREE))
    const letter = toLetter('a', 1)
    const progress = { fence: old.fence, cursor: 'old', attempts: 7, until: at(9000), deadLetter: letter }
    const current = requireFound(await storage.leaseConsumer('c', { now: at(1000), until: at(2000) }))
    const settling = { fence: old.fence, caseId: 'a', revision: 1, error: null }
    expect(await storage.renewConsumer('c', { fence: old.fence, until: at(9000) })).toBe(false)
    expect(await storage.saveConsumer('c', progress)).toBe(false)
    await storage.releaseConsumer('c', old.fence)
    expect(await listLetters(storage)).toEqual([])
    expect(await storage.listConsumers()).toEqual([
      { name: 'c', fence: current.fence, cursor: null, attempts: 1, leasedUntil: at(2000), deadLetters: 0 },
    ])
    expect(await storage.saveConsumer('c', { ...progress, fence: current.fence, cursor: 'new' })).toBe(true)
    expect(await storage.settleDeadLetter('c', { ...settling, result: 'done' })).toBe(false)
    expect(await storage.settleDeadLetter('c', { ...settling, result: 'failed' })).toBe(false)
    expect(await listLetters(storage)).toMatchObject([{ attempts: letter.attempts }])
  }),

  check('a lease that was given back is no longer good', async (storage) => {
    const { fence } = requireFound(await storage.leaseConsumer('c', FREE))
    await storage.releaseConsumer('c', fence)
    expect(await storage.renewConsumer('c', { fence, until: at(9000) })).toBe(false)
    const progress = { fence, cursor: 'late', attempts: 0, until: at(9000), deadLetter: null }
    expect(await storage.saveConsumer('c', progress)).toBe(false)
    expect(await storage.renewConsumer('unknown', { fence: 1, until: at(9000) })).toBe(false)
    expect(await storage.listConsumers()).toMatchObject([{ cursor: null, leasedUntil: null }])
  }),

  check('renewConsumer and saveConsumer extend the lease', async (storage) => {
    const { fence } = requireFound(await storage.leaseConsumer('c', FREE))
    expect(await storage.renewConsumer('c', { fence, until: at(2000) })).toBe(true)
    expect(await storage.leaseConsumer('c', { now: at(1999), until: at(5000) })).toBeNull()
    const progress = { fence, cursor: 'x', attempts: 0, until: at(3000), deadLetter: null }
    expect(await storage.saveConsumer('c', progress)).toBe(true)
    expect(await storage.leaseConsumer('c', { now: at(2999), until: at(5000) })).toBeNull()
  }),

  check('dead letters are listed in order, by consumer, with their transitions', async (storage) => {
    for (const id of ['a', 'b']) await addCase(storage, id)
    const transitions: (Transition | null)[] = []
    for (const [index, status] of (['approved', 'declined', 'approved'] as const).entries()) {
      transitions.push((await move(storage, 'a', status, index)).transition)
    }
    transitions.push((await move(storage, 'b', 'approved', 1)).transition)
    await park(storage, 'c', [
      toLetter('b', 1),
      toLetter('a', 2, 'blocked'),
      toLetter('a', 1),
      toLetter('a', 3, 'blocked'),
    ])
    await park(storage, 'd', [toLetter('b', 1)])
    const places = [
      [0, 'failed'],
      [1, 'blocked'],
      [2, 'blocked'],
      [3, 'failed'],
    ] as const
    const ofC = places.map(([index, reason]) => ({
      consumer: 'c',
      transition: transitions[index],
      reason,
      attempts: 10,
      error: 'Error',
      parkedAt: at(500),
      replayRequestedAt: null,
    }))
    const ofD = { ...requireFound(ofC[3]), consumer: 'd' }
    for (const limit of [1, 2, 5, 6]) {
      expect(await listLetters(storage, { limit })).toEqual([...ofC, ofD])
      expect(await listLetters(storage, { limit, consumer: 'c' })).toEqual(ofC)
      expect(await listLetters(storage, { limit, isDue: true })).toEqual([])
    }
    expect(await storage.hasDeadLetter('c', 'a')).toBe(true)
    expect(await storage.hasDeadLetter('d', 'a')).toBe(false)
    expect((await storage.listConsumers()).map(({ deadLetters }) => deadLetters)).toEqual([4, 1])
  }),

  check('requestReplay makes all letters of a case due, and a failure takes the request back', async (storage) => {
    for (const id of ['a', 'b']) await addCase(storage, id)
    for (const [index, status] of (['approved', 'declined'] as const).entries()) {
      for (const id of ['a', 'b']) await move(storage, id, status, index)
    }
    const fence = await park(storage, 'c', [toLetter('a', 1), toLetter('a', 2, 'blocked'), toLetter('b', 1)])
    expect(await storage.requestReplay('c', { caseId: 'a', now: at(600) })).toBe(2)
    const due = () => listLetters(storage, { isDue: true, consumer: 'c' })
    expect((await due()).map(({ transition }) => [transition.caseId, transition.revision])).toEqual([
      ['a', 1],
      ['a', 2],
    ])
    await park(storage, 'c', [toLetter('b', 2, 'blocked')], fence)
    const letter = { fence, caseId: 'a', revision: 1 }
    expect(await storage.settleDeadLetter('c', { ...letter, result: 'failed', error: 'TypeError' })).toBe(true)
    expect(await due()).toEqual([])
    expect((await listLetters(storage)).slice(0, 2)).toMatchObject([
      { attempts: 11, error: 'TypeError', reason: 'failed', replayRequestedAt: null },
      { attempts: 10, error: 'Error', reason: 'blocked', replayRequestedAt: null },
    ])
    expect(await storage.requestReplay('c', { caseId: null, now: at(700) })).toBe(4)
    expect(await storage.settleDeadLetter('c', { ...letter, result: 'done', error: null })).toBe(true)
    expect((await due()).map(({ transition }) => [transition.caseId, transition.revision])).toEqual([
      ['a', 2],
      ['b', 1],
      ['b', 2],
    ])
  }),

  check('saveConsumer keeps the first of two letters of one transition; an unknown one is settled', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'approved', 1)
    const fence = await park(storage, 'c', [toLetter('a', 1), { ...toLetter('a', 1, 'blocked'), attempts: 99 }])
    expect(await listLetters(storage)).toMatchObject([{ reason: 'failed', attempts: 10 }])
    const unknown = { fence, caseId: 'a', revision: 2, error: null }
    expect(await storage.settleDeadLetter('c', { ...unknown, result: 'done' })).toBe(true)
    expect(await storage.settleDeadLetter('c', { ...unknown, caseId: 'b', result: 'failed' })).toBe(true)
    expect(await listLetters(storage)).toHaveLength(1)
  }),

  check('a letter that comes later to a case with a request for replay is due with it', async (storage) => {
    await addCase(storage, 'a')
    for (const [index, status] of (['approved', 'declined'] as const).entries()) await move(storage, 'a', status, index)
    const fence = await park(storage, 'c', [toLetter('a', 1)])
    await storage.requestReplay('c', { caseId: 'a', now: at(600) })
    await park(storage, 'c', [toLetter('a', 2, 'blocked')], fence)
    expect(await listLetters(storage, { isDue: true })).toHaveLength(2)
  }),

  check('watchFeed calls after the feed has grown, until it is ended', async (storage) => {
    await addCase(storage, 'a')
    let calls = 0
    let ring = () => {}
    const rung = () => new Promise<void>((resolve) => (ring = resolve))
    const stop = storage.watchFeed(() => {
      calls += 1
      ring()
    })
    const first = rung()
    // A storage may begin to listen a little later than it is asked to.
    for (let turn = 0; calls === 0 && turn < 200; turn++) {
      await move(storage, 'a', turn % 2 === 0 ? 'approved' : 'declined', turn)
      await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 50))])
    }
    expect(calls, 'a watcher is called').toBeGreaterThan(0)
    stop()
    stop()
  }),
]

function toLetter(caseId: string, revision: number, reason: NewDeadLetter['reason'] = 'failed'): NewDeadLetter {
  return { caseId, revision, reason, attempts: 10, error: 'Error', parkedAt: at(500) }
}

/** Leaves dead letters behind for a consumer; resolves with the fencing token. */
async function park(storage: KycStorage, name: string, letters: NewDeadLetter[], held?: number): Promise<number> {
  const fence = held ?? requireFound(await storage.leaseConsumer(name, FREE)).fence
  for (const deadLetter of letters) {
    const progress = { fence, cursor: 'x', attempts: 0, until: at(1000), deadLetter }
    expect(await storage.saveConsumer(name, progress)).toBe(true)
  }
  return fence
}

function listLetters(
  storage: KycStorage,
  { consumer = null, isDue = false, limit = 100 }: { consumer?: string | null; isDue?: boolean; limit?: number } = {},
) {
  return walk((after) => storage.listDeadLetters({ consumer, isDue, after, limit }))
}
