import { readBytes } from './byte-stream.js'
import type { BodyReading, PlainRequest } from './plain-request.js'
import { HttpError } from './problem.js'

/** How a body may be. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  /** The longest that reading it may take, in milliseconds. */
  readonly bodyTimeoutMs: number
}

/** What is read of a request for its body. */
type WithBody = Pick<PlainRequest, 'headers' | 'body' | 'readBody' | 'isAborted'>

/** True where the request says that it has a body. */
export function isBodyAnnounced({ headers }: Pick<PlainRequest, 'headers'>): boolean {
  return headers.get('transfer-encoding') !== null || Number(headers.get('content-length') ?? 0) !== 0
}

/** Throws a 413 where the length that the request announces is too large. */
export function requireAnnouncedSize({ headers }: Pick<PlainRequest, 'headers'>, maxBodyBytes: number): void {
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes) throw tooLarge()
}

/**
 * Reads a body whole. Rejects with a 413 as soon as it is known to be too large, without reading on, with a 408 when it
 * is not there in time, and with a 400 when it ends before all of it is there.
 */
export async function readBody(request: WithBody, limits: BodyLimits): Promise<Uint8Array> {
  requireAnnouncedSize(request, limits.maxBodyBytes)
  const bytes = await readWhole(startReading(request, limits), limits)
  // What is left of a body that was broken off may look like one that is short, or empty.
  const length = request.headers.get('content-length')
  const isBrokenOff = length === null ? request.isAborted : bytes.length < Number(length)
  if (isBrokenOff) throw interrupted()
  return bytes
}

function startReading(request: WithBody, { maxBodyBytes }: BodyLimits): BodyReading {
  const reading = request.readBody?.(maxBodyBytes)
  if (reading !== undefined && reading !== null) return reading
  if (request.body === null) return { bytes: Promise.resolve(new Uint8Array()), cancel() {} }
  const reader = request.body.getReader()
  return {
    bytes: readBytes(reader, maxBodyBytes),
    cancel() {
      // Not awaited: a stream that hangs may never confirm.
      reader.cancel().catch(() => {})
    },
  }
}

async function readWhole({ bytes, cancel }: BodyReading, { bodyTimeoutMs }: BodyLimits): Promise<Uint8Array> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), bodyTimeoutMs)
  })
  try {
    const read = await Promise.race([bytes, timeout])
    if (read !== null) return read
  } catch (error) {
    cancel()
    throw error instanceof HttpError ? error : interrupted()
  } finally {
    clearTimeout(timer)
  }
  cancel()
  throw tooLarge()
}

// The rest of the body is not read, so the connection cannot be used again.
const CLOSE = { connection: 'close' }

function tooLarge(): HttpError {
  return new HttpError(413, 'body_too_large', { detail: 'The body is too large.', headers: CLOSE })
}

function tooSlow(): HttpError {
  return new HttpError(408, 'body_timeout', { detail: 'The body did not arrive in time.', headers: CLOSE })
}

function interrupted(): HttpError {
  return new HttpError(400, 'body_interrupted', { detail: 'The body ended early.', headers: CLOSE })
}
