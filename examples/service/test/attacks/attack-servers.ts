import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import express from 'express'
import { Hono } from 'hono'

/** The servers under attack. */
export const SERVER_NAMES = ['express', 'hono'] as const
export type ServerName = (typeof SERVER_NAMES)[number]

/** A server that has the routes at its root, and an app behind them. */
export interface AttackServer {
  readonly port: number
  /** Resolves once the head of the request has arrived that names this id in `X-Attack-Id`. */
  arrived(id: string): Promise<void>
  /** Resolves once no connection is left. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** A request for the app behind the routes, by which an attack shows that the server is in step with its client. */
export const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
/** The header of what the app answers, as it does where a path is none of the routes'. */
export const APP_HEADER = 'x-app'

/** Returns a listener that is an app with the routes in it, as the examples make theirs. */
export function createListener(name: ServerName, options: KycHandlerOptions): RequestListener {
  if (name === 'express') {
    const app = express()
    app.use(createKycRouter(options))
    app.use((req, res) => {
      const isSentinel = req.url === '/sentinel'
      res
        .status(isSentinel ? 200 : 404)
        .set(APP_HEADER, 'yes')
        .type('text')
        .send(isSentinel ? 'sentinel' : 'none')
    })
    return app
  }
  const app = new Hono()
  app.route('/', createKycApp(options))
  app.get('/sentinel', (c) => c.text('sentinel', 200, { [APP_HEADER]: 'yes' }))
  app.notFound((c) => c.text('none', 404, { [APP_HEADER]: 'yes' }))
  return getRequestListener(app.fetch)
}

/** Starts a server on a free port. */
export async function startAttackServer(listener: RequestListener, options: ServerOptions = {}): Promise<AttackServer> {
  const server = createServer(options, listener)
  const sockets = watchConnections(server)
  const arrived = watchArrivals(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    idle: sockets.idle,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function watchConnections(server: Server) {
  let open = 0
  let onIdle = () => {}
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => {
      open -= 1
      if (open === 0) onIdle()
    })
  })
  return {
    idle: () =>
      new Promise<void>((resolve) => {
        onIdle = resolve
        if (open === 0) resolve()
      }),
  }
}

function watchArrivals(server: Server): AttackServer['arrived'] {
  const arrived = new Set<string>()
  const waiting = new Map<string, () => void>()
  server.on('request', ({ headers }: IncomingMessage) => {
    const id = headers['x-attack-id']
    if (typeof id !== 'string') return
    arrived.add(id)
    waiting.get(id)?.()
  })
  return (id) =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      if (arrived.has(id)) resolve()
    })
}
