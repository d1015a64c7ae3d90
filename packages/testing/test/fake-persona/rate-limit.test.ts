import { expect, it } from 'vitest'
import { createFakeWithClient } from './client.js'

const rateLimit = { limit: 3, windowSeconds: 60 }

function limitsOf({ headers }: { headers: Headers }) {
  return ['Limit', 'Remaining', 'Reset'].map((name) => Number(headers.get(`RateLimit-${name}`)))
}

it('counts requests in a fixed window that starts with its first request', async () => {
  const { call, advance } = createFakeWithClient({ rateLimit })
  expect(limitsOf(await call('GET', '/inquiries'))).toEqual([3, 2, 60])
  advance(20.5)
  expect(limitsOf(await call('GET', '/inquiries'))).toEqual([3, 1, 40])
  expect(limitsOf(await call('GET', '/inquiries'))).toEqual([3, 0, 40])
  const refused = await call('GET', '/inquiries')
  expect([refused.status, limitsOf(refused)]).toEqual([429, [3, 0, 40]])
  expect(refused.body.errors?.[0]?.title).toBe('Rate limit exceeded')
  advance(39.5)
  expect(limitsOf(await call('GET', '/inquiries'))).toEqual([3, 2, 60])
})

it('does not count requests that are not authenticated', async () => {
  const { call } = createFakeWithClient({ rateLimit })
  for (let count = 0; count < 5; count++) await call('GET', '/inquiries', { headers: { Authorization: 'Bearer no' } })
  expect(limitsOf(await call('GET', '/inquiries'))).toEqual([3, 2, 60])
})

it('tells the state of the window at /rate-limits', async () => {
  const { call, advance } = createFakeWithClient({ rateLimit })
  await call('GET', '/inquiries')
  advance(10)
  const { body } = await call('GET', '/rate-limits')
  expect(body.data).toEqual([
    { type: 'rate-limit/api', attributes: { limit: 3, remaining: 1, 'seconds-to-reset': 50 } },
  ])
})
