import { describe, expect, it, vi } from 'vitest'
import { createKycEngine } from '../src/engine.js'
import { StorageError } from '../src/errors.js'
import { createEventBody, type EventOptions } from './event-bodies.js'
import { after, createTestEngine, USER } from './test-engine.js'

const UNAVAILABLE = new StorageError('storage_unavailable', { problem: 'Away.', fix: 'Wait.' })

function toLine(event: EventOptions): string {
  return JSON.stringify(createEventBody(event))
}

function toEventOptions(index: number, status: string): EventOptions {
  return { id: `evt_${index}`, name: 'inquiry.transitioned', createdAt: after(index), inquiryId: 'inq_1', status }
}

async function createStarted() {
  const test = createTestEngine()
  return { ...test, ...(await test.engine.initiateKyc(USER)) }
}

describe('importEvents', () => {
  it('moves cases as webhooks would, in whatever order the lines stand', async () => {
    const statuses = ['pending', 'completed', 'needs_review', 'approved']
    const lines = statuses.map((status, index) => toLine(toEventOptions(index, status))).reverse()
    const { engine, kycCase } = await createStarted()
    const report = await engine.importEvents(lines)
    expect(report).toMatchObject({
      line: 4,
      eventsRecorded: 4,
      eventsKnown: 0,
      eventsUnmatched: 0,
      eventsUnreadable: 0,
    })
    expect(report.casesMoved).toBeGreaterThan(0)
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'verified', personaStatus: 'approved' })
  })

  it('passes over what is there, and may be repeated', async () => {
    const { engine, deliver } = await createStarted()
    await deliver(toEventOptions(0, 'completed'))
    const lines = [0, 1].map((index) => toLine(toEventOptions(index, 'completed')))
    expect(await engine.importEvents(lines)).toMatchObject({ eventsRecorded: 1, eventsKnown: 1 })
    expect(await engine.importEvents(lines)).toMatchObject({ eventsRecorded: 0, eventsKnown: 2, casesMoved: 0 })
  })

  it('takes events as Persona lists them, and tells the lines that are none', async () => {
    const { engine } = await createStarted()
    const lines = [
      JSON.stringify(createEventBody(toEventOptions(0, 'completed')).data),
      '',
      'not JSON',
      '[]',
      '{"type":"inquiry.approved","data":{"id":"inq_1","attributes":{"status":"approved"}}}',
      toLine({ ...toEventOptions(1, 'completed'), inquiryId: 'inq_of_nobody', referenceId: 'nobody' }),
    ]
    const report = await engine.importEvents(lines)
    expect(report).toMatchObject({ line: 6, eventsRecorded: 2, eventsUnmatched: 1, eventsUnreadable: 3 })
    expect(report.unreadableLines).toEqual([3, 4, 5])
    const many = await engine.importEvents(Array.from({ length: 300 }, () => 'x'))
    expect(many).toMatchObject({ eventsUnreadable: 300 })
    expect(many.unreadableLines).toHaveLength(100)
  })

  it('ends early where it is told to, and goes on after the line that it tells', async () => {
    const { engine, storage } = await createStarted()
    const lines = Array.from({ length: 50 }, (_, index) => toLine(toEventOptions(index, 'pending')))
    const stop = new AbortController()
    const seen: number[] = []
    const first = await engine.importEvents(lines, {
      atOnce: 4,
      signal: stop.signal,
      onProgress({ line }) {
        seen.push(line)
        if (line === 20) stop.abort()
      },
    })
    expect(first.line).toBeGreaterThanOrEqual(20)
    expect(first.line).toBeLessThan(30)
    expect(seen).toEqual(seen.toSorted((left, right) => left - right))
    const recordEvent = vi.spyOn(storage, 'recordEvent')
    const second = await engine.importEvents(lines, { afterLine: first.line })
    expect(second.line).toBe(50)
    expect(second.eventsRecorded).toBe(50 - first.eventsRecorded)
    expect(recordEvent.mock.calls.length).toBe(50 - first.line)
  })

  it('tries again what the storage cannot take now, in a pause that all lines share', async () => {
    const { engine, storage, sleep } = await createStarted()
    const record = storage.recordEvent
    const busy = new Map([0, 10, 20, 30].map((index) => [`evt_${index}`, 3]))
    vi.spyOn(storage, 'recordEvent').mockImplementation(async (event) => {
      const left = busy.get(event.id) ?? 0
      busy.set(event.id, left - 1)
      if (left <= 0) return record(event)
      await new Promise((resolve) => setImmediate(resolve))
      throw UNAVAILABLE
    })
    sleep.mockClear()
    const lines = Array.from({ length: 50 }, (_, index) => toLine(toEventOptions(index, 'pending')))
    expect(await engine.importEvents(lines)).toMatchObject({ line: 50, eventsRecorded: 50 })
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([2000, 2000, 2000])
  })

  it('gives up after 20 pauses, and ends at once where it is told to in one', async () => {
    const stop = new AbortController()
    const { engine, storage, settings } = await createStarted()
    const record = storage.recordEvent
    const recording = vi.spyOn(storage, 'recordEvent').mockImplementation(async (event) => {
      if (event.id === 'evt_0') return record(event)
      await new Promise((resolve) => setImmediate(resolve))
      throw UNAVAILABLE
    })
    const lines = [0, 1, 2].map((index) => toLine(toEventOptions(index, 'pending')))
    await expect(engine.importEvents(lines)).rejects.toBe(UNAVAILABLE)
    expect(recording).toHaveBeenCalledTimes(1 + 2 * 21)
    const waiting = createKycEngine({
      ...settings,
      sleep: async (_ms, signal) => {
        stop.abort()
        signal?.throwIfAborted()
      },
    })
    expect(await waiting.importEvents(lines, { signal: stop.signal })).toMatchObject({ line: 1, eventsKnown: 1 })
  })

  it('tries nothing again where the storage has never worked: its address may be wrong', async () => {
    const { engine, storage, sleep } = await createStarted()
    sleep.mockClear()
    vi.spyOn(storage, 'recordEvent').mockRejectedValue(UNAVAILABLE)
    await expect(engine.importEvents([toLine(toEventOptions(0, 'pending'))])).rejects.toBe(UNAVAILABLE)
    expect(sleep).not.toHaveBeenCalled()
  })

  it('does nothing where it was told to end before', async () => {
    const { engine } = await createStarted()
    const lines = [toLine(toEventOptions(0, 'pending'))]
    expect(await engine.importEvents(lines, { signal: AbortSignal.abort() })).toMatchObject({ line: 0 })
  })

  it('refuses to go on after a line that is not there', async () => {
    const { engine } = await createStarted()
    const lines = [0, 1].map((index) => toLine(toEventOptions(index, 'pending')))
    expect(await engine.importEvents(lines, { afterLine: 2 })).toMatchObject({ line: 2, eventsRecorded: 0 })
    await expect(engine.importEvents(lines, { afterLine: 3 })).rejects.toThrow('There are 2 lines only.')
  })

  it('rejects when the storage fails, tells how far it came, and leaves nothing under way', async () => {
    const { engine, storage, sleep } = await createStarted()
    sleep.mockClear()
    const failure = new StorageError('storage_failed', { problem: 'Refused.', fix: 'Look.' })
    const record = storage.recordEvent
    let underWay = 0
    vi.spyOn(storage, 'recordEvent').mockImplementation(async (event) => {
      underWay++
      await new Promise((resolve) => setImmediate(resolve))
      underWay--
      if (event.id === 'evt_30') throw failure
      return record(event)
    })
    let line = 0
    const lines = Array.from({ length: 50 }, (_, index) => toLine(toEventOptions(index, 'pending')))
    const importing = engine.importEvents(lines, {
      atOnce: 8,
      onProgress(progress) {
        line = progress.line
      },
    })
    await expect(importing).rejects.toBe(failure)
    expect(underWay).toBe(0)
    expect(line).toBe(30)
    expect(sleep).not.toHaveBeenCalled()
  })

  it.each([
    ['is told to end', (test: Stalled) => test.stop.abort(), undefined],
    ['fails', (test: Stalled) => test.fail(new Error('the storage is away')), 'the storage is away'],
  ])('does not wait for a line that never comes when it %s', async (_name, end, message) => {
    const { engine, storage } = await createStarted()
    const stop = new AbortController()
    let fail: Stalled['fail'] = () => {}
    const record = storage.recordEvent
    const recording = vi.spyOn(storage, 'recordEvent').mockImplementation((event) => {
      if (event.id === 'evt_0') return record(event)
      return new Promise((resolve, reject) => {
        fail = reject
        if (message === undefined) resolve(record(event))
      })
    })
    async function* stall() {
      for (const index of [0, 1]) yield toLine(toEventOptions(index, 'pending'))
      await new Promise(() => {})
    }
    const importing = engine.importEvents(stall(), { signal: stop.signal })
    await vi.waitFor(() => expect(recording).toHaveBeenCalledTimes(2))
    await new Promise((resolve) => setImmediate(resolve))
    end({ stop, fail })
    if (message === undefined) expect(await importing).toMatchObject({ line: 2, eventsRecorded: 2 })
    else await expect(importing).rejects.toThrow(message)
  })

  it('reads a file that begins with a byte order mark', async () => {
    const { engine } = await createStarted()
    const lines = [`\ufeff${toLine(toEventOptions(0, 'pending'))}`, `\ufeff${toLine(toEventOptions(1, 'pending'))}`]
    expect(await engine.importEvents(lines)).toMatchObject({ eventsRecorded: 1, unreadableLines: [2] })
  })
})

interface Stalled {
  readonly stop: AbortController
  readonly fail: (error: Error) => void
}
