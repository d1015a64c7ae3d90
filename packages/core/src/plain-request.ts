/**
 * What the routes read of a request. A Request has it all; a server that has no Request of its own gives this instead,
 * and makes one where somebody asks for it.
 */
export interface PlainRequest {
  readonly method: string
  readonly url: string
  readonly headers: Pick<Headers, 'get'>
  /** Read at most once, and only by routes that have a body. */
  readonly body: ReadableStream<Uint8Array> | null
  readonly bodyUsed: boolean
  /** Whether the caller has gone away, or broken off. Some servers then give a body that is cut short, and no error. */
  readonly isAborted: boolean
  /** Returns the request as the web knows it, the same one each time. Who reads its body must read that of a clone. */
  toRequest(): Request
}

/** Returns a Request as the routes read it. */
export function toPlainRequest(request: Request): PlainRequest {
  return new WebRequest(request)
}

/** A class: getters of an object are made anew with each one. */
class WebRequest implements PlainRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly #request: Request

  constructor(request: Request) {
    this.method = request.method
    this.url = request.url
    this.headers = request.headers
    this.#request = request
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#request.body
  }

  get bodyUsed(): boolean {
    return this.#request.bodyUsed
  }

  get isAborted(): boolean {
    return this.#request.signal.aborted
  }

  toRequest(): Request {
    return this.#request
  }
}
