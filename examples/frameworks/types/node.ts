import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { KycHandler } from '@persona-kyc/core'

declare const handler: KycHandler

createServer(getRequestListener((request) => handler.fetch(request)))
createServer(
  getRequestListener(async (request, { incoming }) => {
    const hints = { address: incoming.socket.remoteAddress, isEncrypted: false }
    return (await handler.handle(request, hints)) ?? new Response(null, { status: 404 })
  }),
)

// @ts-expect-error: what the runtime passes second is no hint.
getRequestListener(handler.handle)
