import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'
import type { HttpAnswer } from '@persona-kyc/core'

/** How long a client may go on sending after an early answer, in milliseconds. */
const LINGER_MS = 500
/** What of a body may come after that. */
const MAX_REST_MS = 5000
const MAX_REST_BYTES = 64 * 1024 * 1024

/** Writes the answer, unless nobody is there any more. Resolves when all of it is handed over. */
export async function writeAnswer(
  { status, headers, body }: HttpAnswer,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (res.destroyed) return
  // Express names itself on every answer of an app that does not forbid it.
  res.removeHeader('x-powered-by')
  if (body !== null) res.setHeader('content-length', Buffer.byteLength(body))
  res.writeHead(status, headers)
  if (req.complete) return void res.end(body)
  res.write(body ?? '')
  await drain(req)
  if (!req.complete) limitRest(req)
  res.end()
}

/**
 * Reads on for a moment and drops what comes: TCP takes the answer back from a client that is still sending when its
 * connection is closed (RFC 9112, section 9.6).
 */
async function drain(req: IncomingMessage): Promise<void> {
  req.resume()
  await finished(req, { writable: false, cleanup: true, signal: AbortSignal.timeout(LINGER_MS) }).catch(() => {})
}

/** Who sends on and on after the answer loses the connection. */
function limitRest(req: IncomingMessage): void {
  let length = 0
  const count = (chunk: Uint8Array | string) => {
    length += chunk.length
    if (length > MAX_REST_BYTES) end()
  }
  const end = () => {
    // What comes until the connection is gone must not end it again: each time the socket would keep a listener.
    req.off('data', count)
    req.socket.destroySoon()
  }
  const timer = setTimeout(end, MAX_REST_MS).unref()
  req.once('close', () => clearTimeout(timer))
  req.on('data', count)
}
