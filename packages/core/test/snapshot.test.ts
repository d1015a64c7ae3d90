import { afterEach, describe, expect, it, vi } from 'vitest'
import { after, createTestEngine, USER } from './test-engine.js'

describe('onTransition', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('holds the answer to a webhook up for a second at most', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const onTransition = vi.fn(() => new Promise(() => {}))
    const { engine, deliver, logger } = createTestEngine({ onTransition })
    await engine.initiateKyc(USER)
    const answer = deliver({ name: 'inquiry.approved', status: 'approved', createdAt: after(1) })
    await vi.waitUntil(() => onTransition.mock.calls.length > 0)
    await vi.advanceTimersByTimeAsync(1000)
    expect((await answer).outcome).toBe('applied')
    expect(logger.entries.map(({ message }) => message)).toContain('onTransition takes long')
    expect(vi.getTimerCount()).toBe(0)
  })
})
