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
  /** Reads the body instead of `body`, where the server has a faster way than a stream; null where it has none for this one. */
  readonly readBody?: ((maxBytes: number) => BodyReading | null) | undefined
  readonly bodyUsed: boolean
  /** Whether the caller has gone away, or broken off. Some servers then give a body that is cut short, and no error. */
  readonly isAborted: boolean
  /** Returns the request as the web knows it, the same one each time. Who reads its body must read that of a clone. */
  toRequest(): Request
}

/** A body that is being read whole. */
export interface BodyReading {
  /** Null as soon as there are more bytes than asked for. Rejects when the body ends early. */
  readonly bytes: Promise<Uint8Array | null>
  /** Reads no further. */
  cancel(): void
}

/** Returns a Request as the routes read it. `keepsLength`: its body is no longer than its `Content-Length`. */
export function toPlainRequest(request: Request, { keepsLength = false } = {}): PlainRequest {
  return new WebRequest(request, keepsLength)
}

/** A class: getters of an object are made anew with each one. */
class WebRequest implements PlainRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly #request: Request
  readonly #keepsLength: boolean

  constructor(request: Request, keepsLength: boolean) {
    this.#keepsLength = keepsLength
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

  readBody(maxBytes: number): BodyReading | null {
    const length = this.headers.get('content-length')
    if (!this.#keepsLength || length === null || !(Number(length) <= maxBytes)) return null
    const toBytes = (buffer: ArrayBuffer) => (buffer.byteLength <= maxBytes ? new Uint8Array(buffer) : null)
    return { bytes: this.#request.arrayBuffer().then(toBytes), cancel() {} }
  }

  get isAborted(): boolean {
    return this.#request.signal.aborted
  }

  toRequest(): Request {
    return this.#request
  }
}
