import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'

/** How long a client may go on sending after an early answer, in milliseconds. */
const LINGER_MS = 500

/** Writes the answer, unless nobody is there any more. Resolves when all of it is handed over. */
export async function writeResponse(response: Response, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (res.destroyed) return
  // Express names itself on every answer of an app that does not forbid it.
  res.removeHeader('x-powered-by')
  const length = response.body === null ? {} : { 'content-length': bytes.length }
  res.writeHead(response.status, { ...Object.fromEntries(response.headers), ...length })
  res.write(bytes)
  if (!req.complete) await drain(req)
  // Who is still sending would keep the connection for as long as they like.
  if (!req.complete) res.once('finish', () => req.socket.destroySoon())
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
