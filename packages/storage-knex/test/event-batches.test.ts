import type { NewEvent, RecordedEvent } from '@persona-kyc/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEventBatches } from '../src/event-batches.js'

/** A writer whose commits end when the test says so. */
function createWriter() {
  const commits: { ids: string[]; end(): void; fail(error: unknown): void }[] = []
  const held = new Set<string>()
  const outage = new Error('outage')
  const record = createEventBatches({
    async recordAll(events) {
      const ids = events.map(({ id }) => id)
      await new Promise<void>((end, fail) => commits.push({ ids, end, fail }))
      return ids.map((id) => (held.has(id) ? null : Promise.resolve(toRecorded(id))))
    },
    isOutage: (error) => error === outage,
  })
  return { record, commits, held, outage }
}

/** Tells an event from others by its case alone. */
function toRecorded(id: string): RecordedEvent {
  return { outcome: 'stale', kycCase: { id } as RecordedEvent['kycCase'], transition: null }
}

function newEvent(id: string, inquiryId: string | null = `inq_${id}`, referenceId: string | null = null): NewEvent {
  return {
    id,
    name: 'inquiry.started',
    inquiryId,
    referenceId,
    createdAt: null,
    effect: null,
    receivedAt: new Date(0),
    delivery: null,
  }
}

