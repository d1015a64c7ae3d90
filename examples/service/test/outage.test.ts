import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInquiryEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SERVERS, type ServerProcess, startServer } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

describe.each(SERVERS)('an outage of PostgreSQL under %s', (name) => {
  let stage: Stage
  let server: ServerProcess
  let line: Line

  beforeAll(async () => {
    stage = await createStage()
    line = await openLine(stage.databaseUrl)
    server = await startServer(name, { ...stage.environment, DATABASE_URL: line.url })
  })
  afterAll(async () => {
    await server?.stop()
    await line?.cut()
    await stage?.close()
  })

  it('is answered with 503, said by health, and over without a restart', async () => {
    const { json } = await server.call('POST', '/compliance/kyc', { user_id: 'user', document_type: 'passport' })
    const event = createInquiryEvent({
      name: 'inquiry.approved',
      inquiryId: json.persona_inquiry_id,
      createdAt: Date.now(),
    })
    expect((await health()).status).toBe(200)

    await line.cut()
    expect(await deliver(server, JSON.stringify(event))).toMatchObject({
      status: 503,
      json: { code: 'storage_unavailable' },
    })
    // It is asked at most once a second.
    await vi.waitFor(
      async () =>
        expect(await health()).toMatchObject({
          status: 503,
          json: { status: 'unavailable', storage: 'unreachable', persona: 'ok' },
        }),
      { timeout: 10_000, interval: 100 },
    )
    expect((await server.call('GET', `/compliance/kyc/${json.case_id}`)).status).toBe(503)

    await line.restore()
    expect((await deliver(server, JSON.stringify(event))).json.outcome).toBe('applied')
    await vi.waitFor(async () => expect((await health()).status).toBe(200), { timeout: 10_000, interval: 100 })
    expect((await server.call('GET', `/compliance/kyc/${json.case_id}`)).json.status).toBe('verified')
  })

  function health() {
    return server.call('GET', '/webhooks/persona/health')
  }
})

/** A TCP line to a database that can be cut: the server sees what it sees when PostgreSQL goes away. */
interface Line {
  readonly url: string
  cut(): Promise<void>
  restore(): Promise<void>
}

async function openLine(databaseUrl: string): Promise<Line> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    async cut() {
      if (!proxy.listening) return
      const closed = once(proxy, 'close')
      proxy.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async restore() {
      proxy.listen(port, '127.0.0.1')
      await once(proxy, 'listening')
    },
  }
}
