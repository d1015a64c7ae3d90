import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFakePersona, type FakePersona, type FakePersonaOptions } from './fake-persona.js'

/** How {@link startFakePersonaServer} starts. The fake's own options count only when no `fake` is given. */
export interface FakePersonaServerOptions extends FakePersonaOptions {
  /** The fake to serve. Default: a new one. */
  readonly fake?: FakePersona
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
}

/** A fake Persona behind a real port. */
export interface FakePersonaServer {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  /** `url` with `/api/v1`: what a client is given as Persona's address. */
  readonly baseUrl: string
  readonly fake: FakePersona
  /** Stops listening, breaks the connections that are open, and resolves when the port is free. */
  close(): Promise<void>
}

/** Starts a server and resolves when it listens. Faults of the connection destroy the socket. Rejects when the port is taken. */
export async function startFakePersonaServer(options: FakePersonaServerOptions = {}): Promise<FakePersonaServer> {
  const { fake = createFakePersona(options), port = 0, host = '127.0.0.1' } = options
  // Loaded here, so that tests without a server do not load it.
  const { getRequestListener } = await import('@hono/node-server')
  const { createServer } = await import('node:http')
  const listener = getRequestListener((request, { incoming }) => answerOrDisconnect(fake, request, incoming.socket), {
    overrideGlobalObjects: false,
  })
  const server = createServer(listener)
  const url = `http://${host}:${await listen(server, port, host)}`
  return {
    url,
    baseUrl: `${url}/api/v1`,
    fake,
    async close() {
      if (options.fake === undefined) fake.close()
      await stop(server)
    },
  }
}

async function answerOrDisconnect(
  fake: FakePersona,
  request: Request,
  socket: IncomingMessage['socket'],
): Promise<Response> {
  try {
    return await fake.fetch(request)
  } catch {
    socket.destroy()
    return new Response()
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

function stop(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}
