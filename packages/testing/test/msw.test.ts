import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createFakePersona } from '../src/fake-persona/fake-persona.js'
import { createPersonaHandlers } from '../src/msw.js'
import { toCreateBody } from './fake-persona/client.js'

const fake = createFakePersona()
const msw = setupServer(...createPersonaHandlers(fake))

beforeAll(() => msw.listen({ onUnhandledRequest: 'error' }))
afterEach(() => fake.reset())
afterAll(() => msw.close())

function call(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${fake.apiKey}` }
  return fetch(`https://api.withpersona.com/api/v1${path}`, { method, headers, ...init })
}

const create = () => call('POST', '/inquiries', { body: JSON.stringify(toCreateBody({ note: 'n' })) })

it('answers the global fetch', async () => {
  const created = await create()
  expect([created.status, created.headers.get('RateLimit-Limit')]).toEqual([201, '300'])
  const { data } = await created.json()
  expect(data.attributes.note).toBe('n')
  const listed = await (await call('GET', '/inquiries?page[size]=1&filter[status]=created')).json()
  expect(listed.data).toMatchObject([{ id: data.id }])
  expect((await call('DELETE', `/inquiries/${data.id}`)).status).toBe(200)
  expect((await call('GET', '/inquiries', { headers: {} })).status).toBe(401)
})

it('turns broken connections into network errors', async () => {
  fake.fail({ kind: 'connection_reset' })
  await expect(create()).rejects.toThrow(TypeError)
  fake.fail({ kind: 'connection_reset_after' })
  await expect(create()).rejects.toThrow(TypeError)
  expect(fake.inquiries.list()).toHaveLength(1)
})

it('answers nothing until the request is aborted', async () => {
  fake.fail({ kind: 'timeout' })
  const abort = new AbortController()
  const answer = call('GET', '/inquiries', { signal: abort.signal })
  while (fake.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  abort.abort()
  await expect(answer).rejects.toThrow('abort')
})
