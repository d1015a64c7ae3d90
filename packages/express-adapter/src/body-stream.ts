import type { IncomingMessage } from 'node:http'
import { finished } from 'node:stream'

/**
 * The body as a stream that reads nothing before it is asked to, and errors when the client goes away. Unlike that of
 * `Readable.toWeb`, its cancellation leaves the socket open: the answer is yet to be written.
 */
export function toBodyStream(req: IncomingMessage): ReadableStream<Uint8Array> {
  let detach: (() => void) | undefined

  const attach = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const onData = (chunk: Uint8Array | string) => {
      req.pause()
      controller.enqueue(toBytes(chunk, req.readableEncoding))
    }
    const unwatch = finished(req, { writable: false }, (error) => {
      if (error) controller.error(error)
      else controller.close()
    })
    req.on('data', onData)
    return () => {
      req.off('data', onData)
      unwatch()
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        detach ??= attach(controller)
        req.resume()
      },
      cancel() {
        detach?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Chunks are text after a middleware's `req.setEncoding`. */
function toBytes(chunk: Uint8Array | string, encoding: BufferEncoding | null): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk
}
