import { readBytes } from './byte-stream.js'
import { KycError } from './errors.js'
import type { AnswerCheck } from './kyc-api-answer.js'
import { KycApiError } from './kyc-api-error.js'
import { toNetworkCause } from './network-cause.js'
import { type RetryOptions, withRetries } from './retries.js'

/** One call of the KYC API. */
export interface KycApiRequest<Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the base URL, starting with a slash. */
  readonly path: string
  /** What is null or undefined is left out. */
  readonly query?: object | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The statuses that an answer may have. */
  readonly statuses: readonly number[]
  readonly isAnswer: AnswerCheck<Answer>
  /** True where the request may be sent again although it may have taken effect. */
  readonly isRepeatable: boolean
  /** Ends the call, waiting times included. */
  readonly signal?: AbortSignal | undefined
}

/** Sends a request, with retries, and resolves with its checked answer. Rejects with KycApiError. */
export type SendKycApiRequest = <Answer>(request: KycApiRequest<Answer>) => Promise<Answer>

/** What a sender needs: see KycApiOptions for the meaning and the defaults. */
export interface KycApiSenderOptions extends RetryOptions {
  readonly baseUrl: string
  readonly token: string | (() => string | Promise<string>) | undefined
  readonly credentials: 'include' | 'omit' | 'same-origin' | undefined
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
}

/** Returns the function that talks to the KYC API. */
export function createKycApiSender(options: KycApiSenderOptions): SendKycApiRequest {
  return async (request) => {
    const { signal, isRepeatable } = request
    const url = `${options.baseUrl}${request.path}${toSearch(request.query)}`
    const init = toInit(request, options)
    try {
      return await withRetries(() => attempt(request, { url, init, options }), {
        ...options,
        signal,
        toPassing: (error) => (isRepeatable && error instanceof KycApiError && isPassing(error) ? error : null),
      })
    } catch (error) {
      // All else is a wait that ended early.
      throw error instanceof KycApiError ? error : new KycApiError('aborted')
    }
  }
}

interface Sending {
  readonly url: string
  readonly init: RequestInit & { readonly headers: Readonly<Record<string, string>> }
  readonly options: KycApiSenderOptions
}

/** One attempt, which ends in time even where a fetch, a body or a token does not. */
async function attempt<Answer>(request: KycApiRequest<Answer>, sending: Sending): Promise<Answer> {
  const controller = new AbortController()
  const end = (reason: 'timeout' | 'aborted') => controller.abort(new KycApiError(reason))
  const leave = () => end('aborted')
  const timer = setTimeout(() => end('timeout'), sending.options.timeoutMs)
  request.signal?.addEventListener('abort', leave, { once: true })
  if (request.signal?.aborted) leave()
  try {
    return await Promise.race([exchange(request, { ...sending, signal: controller.signal }), toEnd(controller.signal)])
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason
    throw error instanceof KycApiError ? error : new KycApiError('network', { cause: toNetworkCause(error) })
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', leave)
  }
}

/** Rejects when the signal is aborted. */
function toEnd(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

async function exchange<Answer>(
  request: KycApiRequest<Answer>,
  { url, init, options, signal }: Sending & { readonly signal: AbortSignal },
): Promise<Answer> {
  signal.throwIfAborted()
  const authorization = await toAuthorization(options)
  signal.throwIfAborted()
  const response = await options.fetch(url, { ...init, headers: { ...init.headers, ...authorization }, signal })
  const { status, headers } = response
  const json = toJson(headers, await readAnswer(response, options.maxAnswerBytes, signal))
  if (request.statuses.includes(status) && request.isAnswer(json)) return json
  throw toFailure(response, json, options)
}

async function toAuthorization({ token: given }: KycApiSenderOptions): Promise<Record<string, string>> {
  if (given === undefined) return {}
  const token = typeof given === 'string' ? given : await readToken(given)
  if (isToken(token)) return { authorization: `Bearer ${token}` }
  throw new KycApiError('token')
}

async function readToken(make: () => string | Promise<string>): Promise<string> {
  try {
    return await make()
  } catch (error) {
    throw new KycApiError('token', { cause: new Error(error instanceof Error ? error.name : typeof error) })
  }
}

/** True for what a header can hold, and ends where it should (RFC 6750 allows less). */
export function isToken(token: unknown): token is string {
  return typeof token === 'string' && /^[!-~]+$/.test(token)
}

/** Null where the body is longer than allowed: then it is not read to its end. */
async function readAnswer({ body }: Response, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
  if (body === null) return new Uint8Array()
  const reader = body.getReader()
  // Not awaited: a stream that hangs may never confirm.
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  const bytes = await readBytes(reader, maxBytes)
  if (bytes === null) cancel()
  return bytes
}

/** Undefined for what is no JSON in UTF-8. */
function toJson(headers: Headers, bytes: Uint8Array | null): unknown {
  if (bytes === null || !/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(headers.get('content-type') ?? '')) return
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return
  }
}

function toFailure({ status, type, headers }: Response, json: unknown, { now }: KycApiSenderOptions): KycApiError {
  // Browsers show nothing of a redirect that is not followed: its status is 0.
  if (type === 'opaqueredirect') return new KycApiError('redirected')
  if (status < 300) return new KycApiError(json === undefined ? 'unreadable' : 'unexpected', { status })
  if (status < 400) return new KycApiError('redirected', { status })
  return new KycApiError(status >= 500 || status === 429 ? 'failing' : 'refused', {
    status,
    problemCode: toProblemCode(json),
    retryAfterSeconds: toRetryAfter(headers.get('retry-after'), now),
  })
}

/** The `code` of an error answer. What stands there is trusted no further than to be a word. */
function toProblemCode(json: unknown): string | null {
  const { code } = (json ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[a-z][a-z_]{0,63}$/.test(code) ? code : null
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function toRetryAfter(value: string | null, now: () => number): number | null {
  if (value === null) return null
  if (/^\d{1,9}$/.test(value)) return Number(value)
  // Date.parse alone takes nearly anything for a date.
  if (!/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(value)) return null
  const seconds = Math.ceil((Date.parse(value) - now()) / 1000)
  return Number.isNaN(seconds) ? null : Math.max(0, seconds)
}

function isPassing({ reason, status }: KycApiError): boolean {
  return reason === 'network' || reason === 'timeout' || status === 429 || status === 503
}

function toInit({ method, body, headers }: KycApiRequest<unknown>, { credentials }: KycApiSenderOptions) {
  return {
    method,
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    // A redirect would carry the token elsewhere. `error` would say the same, but Workers do not know it.
    redirect: 'manual' as const,
    // Workers refuse the member, whatever its value.
    ...(credentials !== undefined && { credentials }),
    ...(body !== undefined && { body: toText(body) }),
  }
}

function toText(body: unknown): string {
  try {
    return JSON.stringify(body)
  } catch {
    throw new KycError('argument_invalid', {
      problem: 'The body cannot be written as JSON.',
      fix: 'Give plain values, without BigInt and without circles.',
    })
  }
}

function toSearch(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
