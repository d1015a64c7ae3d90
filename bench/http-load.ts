import { once } from 'node:events'
import { connect } from 'node:net'

/** Where to send requests, and which. */
export interface LoadTarget {
  readonly port: number
  readonly path: string
  readonly token: string
}

/** Where to send requests that differ from one another. */
export interface LoadSource {
  readonly port: number
  /** The next request, whole. */
  create(): string
  /** The status that all of them are answered with. */
  readonly status: number
}

const CONNECTIONS = 16

/** Sends one request after the other on each connection, and resolves with how many were answered a second. */
export async function measureRate(target: LoadTarget, durationMs: number): Promise<number> {
  const request = toRequest('GET', target)
  return measureRateOf({ port: target.port, create: () => request, status: 200 }, durationMs)
}

/** As `measureRate`, of requests that are made as they are sent. */
export async function measureRateOf(source: LoadSource, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs
  const start = performance.now()
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(source, end)))
  const answered = counts.reduce((sum, count) => sum + count, 0)
  return answered / ((performance.now() - start) / 1000)
}

/** Returns a request as it is sent; one with a body says that it is JSON. The body must be ASCII. */
export function toRequest(method: string, { path, token }: Pick<LoadTarget, 'path' | 'token'>, body = ''): string {
  const head = [`${method} ${path} HTTP/1.1`, 'Host: bench', `Authorization: Bearer ${token}`, 'Accept: */*']
  if (body !== '') head.push('Content-Type: application/json', `Content-Length: ${body.length}`)
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** Asks until then. Rejects at the first answer that has another status. */
async function ask({ port, create, status }: LoadSource, end: number): Promise<number> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  return new Promise<number>((resolve, reject) => {
    let count = 0
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk
      const length = toLength(received)
      if (length === null || received.length < length) return
      if (!received.startsWith(`HTTP/1.1 ${status}`)) return reject(new Error(`answered with ${received.slice(0, 20)}`))
      count += 1
      received = ''
      if (performance.now() < end) return void socket.write(create())
      socket.destroy()
      resolve(count)
    })
    socket.on('error', reject)
    socket.write(create())
  })
}

/** The length of head and body; null while the head is not there whole. */
function toLength(received: string): number | null {
  const head = received.indexOf('\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]
  return head === -1 || length === undefined ? null : head + 4 + Number(length)
}
