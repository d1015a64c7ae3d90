import type { IncomingMessage } from 'node:http'
import type { PlainRequest } from '@persona-kyc/core'
import { toBodyStream } from './body-stream.js'

/** The request as the routes read it; null where the web has no name for it: none of our routes is called like this. */
export function toRequest(req: IncomingMessage): PlainRequest | null {
  const { method = 'GET' } = req
  const url = toUrl(req.url ?? '/')
  // fetch forbids TRACE.
  if (url === null || method === 'TRACE') return null
  let stream: ReadableStream<Uint8Array> | undefined
  let made: Request | undefined
  const toStream = () => {
    stream ??= toBodyStream(req)
    return stream
  }
  return {
    method,
    url,
    headers: { get: (name) => toValues(req, name)?.join(', ') ?? null },
    get body() {
      return made === undefined ? toStream() : made.body
    },
    get bodyUsed() {
      return made?.bodyUsed ?? false
    },
    get isAborted() {
      return req.destroyed && !req.complete
    },
    toRequest() {
      const hasBody = method !== 'GET' && method !== 'HEAD'
      made ??= new Request(url, {
        method,
        headers: toHeaders(req),
        ...(hasBody && { body: toStream(), duplex: 'half' }),
      })
      return made
    },
  }
}

/**
 * The URL, of a fixed host: what the caller wrote as one proves nothing. Null when the path has another normal form:
 * guards before us compared it as it was sent, and `/a/../compliance` must not pass them for another path.
 */
function toUrl(target: string): string | null {
  const pathAndQuery = target.replace(/^https?:\/\/[^/?#]*/i, '')
  const [path = ''] = pathAndQuery.split('?', 1)
  if (!path.startsWith('/')) return null
  const url = new URL(`http://localhost${pathAndQuery}`)
  return url.pathname === path ? url.href : null
}

/** The headers as middleware before us has left them. */
function toHeaders(req: IncomingMessage): Headers {
  const headers = new Headers()
  for (const name of Object.keys(req.headers)) {
    for (const value of toValues(req, name) ?? []) headers.append(name, value)
  }
  return headers
}

/**
 * The values of a header; null where it is missing. Of a repeated one that Node keeps the first of, such as
 * `Authorization`, all are given: which of them counts is not decided here.
 */
function toValues({ headers, headersDistinct }: IncomingMessage, name: string): readonly string[] | null {
  const value = headers[name]
  if (value === undefined) return null
  const all = headersDistinct[name] ?? []
  return all.length > 1 && all[0] === value ? all : [value].flat()
}
