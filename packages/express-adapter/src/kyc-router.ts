import type { IncomingMessage, ServerResponse } from 'node:http'
import { createKycHandler, type KycHandler, type KycHandlerOptions, type RequestHints } from '@persona-kyc/core'
import { Router } from 'express'
import { toRequest } from './web-request.js'
import { writeResponse } from './web-response.js'

/**
 * Returns the KYC routes as a router, for any prefix: `app.use('/api', createKycRouter(options))`. Must stand before
 * body parsers, or behind one that keeps the bytes in `req.rawBody` or `req.body`.
 *
 * @throws ConfigurationError when `authorize` is missing, or another option is malformed.
 */
export function createKycRouter(options: KycHandlerOptions): Router {
  const handler = createKycHandler(options)
  const router = Router()
  router.use((req, res, next) => {
    respond(handler, req, res).then((isAnswered) => {
      if (!isAnswered) next()
    }, next)
  })
  return router
}

/** Resolves with false when the request is none of ours; then its body is untouched. */
async function respond(handler: KycHandler, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  const request = toRequest(req)
  const response = request === null ? null : await handler.handle(request, toHints(req))
  if (response === null) return false
  await writeResponse(response, req, res)
  return true
}

/** Who is at the other end, and what parsers before us made of the body. An empty one cannot have been consumed. */
function toHints(req: IncomingMessage & { body?: unknown; rawBody?: unknown }): RequestHints {
  const { socket } = req
  const connection = { address: socket.remoteAddress, isEncrypted: 'encrypted' in socket && socket.encrypted === true }
  if (!req.readableDidRead) return connection
  const bytes = [req.rawBody, req.body].find((body) => body instanceof Uint8Array)
  return { ...connection, consumedBody: bytes ?? req.body ?? null }
}