/** Lets everything happen that needs no time. */
async function flush(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('createEventBatches', () => {
  it('records a lone event at once, and leaves no timer', async () => {
    const { record, commits } = createWriter()
    const recorded = record(newEvent('a'))
    expect(commits.map(({ ids }) => ids)).toEqual([['a']])
    commits[0]?.end()
    await flush()
    expect(await recorded).toEqual(toRecorded('a'))
    expect(vi.getTimerCount()).toBe(0)
  })

  it('records together what came during a commit, and answers each after its own', async () => {
    const { record, commits } = createWriter()
    const settled: string[] = []
    const all = ['a', 'b', 'c', 'd'].map((id) => record(newEvent(id)).then(() => settled.push(id)))
    expect(commits.map(({ ids }) => ids)).toEqual([['a']])
    commits[0]?.end()
    await flush()
    expect(commits.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c', 'd']])
    expect(settled).toEqual(['a'])
    commits[1]?.end()
    await Promise.all(all)
    expect(settled).toEqual(['a', 'b', 'c', 'd'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['the same event', [newEvent('b'), newEvent('b', 'inq_other')]],
    ['the same inquiry', [newEvent('b', 'inq_x'), newEvent('c', 'inq_x')]],
    ['the same case', [newEvent('b', 'inq_x', 'case'), newEvent('c', 'inq_y', 'case')]],
  ])('keeps apart what is of %s, in its order', async (_name, [first, second]) => {
    const { record, commits } = createWriter()
    const all = [newEvent('a'), first ?? newEvent('b'), newEvent('z'), second ?? newEvent('c')].map(record)
    commits[0]?.end()
    await flush()
    expect(commits[1]?.ids).toEqual([first?.id, 'z'])
    commits[1]?.end()
    await flush()
    expect(commits[2]?.ids).toEqual([second?.id])
    commits[2]?.end()
    expect((await all[3])?.kycCase?.id).toBe(second?.id)
  })

  it('lets nobody wait for the many events of one inquiry, or the many copies of one event', async () => {
    const { record, commits } = createWriter()
    const many = [
      ...Array.from({ length: 5000 }, (_, index) => newEvent(`of-one-${index}`, 'inq_one')),
      ...Array.from({ length: 5000 }, () => newEvent('copy')),
    ]
    for (const event of many) record(event).catch(() => {})
    const other = record(newEvent('other'))
    expect(commits.map(({ ids }) => ids)).toEqual([['of-one-0'], ['of-one-1']])
    commits[0]?.end()
    commits[1]?.end()
    await flush()
    expect(commits[2]?.ids).toEqual(['of-one-2', 'copy', 'other'])
    commits[2]?.end()
    expect(await other).toEqual(toRecorded('other'))
    await vi.advanceTimersByTimeAsync(5000)
    for (const { end } of commits) end()
    await flush()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('puts no more than 200 events into one commit, and has two under way when many wait', async () => {
    const { record, commits } = createWriter()
    const all = Array.from({ length: 450 }, (_, index) => record(newEvent(`e${index}`)))
    for (let index = 0; index < 4; index++) {
      commits[index]?.end()
      await flush()
    }
    await Promise.all(all)
    expect(commits.map(({ ids }) => ids.length)).toEqual([1, 100, 200, 149])
  })

  it('records one by one what failed together, at most four at once: only the bad one fails', async () => {
    const { record, commits } = createWriter()
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const outcomes = Promise.allSettled(ids.map((id) => record(newEvent(id))))
    commits[0]?.end()
    await flush()
    commits[1]?.fail(new Error('a text that cannot be stored'))
    await flush()
    expect(commits.slice(2).map(({ ids }) => ids)).toEqual([['b'], ['c'], ['d'], ['e']])
    commits[3]?.fail(new Error('this one'))
    await flush()
    expect(commits.slice(6).map(({ ids }) => ids)).toEqual([['f']])
    for (const { end } of commits) end()
    const statuses = (await outcomes).map(({ status }) => status)
    expect(statuses).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses what has waited for four seconds to be recorded by itself', async () => {
    const { record, commits } = createWriter()
    const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => record(newEvent(id)))
    const refused = all.slice(1).map((one) => expect(one).rejects.toMatchObject({ code: 'storage_unavailable' }))
    commits[0]?.end()
    await flush()
    commits[1]?.fail(new Error('somebody is recording a copy'))
    await vi.advanceTimersByTimeAsync(4020)
    await Promise.all(refused)
    for (const { end } of commits) end()
    await flush()
    expect(commits.map(({ ids }) => ids)).not.toContainEqual(['f'])
  })

  it('does not keep others waiting for what is recorded one by one', async () => {
    const { record, commits } = createWriter()
    const first = ['a', 'b', 'c'].map((id) => record(newEvent(id)))
    commits[0]?.end()
    await flush()
    commits[1]?.fail(new Error('somebody is recording a copy'))
    await flush()
    const next = record(newEvent('d'))
    expect(commits.slice(2).map(({ ids }) => ids)).toEqual([['b'], ['c'], ['d']])
    commits[4]?.end()
    expect(await next).toEqual(toRecorded('d'))
    for (const { end } of commits) end()
    await Promise.all(first)
  })

  it('tries nothing one by one where the storage is away, and goes on when it is back', async () => {
    const { record, commits, outage } = createWriter()
    const outcomes = Promise.allSettled(['a', 'b', 'c'].map((id) => record(newEvent(id))))
    commits[0]?.end()
    await flush()
    commits[1]?.fail(outage)
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(commits).toHaveLength(2)
    const next = record(newEvent('d'))
    commits[2]?.end()
    expect(await next).toEqual(toRecorded('d'))
  })

  it('tries again every 20 ms, together with others, what a commit has left out', async () => {
    const { record, commits, held } = createWriter()
    held.add('a').add('c')
    const all = ['a', 'b', 'c', 'd'].map((id) => record(newEvent(id)))
    commits[0]?.end()
    await flush()
    commits[1]?.end()
    expect(await Promise.all([all[1], all[3]])).toEqual([toRecorded('b'), toRecorded('d')])
    await vi.advanceTimersByTimeAsync(20)
    expect(commits.slice(2).map(({ ids }) => ids)).toEqual([['a', 'c']])
    held.delete('c')
    commits[2]?.end()
    expect(await all[2]).toEqual(toRecorded('c'))
    await vi.advanceTimersByTimeAsync(20)
    held.delete('a')
    commits[3]?.end()
    expect(await all[0]).toEqual(toRecorded('a'))
    expect(commits).toHaveLength(4)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets no other event wait for those of a case that is held, however many they are', async () => {
    const { record, commits, held } = createWriter()
    const all = Array.from({ length: 1500 }, (_, index) => newEvent(`held-${index}`, 'inq_held'))
    for (const { id } of all) held.add(id)
    for (const event of all) record(event).catch(() => {})
    const other = record(newEvent('other'))
    let isThere = false
    void other.then(() => {
      isThere = true
    })
    for (let ms = 0; ms < 2000 && !isThere; ms += 20) {
      // A commit takes two milliseconds.
      for (let turn = 0; turn < 10; turn++) {
        for (const { end } of commits.splice(0)) end()
        await flush()
      }
      await vi.advanceTimersByTimeAsync(20)
    }
    expect(isThere).toBe(true)
  })

  it('refuses what a commit has left out for four seconds', async () => {
    const { record, commits, held } = createWriter()
    held.add('a')
    let error: unknown
    record(newEvent('a')).catch((thrown: unknown) => {
      error = thrown
    })
    for (let ms = 0; ms < 3980; ms += 20) {
      commits.at(-1)?.end()
      await vi.advanceTimersByTimeAsync(20)
    }
    expect(error).toBeUndefined()
    for (let ms = 0; ms < 40; ms += 20) {
      commits.at(-1)?.end()
      await vi.advanceTimersByTimeAsync(20)
    }
    expect(error).toMatchObject({ code: 'storage_unavailable' })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses what a commit has begun with four seconds ago, whatever becomes of that', async () => {
    const { record, commits, held } = createWriter()
    held.add('c')
    const refuse = (id: string) => expect(record(newEvent(id))).rejects.toMatchObject({ code: 'storage_unavailable' })
    const refused = ['a', 'b', 'c'].map(refuse)
    await vi.advanceTimersByTimeAsync(20)
    refused.push(...['d', 'e'].map(refuse))
    await vi.advanceTimersByTimeAsync(20)
    expect(commits.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c'], ['d', 'e']])
    await vi.advanceTimersByTimeAsync(4000)
    await Promise.all(refused)
    commits[0]?.end()
    commits[1]?.end()
    commits[2]?.fail(new Error('one of them cannot be stored'))
    await vi.advanceTimersByTimeAsync(20)
    // Neither what was left out nor what failed together is tried again: nobody waits for it.
    expect(commits).toHaveLength(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses what is matched again without end', async () => {
    const record = createEventBatches({
      recordAll: async (events) => events.map(() => new Promise(() => {})),
      isOutage: () => false,
    })
    const refused = expect(record(newEvent('a'))).rejects.toMatchObject({ code: 'storage_unavailable' })
    await vi.advanceTimersByTimeAsync(4020)
    await refused
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits 20 ms for the commits before, and has four under way at most', async () => {
    const { record, commits } = createWriter()
    const all: Promise<RecordedEvent>[] = []
    for (let round = 0; round < 6; round++) {
      for (const index of [0, 1]) all.push(record(newEvent(`e${round}-${index}`)))
      await vi.advanceTimersByTimeAsync(20)
    }
    expect(commits.map(({ ids }) => ids.length)).toEqual([1, 1, 2, 2])
    for (let index = 0; index < 5; index++) {
      commits[index]?.end()
      await flush()
    }
    await Promise.all(all)
    expect(commits.flatMap(({ ids }) => ids)).toHaveLength(12)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses what has waited for four seconds, and what 20,000 wait before', async () => {
    const { record, commits } = createWriter()
    for (let index = 0; index < 4; index++) {
      record(newEvent(`hangs-${index}`)).catch(() => {})
      await vi.advanceTimersByTimeAsync(20)
    }
    const first = record(newEvent('late'))
    first.catch(() => {})
    await vi.advanceTimersByTimeAsync(3900)
    const second = record(newEvent('later'))
    await vi.advanceTimersByTimeAsync(120)
    await expect(first).rejects.toMatchObject({ code: 'storage_unavailable' })
    for (const { end } of commits) end()
    await flush()
    commits.at(-1)?.end()
    expect(await second).toEqual(toRecorded('later'))

    const many = Array.from({ length: 20_101 }, (_, index) => record(newEvent(`m${index}`)))
    for (const one of many) one.catch(() => {})
    await expect(record(newEvent('too many'))).rejects.toMatchObject({ code: 'storage_unavailable' })
    await vi.advanceTimersByTimeAsync(5000)
    expect(vi.getTimerCount()).toBe(0)
  })
})
