import type { IncomingMessage } from 'node:http'
import { createKycHandler, type KycHandler, type KycHandlerOptions, type RequestHints } from '@persona-kyc/core'
import type { RequestHandler } from 'express'
import { toRequest } from './node-request.js'
import { writeAnswer } from './write-answer.js'

/**
 * Returns the KYC routes as middleware, for any prefix: `app.use('/api', createKycRouter(options))`. Must stand before
 * body parsers, or behind one that keeps the bytes in `req.rawBody` or `req.body`.
 *
 * @throws ConfigurationError when `authorize` is missing, or another option is malformed.
 */
export function createKycRouter(options: KycHandlerOptions): RequestHandler {
  const handler = createKycHandler(options)
  return (req, res, next) => {
    answer(handler, req)
      .then((found) => (found === null ? next() : writeAnswer(found, req, res)))
      .catch(next)
  }
}

/** Resolves with null when the request is none of ours; then its body is untouched. */
async function answer(handler: KycHandler, req: IncomingMessage): ReturnType<KycHandler['answer']> {
  const request = toRequest(req)
  return request === null ? null : handler.answer(request, toHints(req))
}

/** Who is at the other end, and what parsers before us made of the body. An empty one cannot have been consumed. */
function toHints(
  req: IncomingMessage & { body?: unknown; rawBody?: unknown },
): RequestHints & { readonly headerLength: number } {
  const { socket, rawHeaders } = req
  const connection = {
    address: socket.remoteAddress,
    isEncrypted: 'encrypted' in socket && socket.encrypted === true,
    headerLength: rawHeaders.reduce((length, text) => length + text.length, 0),
  }
  if (!req.readableDidRead) return connection
  const bytes = [req.rawBody, req.body].find((body) => body instanceof Uint8Array)
  return { ...connection, consumedBody: bytes ?? req.body ?? null }
}
