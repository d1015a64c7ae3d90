import { once } from 'node:events'
import { connect } from 'node:net'

/** Where to send requests, and which. */
export interface LoadTarget {
  readonly port: number
  readonly path: string
  readonly token: string
}

const CONNECTIONS = 16

/** Sends one request after the other on each connection, and resolves with how many were answered a second. */
export async function measureRate(target: LoadTarget, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs
  const start = performance.now()
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(target, end)))
  const answered = counts.reduce((sum, count) => sum + count, 0)
  return answered / ((performance.now() - start) / 1000)
}

/** Asks until then. Rejects at the first answer that is not a 200. */
async function ask({ port, path, token }: LoadTarget, end: number): Promise<number> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\nAccept: */*\r\n\r\n`
  return new Promise<number>((resolve, reject) => {
    let count = 0
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk
      const length = toLength(received)
      if (length === null || received.length < length) return
      if (!received.startsWith('HTTP/1.1 200')) return reject(new Error(`answered with ${received.slice(0, 20)}`))
      count += 1
      received = ''
      if (performance.now() < end) return void socket.write(request)
      socket.destroy()
      resolve(count)
    })
    socket.on('error', reject)
    socket.write(request)
  })
}

/** The length of head and body; null while the head is not there whole. */
function toLength(received: string): number | null {
  const head = received.indexOf('\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1]
  return head === -1 || length === undefined ? null : head + 4 + Number(length)
}
