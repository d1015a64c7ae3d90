import { describe, expect, it } from 'vitest'
import { toRateLimits } from '../src/rate-limits.js'
import { createErrorAnswer, createRecordedClient } from './recorded-fetch.js'

const NOW = 1_700_000_000_000

describe('toRateLimits', () => {
  it.each([
    [{ 'RateLimit-Limit': '300', 'RateLimit-Remaining': '7', 'RateLimit-Reset': '42' }, 'rate'],
    [{ 'quota-limit': '300', 'quota-remaining': '7', 'quota-reset': '42' }, 'quota'],
    [{ 'QuotaLimit-Limit': '300', 'QuotaLimit-Remaining': '7', 'QuotaLimit-Reset': '42' }, 'quota'],
  ])('reads %j as the %s', (headers, kind) => {
    const limit = { limit: 300, remaining: 7, resetAt: new Date(NOW + 42_000) }
    expect(toRateLimits(new Headers(headers), NOW)).toEqual({ rate: null, quota: null, [kind]: limit })
  })

  it.each([
    {},
    { 'ratelimit-limit': '300', 'ratelimit-remaining': '7' },
    { 'ratelimit-limit': '300', 'ratelimit-remaining': '-1', 'ratelimit-reset': '42' },
    { 'ratelimit-limit': '3e2', 'ratelimit-remaining': '7', 'ratelimit-reset': '42' },
    { 'ratelimit-limit': '300', 'ratelimit-remaining': '', 'ratelimit-reset': '42' },
    { 'ratelimit-limit': '300', 'ratelimit-remaining': '7', 'ratelimit-reset': '9'.repeat(10) },
  ])('takes %j for untold', (headers) => {
    expect(toRateLimits(new Headers(headers as Record<string, string>), NOW)).toEqual({ rate: null, quota: null })
  })

  it('never sees the end of a window more than a year away', () => {
    const headers = new Headers({ 'quota-limit': '1', 'quota-remaining': '0', 'quota-reset': '999999999' })
    expect(toRateLimits(headers, NOW).quota?.resetAt).toEqual(new Date(NOW + 366 * 86_400_000))
  })
})

describe('the client', () => {
  it('tells what the newest answer told, an error’s too, and keeps what that one did not tell', async () => {
    const limits = (remaining: string) => ({
      'ratelimit-limit': '300',
      'ratelimit-remaining': remaining,
      'ratelimit-reset': '10',
    })
    const replies = [
      new Response('{}', {
        headers: { ...limits('9'), 'quota-limit': '5', 'quota-remaining': '4', 'quota-reset': '1' },
      }),
      createErrorAnswer(429, limits('0')),
      createErrorAnswer(404),
    ]
    const { client } = createRecordedClient(replies, { now: () => NOW, retries: 0 })
    expect(client.rateLimits()).toEqual({ rate: null, quota: null })
    await client.health()
    expect(client.rateLimits()).toMatchObject({ rate: { remaining: 9 }, quota: { remaining: 4 } })
    await client.health()
    expect(client.rateLimits()).toMatchObject({ rate: { remaining: 0 }, quota: { remaining: 4 } })
    await client.health()
    expect(client.rateLimits()).toMatchObject({ rate: { remaining: 0, resetAt: new Date(NOW + 10_000) } })
  })

  it('tells how far Persona’s clock is from this one, to about a second', async () => {
    const date = new Date(NOW + 90_000).toUTCString()
    const { client } = createRecordedClient([new Response('{}', { headers: { date } }), new Response('{}')], {
      now: () => NOW,
    })
    expect(client.clockSkewMs()).toBeNull()
    await client.health()
    expect(client.clockSkewMs()).toBe(90_500)
    await client.health()
    expect(client.clockSkewMs(), 'an answer without a date tells nothing new').toBe(90_500)
  })
})
