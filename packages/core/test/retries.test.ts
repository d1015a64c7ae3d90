import { afterEach, describe, expect, it, vi } from 'vitest'
import { sleep, withRetries } from '../src/retries.js'
import { toRejection } from './canaries.js'

describe('withRetries', () => {
  const options = { retries: 2, maxRetryWaitMs: 60_000, random: () => 0, sleep: async () => {}, signal: undefined }
  const toPassing = () => ({ retryAfterSeconds: null })

  it('resolves with the answer of the first attempt that has one', async () => {
    const attempt = vi.fn(async () => 'answer').mockRejectedValueOnce(new Error('once'))
    expect(await withRetries(attempt, { ...options, toPassing })).toBe('answer')
    expect(attempt).toHaveBeenCalledTimes(2)
  })

  it('rejects with the failure of the last attempt', async () => {
    let count = 0
    const attempt = async () => {
      throw new Error(`failure ${++count}`)
    }
    expect(await toRejection(withRetries(attempt, { ...options, toPassing }))).toMatchObject({ message: 'failure 3' })
  })

  it('rejects at once with a failure that does not pass', async () => {
    const failure = new Error('for good')
    const attempt = vi.fn(() => Promise.reject(failure))
    expect(await toRejection(withRetries(attempt, { ...options, toPassing: () => null }))).toBe(failure)
    expect(attempt).toHaveBeenCalledOnce()
  })

  it('rejects with what ends the wait', async () => {
    const attempt = () => Promise.reject(new Error('passing'))
    const sleep = () => Promise.reject(new Error('ended'))
    const call = withRetries(attempt, { ...options, toPassing, sleep })
    expect(await toRejection(call)).toMatchObject({ message: 'ended' })
  })
})

describe('the default sleep', () => {
  afterEach(() => void vi.useRealTimers())

  it('waits that long, and leaves neither timer nor listener', async () => {
    vi.useFakeTimers()
    const { signal } = new AbortController()
    const remove = vi.spyOn(signal, 'removeEventListener')
    const done = vi.fn()
    sleep(1000, signal).then(done)
    await vi.advanceTimersByTimeAsync(999)
    expect(done).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(done).toHaveBeenCalledOnce()
    expect(remove).toHaveBeenCalledOnce()
  })

  it('rejects at once when its signal is aborted, before or meanwhile', async () => {
    vi.useFakeTimers()
    expect(await toRejection(sleep(1000, AbortSignal.abort('gone')))).toBe('gone')
    const controller = new AbortController()
    const waiting = toRejection(sleep(1000, controller.signal))
    controller.abort('left')
    expect(await waiting).toBe('left')
    expect(vi.getTimerCount()).toBe(0)
  })
})
