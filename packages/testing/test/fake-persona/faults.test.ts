import { describe, expect, it } from 'vitest'
import { createFakeWithClient, toCreateBody } from './client.js'

describe('faults', () => {
  it('hit matching requests so many times, oldest first', async () => {
    const { call, create, fake } = createFakeWithClient()
    const id = await create()
    fake.fail({ kind: 'server_error', method: 'post', path: '/inquiries/*/approve', times: 2 })
    fake.fail({ kind: 'server_error', path: /^\/events/, status: 503 })
    const approve = async () => (await call('POST', `/inquiries/${id}/approve`)).status
    expect((await call('GET', `/inquiries/${id}`)).status).toBe(200)
    expect((await call('POST', `/inquiries/${id}/mark-for-review`)).status).toBe(200)
    expect([await approve(), await approve(), await approve()]).toEqual([500, 500, 200])
    expect((await call('GET', '/events')).status).toBe(503)
    expect((await call('GET', '/events')).status).toBe(200)
  })

  it('break the connection before or after the request took effect', async () => {
    const { call, fake } = createFakeWithClient()
    fake.fail({ kind: 'connection_reset' })
    const create = () => call('POST', '/inquiries', { body: toCreateBody() })
    await expect(create()).rejects.toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } })
    expect(fake.inquiries.list()).toHaveLength(0)
    fake.fail({ kind: 'connection_reset_after' })
    await expect(create()).rejects.toThrow(TypeError)
    expect(fake.inquiries.list()).toHaveLength(1)
  })

  it('answer with too many requests although there were few', async () => {
    const { call, fake } = createFakeWithClient()
    fake.fail({ kind: 'rate_limited' })
    const { status, headers } = await call('GET', '/inquiries')
    expect([status, headers.get('RateLimit-Remaining'), headers.get('RateLimit-Reset')]).toEqual([429, '0', '60'])
  })

  it('answer with a page instead of JSON', async () => {
    const { fake } = createFakeWithClient()
    fake.fail({ kind: 'not_json', status: 502 })
    const response = await fake.fetch(`${fake.baseUrl}/inquiries`)
    expect([response.status, response.headers.get('Content-Type')]).toEqual([502, 'text/html; charset=utf-8'])
    expect(await response.text()).toContain('<html>')
  })

  it('never answer until the request is aborted', async () => {
    const { fake } = createFakeWithClient()
    fake.fail({ kind: 'timeout' })
    const abort = new AbortController()
    const answer = fake.fetch(`${fake.baseUrl}/inquiries`, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
  })

  it.each(['reset', 'close'] as const)('never answer until %s', async (end) => {
    const { fake } = createFakeWithClient()
    fake.fail({ kind: 'timeout' })
    fake.fail({ kind: 'delay', delayMs: 1e6 })
    const headers = { Authorization: `Bearer ${fake.apiKey}` }
    const answers = [1, 2].map(() => fake.fetch(`${fake.baseUrl}/inquiries`, { headers }))
    const settled = Promise.allSettled(answers)
    await new Promise((resolve) => setImmediate(resolve))
    fake[end]()
    expect(await settled).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
  })

  it('are over after a reset, like everything else', async () => {
    const { call, create, fake } = createFakeWithClient({
      webhook: { url: 'https://app.example', secrets: 's' },
      rateLimit: { limit: 1, windowSeconds: 60 },
    })
    await create()
    fake.fail({ kind: 'server_error', times: Number.POSITIVE_INFINITY })
    fake.reset()
    expect([fake.inquiries.list(), fake.events.list(), fake.requests, fake.webhooks.pending()]).toEqual([
      [],
      [],
      [],
      [],
    ])
    expect((await call('GET', '/inquiries')).status).toBe(200)
  })
})

describe('requests', () => {
  it('are recorded as they were sent, also when they fail', async () => {
    const { call, fake } = createFakeWithClient()
    const body = { data: { attributes: { inquiryTemplateId: 'itmpl_1' } } }
    await call('POST', '/inquiries', { body, headers: { 'Idempotency-Key': 'k' } })
    fake.fail({ kind: 'connection_reset' })
    await expect(call('GET', '/inquiries?page[size]=5')).rejects.toThrow()
    expect(fake.requests).toMatchObject([
      { method: 'POST', path: '/inquiries', query: {}, headers: { 'idempotency-key': 'k' }, body },
      { method: 'GET', path: '/inquiries', query: { 'page[size]': '5' }, body: undefined },
    ])
  })
})
