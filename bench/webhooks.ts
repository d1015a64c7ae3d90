import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { createInquiryEvent } from '@persona-kyc/testing'

/** The secret of all webhooks of the benchmarks. */
export const SECRET = 'wbhsec_of_the_bench'

const BODY_BYTES = 4096
const EVENT_ID = 'evt_placeholder'
const INQUIRY_ID = 'inq_placeholder'
const TIME = '2026-01-01T00:00:00.000Z'

/** An event of 4 KB as Persona sends it: with as many fields of a template as make so much of it. */
export function createEventJson(): string {
  const fields: Record<string, string> = {}
  for (;;) {
    const json = JSON.stringify(
      createInquiryEvent({
        name: 'inquiry.completed',
        inquiryId: INQUIRY_ID,
        referenceId: '00000000-0000-4000-8000-000000000001',
        status: 'completed',
        eventId: EVENT_ID,
        createdAt: TIME,
        fields,
      }),
    )
    if (json.length >= BODY_BYTES) return json
    fields[`field-${Object.keys(fields).length}`] = 'as it was given'
  }
}

/** Makes so many signed webhooks, each of another event, of random cases: whole requests, ready to be sent. */
export function createWebhooks(count: number, cases: number): Buffer[] {
  const template = createEventJson().replaceAll('00000000-0000-4000-8000-000000000001', 'nobody')
  const now = Date.now()
  return Array.from({ length: count }, (_, index) => {
    const body = template
      .replaceAll(EVENT_ID, `evt_${randomUUID()}`)
      .replaceAll(INQUIRY_ID, `inq_${1 + Math.floor(Math.random() * cases)}`)
      .replaceAll(TIME, new Date(now + index).toISOString())
    const time = Math.floor(now / 1000)
    const digest = createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex')
    const head = [
      'POST /webhooks/persona/inquiry HTTP/1.1',
      'Host: bench',
      'Content-Type: application/json',
      `Persona-Signature: t=${time},v1=${digest}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
  })
}

/** How webhooks are sent. */
export interface SendOptions {
  /** On each of so many, the next webhook goes when the one before is answered. */
  readonly connections: number
  /** No more than so many a second. The time of each counts from when it was due, whoever held it up. Default: no limit. */
  readonly perSecond?: number
}

/** Sends the webhooks, and resolves with the seconds that each took. Rejects at the first that is not answered with a 200. */
export async function sendWebhooks(
  port: number,
  webhooks: readonly Buffer[],
  { connections, perSecond = Number.POSITIVE_INFINITY }: SendOptions,
): Promise<Float64Array> {
  const seconds = new Float64Array(webhooks.length)
  const sockets = await Promise.all(Array.from({ length: Math.min(connections, webhooks.length) }, () => open(port)))
  const startedAt = performance.now()
  let next = 0
  const send = async (socket: Socket) => {
    const ask = createAsker(socket)
    for (let index = next++; index < webhooks.length; index = next++) {
      const dueAt = perSecond === Number.POSITIVE_INFINITY ? performance.now() : startedAt + (index / perSecond) * 1000
      const early = dueAt - performance.now()
      if (early > 0) await setTimeout(early)
      await ask(webhooks[index] ?? Buffer.alloc(0))
      seconds[index] = (performance.now() - dueAt) / 1000
    }
    socket.destroy()
  }
  await Promise.all(sockets.map(send))
  return seconds
}

/**
 * Opens a connection, and resolves when the server has answered on it. Node 20 takes one new connection in each turn of its
 * event loop (libuv 1.46): of a thousand that are new to a server that is busy, the last would wait for half a minute, in any
 * app. Those of a proxy, and of who calls again and again, are open.
 */
async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
  await once(socket, 'data')
  return socket
}

/** Returns what sends one request after the other on a connection. */
function createAsker(socket: Socket): (request: Buffer) => Promise<void> {
  let received = ''
  let settle: { resolve(): void; reject(error: Error): void } | null = null
  const fail = (error: Error) => settle?.reject(error)
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk
    if (!isWhole(received)) return
    if (!received.startsWith('HTTP/1.1 200')) fail(new Error(`answered with ${received.slice(0, 400)}`))
    received = ''
    settle?.resolve()
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('The server has ended a connection.')))
  return (request) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject }
      socket.write(request)
    })
}

function isWhole(received: string): boolean {
  const head = received.indexOf('\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]
  return head !== -1 && length !== undefined && received.length >= head + 4 + Number(length)
}
