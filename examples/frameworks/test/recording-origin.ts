import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A request as it arrived. */
export interface ArrivedRequest {
  readonly method: string | undefined
  readonly target: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A server that answers 202 to everything, and keeps what it was sent. */
export interface RecordingOrigin {
  readonly url: string
  readonly requests: readonly ArrivedRequest[]
  close(): void
}

/** Starts a server that keeps what it is sent. */
export async function startRecordingOrigin(): Promise<RecordingOrigin> {
  const requests: ArrivedRequest[] = []
  const server = createServer(async (request, response) => {
    const { method, url: target, headers } = request
    requests.push({ method, target, headers, body: await buffer(request) })
    response.writeHead(202, { 'x-origin': 'yes' }).end('from the origin')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
