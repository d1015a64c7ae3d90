import type { IncomingMessage } from 'node:http'
import { finished } from 'node:stream'
import type { BodyReading } from '@persona-kyc/core'

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

/** Reads the body whole, as it comes. */
export function readNodeBody(req: IncomingMessage, maxBytes: number): BodyReading {
  let stop = () => {}
  const bytes = new Promise<Uint8Array | null>((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const onData = (chunk: Uint8Array | string) => {
      const received = toBytes(chunk, req.readableEncoding)
      length += received.length
      if (length <= maxBytes) return void chunks.push(received)
      stop()
      resolve(null)
    }
    const unwatch = finished(req, { writable: false }, (error) => {
      stop()
      if (error) reject(error)
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length))
    })
    stop = () => {
      req.off('data', onData)
      req.pause()
      unwatch()
    }
    // Somebody before us may have paused it.
    req.on('data', onData).resume()
  })
  return { bytes, cancel: () => stop() }
}

/** Chunks are text after a middleware's `req.setEncoding`. */
function toBytes(chunk: Uint8Array | string, encoding: BufferEncoding | null): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : chunk
}
