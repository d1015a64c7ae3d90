import type { IncomingMessage } from 'node:http'
import { toBodyStream } from './body-stream.js'

/** The request as the web knows it; null where that has no name for it: none of our routes is called like this. */
export function toRequest(req: IncomingMessage): Request | null {
  const { method = 'GET' } = req
  const url = toUrl(req.url ?? '/')
  // fetch forbids TRACE.
  if (url === null || method === 'TRACE') return null
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(url, {
    method,
    headers: toHeaders(req),
    ...(hasBody && { body: toBodyStream(req), duplex: 'half' }),
  })
}

/**
 * The URL, of a fixed host: what the caller wrote as one proves nothing. Null when the path has another normal form:
 * guards before us compared it as it was sent, and `/a/../compliance` must not pass them for another path.
 */
function toUrl(target: string): URL | null {
  const pathAndQuery = target.replace(/^https?:\/\/[^/?#]*/i, '')
  const [path = ''] = pathAndQuery.split('?', 1)
  if (!path.startsWith('/')) return null
  const url = new URL(`http://localhost${pathAndQuery}`)
  return url.pathname === path ? url : null
}

/**
 * The headers as middleware before us has left them. Of a repeated one that Node keeps the first of, such as
 * `Authorization`, all are given: which of them counts is not decided here.
 */
function toHeaders({ headers: incoming, headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value = []] of Object.entries(incoming)) {
    const all = headersDistinct[name] ?? []
    const values = all.length > 1 && all[0] === value ? all : [value].flat()
    for (const one of values) headers.append(name, one)
  }
  return headers
}
