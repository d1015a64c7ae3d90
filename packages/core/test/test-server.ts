import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** Returns a function that has a server listen on the loopback, until the tests of the file are over, and says its URL. */
export function createListen(): (handle: RequestListener) => Promise<string> {
  const servers: Server[] = []
  afterAll(async () => {
    for (const server of servers) {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  })
  return async (handle) => {
    const server = createServer(handle)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
}

/** A listener of node:http for a function from Request to Response. */
export function toListener(fetch: (request: Request) => Promise<Response>): RequestListener {
  return async (message, response) => {
    const { method = 'GET', url = '/', headers } = message
    const body = new Uint8Array(Buffer.concat(await message.toArray()))
    const given = { method, headers: headers as Record<string, string>, ...(body.length > 0 && { body }) }
    const answer = await fetch(new Request(new URL(url, `http://${headers.host}`), given))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  }
}
