import type { IncomingMessage } from 'node:http'
import type { BodyReading, PlainRequest } from '@persona-kyc/core'
import { readNodeBody, toBodyStream } from './node-body.js'

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
  #made: Request | undefined
  #isTaken = false

  constructor(req: IncomingMessage, method: string, url: string) {
    this.method = method
    this.url = url
    this.#req = req
  }

  get headers(): PlainRequest['headers'] {
    return { get: (name) => toValues(this.#req, name)?.join(', ') ?? null }
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.toRequest().body
  }

  readBody(maxBytes: number): BodyReading | null {
    // The body of a Request is read as a stream.
    if (this.#made !== undefined) return null
    this.#isTaken = true
    return readNodeBody(this.#req, maxBytes)
  }

  get bodyUsed(): boolean {
    return this.#made?.bodyUsed ?? false
  }

  get isAborted(): boolean {
    return this.#req.destroyed && !this.#req.complete
  }

  /** Without a body where that was taken before. */
  toRequest(): Request {
    const { method } = this
    const hasBody = method !== 'GET' && method !== 'HEAD' && !this.#isTaken
    this.#made ??= new Request(this.url, {
      method,
      headers: toHeaders(this.#req),
      ...(hasBody && { body: toBodyStream(this.#req), duplex: 'half' }),
    })
    return this.#made
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
  const { headersDistinct } = req
  for (const [name, value] of Object.entries(req.headers)) {
    for (const one of toDistinct(value, headersDistinct[name]) ?? []) headers.append(name, one)
  }
  return headers
}

/** The values of one header; null where it is missing. */
function toValues({ headers, rawHeaders }: IncomingMessage, name: string): readonly string[] | null {
  const value = headers[name]
  if (value === undefined) return null
  const sent = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)
  return toDistinct(value, sent)
}

/**
 * Of a repeated header that Node keeps the first of, such as `Authorization`, all values are given: which of them counts is
 * not decided here. What middleware has put there, a number perhaps, is a text on the wire.
 */
function toDistinct(value: unknown, sent: readonly string[] = []): readonly string[] | null {
  if (value === undefined) return null
  if (sent.length > 1 && sent[0] === value) return sent
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
