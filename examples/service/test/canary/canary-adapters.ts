import { once } from 'node:events'
import { createServer, request as openRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createKycHandler, type KycHandler, type KycHandlerOptions, type RequestHints } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import express from 'express'
import express4 from 'express4'
import { Hono } from 'hono'

/** A request as the tests send it. */
export interface Draft {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** What becomes of the body after these bytes. Default: it ends. */
  readonly bodyEnd?: 'breaks' | 'hangs' | undefined
}

/** An answer with all that is sent of it, as text. */
export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** An app with the routes. */
export interface Site {
  /** Resolves with the answer; null for a request that was broken off, where nobody is left to be answered. */
  send(draft: Draft): Promise<Answer | null>
  close(): Promise<void>
}

/** A way to the routes. */
export interface Adapter {
  readonly name: string
  /** The folder in `packages`, and the framework's version where it has several. */
  readonly of: string
  /** True where the routes answer all paths. */
  readonly ownsAllPaths: boolean
  /** Opens an app; one with a parser has read bodies as JSON before the routes come. */
  open(options: KycHandlerOptions, given: { readonly hasParser: boolean }): Promise<Site>
}

/** Each way to the routes. */
export const ADAPTERS: readonly Adapter[] = [
  { name: 'Express 5', of: 'express-adapter 5', ownsAllPaths: false, open: serveWith(toExpressListener(express)) },
  { name: 'Express 4', of: 'express-adapter 4', ownsAllPaths: false, open: serveWith(toExpressListener(express4)) },
  { name: 'Hono', of: 'hono-adapter', ownsAllPaths: false, open: serveWith(toHonoListener) },
  { name: 'node:http and Fastify', of: 'core', ownsAllPaths: true, open: serveWith(toNodeListener) },
  { name: 'fetch', of: 'core', ownsAllPaths: true, open: openFetch },
]

type ToListener = (options: KycHandlerOptions, given: { readonly hasParser: boolean }) => RequestListener

/** Both versions are used alike; their types are each other's strangers. */
function toExpressListener(make: typeof express | typeof express4): ToListener {
  return (options, { hasParser }) => {
    const app = (make as typeof express)()
    if (hasParser) app.use((make as typeof express).json({ limit: '1mb', type: () => true }))
    app.use(createKycRouter(options))
    app.use((_req, res) => void res.status(404).type('text').send('none'))
    return app
  }
}

function toHonoListener(options: KycHandlerOptions, { hasParser }: { readonly hasParser: boolean }): RequestListener {
  const app = new Hono()
  if (hasParser) {
    app.use(async (c, next) => {
      await c.req.json()
      await next()
    })
  }
  app.route('/', createKycApp(options))
  app.notFound((c) => c.text('none', 404))
  return getRequestListener(app.fetch)
}

/** As the examples for `node:http` and Fastify do it. */
function toNodeListener(options: KycHandlerOptions, { hasParser }: { readonly hasParser: boolean }): RequestListener {
  const handler = createKycHandler(options)
  return getRequestListener(async (request, { incoming }) => {
    const hints = { address: incoming.socket.remoteAddress, isEncrypted: false }
    return answer(handler, request, { ...hints, ...(hasParser && { consumedBody: await request.json() }) })
  })
}

async function answer(handler: KycHandler, request: Request, hints: RequestHints): Promise<Response> {
  return (await handler.handle(request, hints)) ?? handler.fetch(request)
}

function serveWith(toListener: ToListener): Adapter['open'] {
  return async (options, given) => {
    const server = createServer(toListener(options, given))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      async send(draft) {
        const arrived = once(server, 'request')
        const request = openRequest({ ...draft, agent: false, host: '127.0.0.1', port })
        if (draft.bodyEnd === undefined) return read(request.end(draft.body))
        request.write(draft.body)
        if (draft.bodyEnd === 'hangs') return read(request)
        request.on('error', () => {})
        await arrived
        request.destroy()
        return null
      },
      async close() {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      },
    }
  }
}

async function read(request: ReturnType<typeof openRequest>): Promise<Answer> {
  const [response] = await once(request, 'response')
  const body = (await response.setEncoding('utf8').toArray()).join('')
  request.destroy()
  return { status: response.statusCode, head: [response.statusMessage, ...response.rawHeaders].join('\n'), body }
}

/** As Next and Workers do it. */
async function openFetch(options: KycHandlerOptions, { hasParser }: { readonly hasParser: boolean }): Promise<Site> {
  const handler = createKycHandler(options)
  return {
    async send({ method, path, headers, body, bodyEnd }) {
      const init = {
        method,
        headers,
        ...(body.length > 0 && { body: toStream(body, bodyEnd), duplex: 'half' as const }),
      }
      const request = new Request(`http://kyc.example${path}`, init)
      const response = hasParser
        ? await answer(handler, request, { consumedBody: await request.json() })
        : await handler.fetch(request)
      const { status, statusText } = response
      return { status, head: [statusText, ...response.headers].join('\n'), body: await response.text() }
    },
    async close() {},
  }
}

function toStream(body: Uint8Array, bodyEnd: Draft['bodyEnd']): ReadableStream<Uint8Array> {
  let isSent = false
  return new ReadableStream({
    pull(controller) {
      if (!isSent) controller.enqueue(body)
      else if (bodyEnd === undefined) controller.close()
      else if (bodyEnd === 'breaks') controller.error(new Error(Buffer.from(body).toString()))
      isSent = true
    },
  })
}
