import { describe, expect, it, vi } from 'vitest'
import { createFakeWithClient, toCreateBody } from './client.js'

const call = { body: toCreateBody(), headers: { 'Idempotency-Key': 'key-1' } }

describe('Idempotency-Key', () => {
  it('gives a repeated request the first answer and creates nothing', async () => {
    const client = createFakeWithClient()
    const first = await client.call('POST', '/inquiries', call)
    const second = await client.call('POST', '/inquiries', call)
    expect([second.status, second.body]).toEqual([201, first.body])
    expect(client.fake.inquiries.list()).toHaveLength(1)
  })

  it('makes a request with another key, or without one, a new one', async () => {
    const client = createFakeWithClient()
    await client.call('POST', '/inquiries', call)
    await client.call('POST', '/inquiries', { ...call, headers: { 'Idempotency-Key': 'key-2' } })
    await client.call('POST', '/inquiries', { body: call.body })
    expect(client.fake.inquiries.list()).toHaveLength(3)
  })

  it('replays a stored 500 after the fault is over', async () => {
    const client = createFakeWithClient()
    client.fake.fail({ kind: 'server_error' })
    expect((await client.call('POST', '/inquiries', call)).status).toBe(500)
    expect((await client.call('POST', '/inquiries', call)).status).toBe(500)
    expect(client.fake.inquiries.list()).toEqual([])
    expect((await client.call('POST', '/inquiries', { ...call, headers: {} })).status).toBe(201)
  })

  it('replays a stored refusal although the request would succeed now', async () => {
    const client = createFakeWithClient()
    const id = await client.create()
    const resume = () => client.call('POST', `/inquiries/${id}/resume`, { headers: { 'Idempotency-Key': 'r' } })
    expect((await resume()).status).toBe(409)
    client.fake.inquiries.simulate(id, 'start_inquiry')
    expect((await resume()).status).toBe(409)
  })

  it('stores neither 401 nor 429', async () => {
    const client = createFakeWithClient()
    const wrong = { ...call, headers: { ...call.headers, Authorization: 'Bearer wrong' } }
    client.fake.fail({ kind: 'rate_limited', times: 1 })
    expect((await client.call('POST', '/inquiries', call)).status).toBe(429)
    expect((await client.call('POST', '/inquiries', wrong)).status).toBe(401)
    expect((await client.call('POST', '/inquiries', call)).status).toBe(201)
  })

  it('refuses the key with another body or another path', async () => {
    const client = createFakeWithClient()
    const id = await client.create()
    await client.call('POST', '/inquiries', call)
    const other = await client.call('POST', '/inquiries', { ...call, body: toCreateBody({ note: 'n' }) })
    const path = await client.call('POST', `/inquiries/${id}/approve`, call)
    expect([other.status, path.status]).toEqual([422, 422])
    expect(other.body.errors?.[0]?.details).toContain('Idempotency-Key')
  })

  it('gives concurrent requests one answer', async () => {
    const client = createFakeWithClient()
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.call('POST', '/inquiries', call)))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    expect(client.fake.inquiries.list()).toHaveLength(1)
  })

  it('lets a request wait for the first while that is in flight', async () => {
    vi.useFakeTimers()
    try {
      const client = createFakeWithClient()
      client.fake.fail({ kind: 'delay', delayMs: 60_000 })
      const answers = Promise.all([client.call('POST', '/inquiries', call), client.call('POST', '/inquiries', call)])
      await vi.advanceTimersByTimeAsync(59_999)
      expect(client.fake.inquiries.list()).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      const [first, second] = await answers
      expect(second.body).toEqual(first.body)
    } finally {
      vi.useRealTimers()
    }
  })

  it('keeps the answer when it was lost on the way', async () => {
    const client = createFakeWithClient()
    client.fake.fail({ kind: 'connection_reset_after' })
    await expect(client.call('POST', '/inquiries', call)).rejects.toThrow(TypeError)
    const [lost] = client.fake.inquiries.list()
    expect((await client.call('POST', '/inquiries', call)).body.data.id).toBe(lost?.id)
  })

  it('forgets the answer after 24 hours', async () => {
    const client = createFakeWithClient({ inquiryExpirySeconds: 1e6 })
    await client.call('POST', '/inquiries', call)
    client.advance(24 * 3600 - 1)
    await client.call('POST', '/inquiries', call)
    expect(client.fake.inquiries.list()).toHaveLength(1)
    client.advance(1)
    await client.call('POST', '/inquiries', call)
    expect(client.fake.inquiries.list()).toHaveLength(2)
  })

  it('has no effect on GET', async () => {
    const client = createFakeWithClient()
    const headers = { 'Idempotency-Key': 'g' }
    const id = await client.create()
    await client.call('GET', `/inquiries/${id}`, { headers })
    client.fake.inquiries.simulate(id, 'start_inquiry')
    expect((await client.call('GET', `/inquiries/${id}`, { headers })).body.data.attributes.status).toBe('pending')
  })
})
