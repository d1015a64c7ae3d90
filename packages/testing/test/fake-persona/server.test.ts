import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakePersonaServer, startFakePersonaServer } from '../../src/fake-persona/server.js'
import { toCreateBody } from './client.js'

const original = { Request, Response }
let server: FakePersonaServer

beforeEach(async () => {
  server = await startFakePersonaServer()
})
afterEach(() => server.close())

function call(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${server.fake.apiKey}`, 'Idempotency-Key': 'k' }
  return fetch(`${server.baseUrl}${path}`, { method, headers, ...init })
}

const create = (init: RequestInit = {}) => call('POST', '/inquiries', { body: JSON.stringify(toCreateBody()), ...init })

describe('the server', () => {
  it('answers as Persona', async () => {
    const response = await create()
    expect([response.status, response.headers.get('RateLimit-Remaining')]).toEqual([201, '299'])
    const { data } = await response.json()
    expect(await (await call('GET', `/inquiries/${data.id}`)).json()).toMatchObject({ data: { id: data.id } })
    expect((await call('DELETE', `/inquiries/${data.id}`)).status).toBe(200)
    expect((await fetch(`${server.baseUrl}/inquiries`)).status).toBe(401)
  })

  it('breaks the connection before the request takes effect', async () => {
    server.fake.fail({ kind: 'connection_reset' })
    await expect(create()).rejects.toThrow('fetch failed')
    expect(server.fake.inquiries.list()).toEqual([])
    expect((await create()).status).toBe(201)
  })

  it('breaks the connection after the request took effect, and replays the answer', async () => {
    server.fake.fail({ kind: 'connection_reset_after' })
    await expect(create()).rejects.toThrow('fetch failed')
    const [lost] = server.fake.inquiries.list()
    expect(await (await create()).json()).toMatchObject({ data: { id: lost?.id } })
    expect(server.fake.inquiries.list()).toHaveLength(1)
  })

  it('answers nothing until the client gives up', async () => {
    server.fake.fail({ kind: 'timeout' })
    const abort = new AbortController()
    const answer = create({ signal: abort.signal })
    await until(() => server.fake.requests.length === 1)
    abort.abort(new Error('gave up'))
    await expect(answer).rejects.toThrow('gave up')
    expect((await create()).status).toBe(201)
  })

  it('answers errors, limits and pages that are not JSON', async () => {
    for (const kind of ['server_error', 'rate_limited', 'not_json'] as const) server.fake.fail({ kind, method: 'GET' })
    const answers = [await call('GET', '/events'), await call('GET', '/events'), await call('GET', '/events')]
    expect(answers.map(({ status }) => status)).toEqual([500, 429, 200])
    expect(await answers[2]?.text()).toContain('<html>')
  })

  it('answers later', async () => {
    server.fake.fail({ kind: 'delay', delayMs: 1 })
    expect((await create()).status).toBe(201)
  })

  it('leaves the global Request and Response alone', () => {
    expect({ Request, Response }).toEqual(original)
  })

  it('ends hanging connections when it is closed', async () => {
    server.fake.fail({ kind: 'timeout' })
    const hanging = expect(create()).rejects.toThrow('fetch failed')
    await until(() => server.fake.requests.length === 1)
    await server.close()
    await hanging
    await expect(create()).rejects.toThrow('fetch failed')
    server = await startFakePersonaServer()
  })

  it('ends connections that sent nothing when it is closed', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await server.close()
    await closed
    server = await startFakePersonaServer()
  })

  it('can be closed twice', async () => {
    await server.close()
    await server.close()
  })

  it('rejects when the port is taken', async () => {
    const port = Number(new URL(server.url).port)
    await expect(startFakePersonaServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('delivers webhooks to a real endpoint', async () => {
    const receiver = await startFakePersonaServer()
    server.fake.webhooks.subscribe({ url: `${receiver.url}/hook`, secrets: 's' })
    await create()
    expect(await server.fake.webhooks.deliverDue()).toMatchObject([{ status: 401 }])
    expect(receiver.fake.requests[0]).toMatchObject({ path: '/hook', body: { data: { type: 'event' } } })
    await receiver.close()
    expect(await server.fake.webhooks.deliverAll()).toMatchObject([{ attempt: 2, status: undefined }])
  })
})

/** Lets the event loop turn until the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
