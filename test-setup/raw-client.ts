import { once } from 'node:events'
import { connect } from 'node:net'

/** A client that sends bytes as they are, and hears all that comes back. */
export interface RawClient {
  send(bytes: string | Uint8Array): void
  /** Sends the bytes as simple clients do: hears nothing before the last of them is gone, or ever when that fails. */
  sendDeaf(bytes: string | Uint8Array): void
  /** Sends the bytes again and again, as fast as the server takes them, until the connection is gone. */
  sendForever(bytes: string | Uint8Array): void
  /** Sends the bytes one by one, each in a packet of its own, and resolves when the last is gone or nobody takes it. */
  sendOneByOne(bytes: string | Uint8Array): Promise<void>
  /** Sends one byte after the other, one every few milliseconds and the first at once, until the connection is gone. */
  drip(nextByte: () => string, everyMs: number): void
  /** Resolves with all that was received, once it matches. */
  receive(pattern: RegExp): Promise<string>
  /** Resolves with all that was received, once the connection is gone. */
  readonly closed: Promise<string>
  /** How many bytes have left this process. */
  countSent(): number
  /** Says that nothing more comes, and goes on listening. */
  end(): void
  destroy(): void
  /** Breaks the connection off with a RST. */
  reset(): void
}

/** Connects to a local port. */
export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  // What a server that hangs up leads to: EPIPE and ECONNRESET.
  socket.on('error', () => {})
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  return {
    closed,
    send: (bytes) => void socket.write(bytes),
    sendDeaf: (bytes) => void socket.pause().write(bytes, (error) => (error ? socket.destroy() : socket.resume())),
    sendForever(bytes) {
      const send = () => {
        while (!socket.destroyed && socket.write(bytes));
      }
      socket.on('drain', send)
      send()
    },
    async sendOneByOne(bytes) {
      socket.setNoDelay()
      for (const byte of Buffer.from(bytes)) {
        const isSent = await new Promise((resolve) => socket.write(Buffer.of(byte), (error) => resolve(!error)))
        if (!isSent) return
      }
    },
    drip(nextByte, everyMs) {
      socket.setNoDelay()
      const send = () => void socket.write(nextByte())
      const timer = setInterval(send, everyMs)
      socket.on('close', () => clearInterval(timer))
      send()
    },
    receive: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => pattern.test(text) && resolve(text)
        socket.on('data', check).on('close', () => reject(new Error(`closed, having received: ${text}`)))
        check()
      }),
    countSent: () => socket.bytesWritten - socket.writableLength,
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  }
}

/** The head of a request whose body is yet to come. */
export function toHead(method: string, path: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({ host: 'evil.example', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** One chunk of `transfer-encoding: chunked`. */
export function toChunk(length: number): string {
  return `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`
}
