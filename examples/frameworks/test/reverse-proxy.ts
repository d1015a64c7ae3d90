import { createServer, type IncomingMessage, request as sendRequest } from 'node:http'
import { listen } from './listening-server.js'

/** How {@link startReverseProxy} starts. */
export interface ReverseProxyOptions {
  /** The server behind it: its URL, with what is put before each path. */
  readonly target: string
  /** What is taken from the front of each path. Default: nothing. */
  readonly strip?: string
  /** Who its clients seem to be. */
  readonly clientAddress: string
}

/**
 * Starts a proxy that ends TLS, as it says, and resolves with its URL. It names another host, and appends to
 * `X-Forwarded-For` what it sees.
 */
export function startReverseProxy({ target, strip = '', clientAddress }: ReverseProxyOptions): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming
    const headers = toForwardedHeaders(incoming, clientAddress)
    const forwarded = sendRequest(`${target}${url.slice(strip.length)}`, { method, headers, setHost: false })
    forwarded.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  return listen(server)
}

function toForwardedHeaders({ headers }: IncomingMessage, clientAddress: string) {
  const { host, connection, 'x-forwarded-for': before, ...rest } = headers
  return {
    ...rest,
    host: 'internal.example',
    'x-forwarded-host': host,
    'x-forwarded-proto': 'https',
    'x-forwarded-for': before === undefined ? clientAddress : `${before}, ${clientAddress}`,
  }
}
