import { readBytes } from './byte-stream.js'
import type { PlainRequest } from './plain-request.js'
import { HttpError } from './problem.js'

/** How a body may be. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  /** The longest that reading it may take, in milliseconds. */
  readonly bodyTimeoutMs: number
}

/** What is read of a request for its body. */
type WithBody = Pick<PlainRequest, 'headers' | 'body' | 'isAborted'>

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
  const bytes = request.body === null ? new Uint8Array() : await readStream(request.body.getReader(), limits)
  // What is left of a body that was broken off may look like one that is short, or empty.
  const isShort = bytes.length < Number(request.headers.get('content-length') ?? 0)
  if (isShort || request.isAborted) throw interrupted()
  return bytes
}

async function readStream(reader: ReadableStreamDefaultReader<Uint8Array>, limits: BodyLimits): Promise<Uint8Array> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), limits.bodyTimeoutMs)
  })
  try {
    return await Promise.race([readAll(reader, limits.maxBodyBytes), timeout])
  } catch (error) {
    // Not awaited: a stream that hangs may never confirm.
    reader.cancel().catch(() => {})
    throw error instanceof HttpError ? error : interrupted()
  } finally {
    clearTimeout(timer)
  }
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>, maxBodyBytes: number): Promise<Uint8Array> {
  const bytes = await readBytes(reader, maxBodyBytes)
  if (bytes === null) throw tooLarge()
  return bytes
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
