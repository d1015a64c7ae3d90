import { createFetch } from 'ofetch'
import { isJsonObject, type JsonObject, type JsonValue, toCamelKeys } from './inflection.js'
import { PersonaApiError, toNetworkError, toStatusError } from './persona-error.js'
import { type RetryOptions, withRetries } from './retries.js'

/** One call to Persona's API. */
export interface PersonaRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the base URL, starting with a slash. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  /** Sent with a POST; a random one where none is given. Persona replays the first answer under it for 24 hours. */
  readonly idempotencyKey?: string | undefined
  /** Ends the call, waiting times included. */
  readonly signal?: AbortSignal | undefined
}

/** Sends a request, with retries, and resolves with the answer's JSON in camelCase. Rejects with PersonaApiError. */
export type SendRequest = (request: PersonaRequest) => Promise<JsonObject>

/** What a sender needs: see PersonaClientOptions for the meaning and the defaults. */
export interface SenderOptions extends RetryOptions {
  readonly apiKey: string
  readonly apiVersion: string
  readonly baseUrl: string
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  /** Told of every answer's headers, and when its request was sent. */
  readonly onAnswer: (headers: Headers, sentAtMs: number) => void
  readonly now: () => number
}

/**
 * Returns the function that talks to Persona. Its retry rule is Persona's, not Stripe's: what never got an answer
 * (network failure, timeout) and a 429 are sent again under the same idempotency key; a 5xx answer to a POST is stored
 * under that key and would only be replayed, so it is not.
 *
 * @see https://docs.withpersona.com/idempotence
 */
export function createSender(options: SenderOptions): SendRequest {
  const send = createAttempt(options)
  return async (request) => {
    const idempotencyKey = request.method === 'POST' ? (request.idempotencyKey ?? crypto.randomUUID()) : undefined
    return withRetries(() => send({ ...request, idempotencyKey }), {
      ...options,
      signal: request.signal,
      toPassing: (error) => (error instanceof PersonaApiError && isRetryable(error, request) ? error : null),
    })
  }
}

function createAttempt(options: SenderOptions): SendRequest {
  const call = createFetch({ fetch: options.fetch })
  return async ({ method, path, query, body, idempotencyKey, signal }) => {
    const timeout = AbortSignal.timeout(options.timeoutMs)
    const sentAtMs = options.now()
    try {
      const response = await call.raw<unknown>(path, {
        method,
        baseURL: options.baseUrl,
        headers: toHeaders(options, idempotencyKey),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        // The loop around it retries: ofetch's own would repeat a 409 and never a timeout.
        retry: 0,
        ignoreResponseError: true,
        parseResponse: parseJson,
        // A redirect would carry the request elsewhere.
        redirect: 'manual',
        ...(query === undefined ? {} : { query }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      options.onAnswer(response.headers, sentAtMs)
      return toAnswer(response.status, response.headers, response._data)
    } catch (error) {
      if (error instanceof PersonaApiError) throw error
      throw signal?.aborted ? signal.reason : toNetworkError(error, timeout.aborted)
    }
  }
}

function toHeaders(options: SenderOptions, idempotencyKey: string | undefined): Record<string, string> {
  return {
    accept: 'application/json',
    authorization: `Bearer ${options.apiKey}`,
    'content-type': 'application/json',
    'key-inflection': 'camel',
    'persona-version': options.apiVersion,
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  }
}

function toAnswer(status: number, headers: Headers, data: unknown): JsonObject {
  if (status < 200 || status > 299) throw toStatusError(status, headers, data)
  const json = toCamelKeys((data ?? null) as JsonValue)
  if (isJsonObject(json)) return json
  throw new PersonaApiError('persona_unexpected_answer', { status })
}

function isRetryable({ code }: PersonaApiError, { method }: PersonaRequest): boolean {
  if (code === 'persona_unreachable' || code === 'persona_timeout' || code === 'persona_rate_limited') return true
  return code === 'persona_server_error' && method !== 'POST'
}

/** Undefined for what is no JSON: a gateway's error page must not hide the status. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
