import type { IncomingMessage } from 'node:http'
import type { PlainRequest } from '@persona-kyc/core'
import { toBodyStream } from './body-stream.js'

/** The request as the routes read it; null where the web has no name for it: none of our routes is called like this. */
export function toRequest(req: IncomingMessage): PlainRequest | null {
  const { method = 'GET' } = req
  const url = toUrl(req.url ?? '/')
  // fetch forbids TRACE.
  return url === null || method === 'TRACE' ? null : new NodeRequest(req, method, url)
}

/** A class: the getters and functions of an object are made anew with each one, and most requests need few of them. */
class NodeRequest implements PlainRequest {
  readonly method: string
  readonly url: string
  readonly #req: IncomingMessage
  #stream: ReadableStream<Uint8Array> | undefined
  #made: Request | undefined

  constructor(req: IncomingMessage, method: string, url: string) {
    this.method = method
    this.url = url
    this.#req = req
  }

  get headers(): PlainRequest['headers'] {
    return { get: (name) => toValues(this.#req, name)?.join(', ') ?? null }
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#made === undefined ? this.#toStream() : this.#made.body
  }

  get bodyUsed(): boolean {
    return this.#made?.bodyUsed ?? false
  }

  get isAborted(): boolean {
    return this.#req.destroyed && !this.#req.complete
  }

  toRequest(): Request {
    const { method } = this
    const hasBody = method !== 'GET' && method !== 'HEAD'
    this.#made ??= new Request(this.url, {
      method,
      headers: toHeaders(this.#req),
      ...(hasBody && { body: this.#toStream(), duplex: 'half' }),
    })
    return this.#made
  }

  #toStream(): ReadableStream<Uint8Array> {
    this.#stream ??= toBodyStream(this.#req)
    return this.#stream
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
function toValues({ headers, rawHeaders }: IncomingMessage, name: string): readonly string[] | null {
  const value = headers[name]
  if (value === undefined) return null
  if (typeof value !== 'string') return value
  const all = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)
  return all.length > 1 && all[0] === value ? all : [value]
}
