import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
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

/** Sends the webhooks, one after the other on each of so many connections, and resolves with the seconds each took. */
export async function sendWebhooks(
  port: number,
  webhooks: readonly Buffer[],
  connections: number,
): Promise<Float64Array> {
  const seconds = new Float64Array(webhooks.length)
  let next = 0
  const send = async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    await once(socket, 'connect')
    await new Promise<void>((resolve, reject) => {
      let index = -1
      let sentAt = 0
      let received = ''
      const go = () => {
        index = next++
        const webhook = webhooks[index]
        if (webhook === undefined) return resolve()
        sentAt = performance.now()
        socket.write(webhook)
      }
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        received += chunk
        if (!isWhole(received)) return
        if (!received.startsWith('HTTP/1.1 200')) return reject(new Error(`answered with ${received.slice(0, 400)}`))
        seconds[index] = (performance.now() - sentAt) / 1000
        received = ''
        go()
      })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('The server has ended a connection.')))
      go()
    })
    socket.removeAllListeners('close')
    socket.destroy()
  }
  await Promise.all(Array.from({ length: connections }, send))
  return seconds
}

function isWhole(received: string): boolean {
  const head = received.indexOf('\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]
  return head !== -1 && length !== undefined && received.length >= head + 4 + Number(length)
}
