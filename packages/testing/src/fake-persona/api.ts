import type { Fault, FaultQueue } from './faults.js'
import type { IdempotencyStore, StoredAnswer } from './idempotency.js'
import type { IdSource } from './ids.js'
import { isKeyInflection, type KeyInflection, toInflected } from './inflection.js'
import { type Lifetime, toConnectionError } from './lifetime.js'
import type { RateLimiter, RateLimitState } from './rate-limit.js'
import type { RecordedRequest } from './recording.js'
import { PersonaRejection, toBadRequest, toNotFound, toUnauthorized } from './rejection.js'
import { type Answer, type ApiRequest, answerByRoute, type Route } from './routes.js'

/** What the layers before the routes work with. */
export interface ApiContext {
  readonly apiKey: string
  readonly routes: readonly Route[]
  readonly rateLimiter: RateLimiter
  readonly idempotency: IdempotencyStore
  readonly faults: FaultQueue
  readonly lifetime: Lifetime
  readonly nextId: IdSource
  readonly environmentId: string
  readonly organizationId: string
  /** Called before each operation: expires what is overdue. */
  beforeOperation(): void
}

/** A request as it was received. */
export interface ReceivedRequest {
  readonly recorded: RecordedRequest
  readonly query: URLSearchParams
  readonly text: string
  /** False for a path outside `/api/v1`, where nothing is found. */
  readonly isApi: boolean
}

/**
 * Resolves with Persona's answer: network faults first, then authentication and the rate limit, then idempotency, then
 * the operation. Rejects with a TypeError, as `fetch` does, when a fault breaks the connection.
 */
export async function answerRequest(context: ApiContext, received: ReceivedRequest): Promise<Response> {
  const fault = context.faults.take(received.recorded)
  if (fault?.kind === 'timeout') return context.lifetime.hang()
  if (fault?.kind === 'connection_reset') throw toConnectionError()
  if (fault?.kind === 'not_json') return toProxyPage(fault)
  const refusal = authenticate(context, received.recorded.headers.authorization)
  if (refusal !== undefined) return toResponse(toRefusal(refusal, 'kebab'), {})
  const rateLimit = context.rateLimiter.take()
  const headers = toHeaders(context, rateLimit)
  if (!rateLimit.allowed || fault?.kind === 'rate_limited') return toLimitedResponse(rateLimit, headers)
  const answer = await answerOnce(context, received, { fault, rateLimit })
  if (fault?.kind === 'connection_reset_after') throw toConnectionError()
  if (fault?.kind === 'slow_answer') await context.lifetime.sleep(fault.delayMs ?? 1000)
  return toResponse(answer, headers)
}

interface Passage {
  readonly fault: Fault | undefined
  readonly rateLimit: RateLimitState
}

/** Answers from the idempotency store when the request has a key. */
async function answerOnce(context: ApiContext, received: ReceivedRequest, passage: Passage): Promise<StoredAnswer> {
  const { method, path, headers } = received.recorded
  const key = method === 'POST' ? headers['idempotency-key'] : undefined
  const produce = () => operate(context, received, passage)
  if (key === undefined || key === '') return produce()
  const fingerprint = JSON.stringify([path, received.query.toString(), received.text])
  try {
    return await context.idempotency.answer({ key, fingerprint }, produce)
  } catch (error) {
    return toRefusal(error, toInflection(headers['key-inflection']) ?? 'kebab')
  }
}

async function operate(context: ApiContext, received: ReceivedRequest, passage: Passage): Promise<StoredAnswer> {
  const { recorded, query, text } = received
  if (passage.fault?.kind === 'server_error') return toServerError(passage.fault)
  if (passage.fault?.kind === 'delay') await context.lifetime.sleep(passage.fault.delayMs ?? 1000)
  context.beforeOperation()
  const inflection = toInflection(recorded.headers['key-inflection'])
  const request: ApiRequest = {
    method: recorded.method,
    path: recorded.path,
    query,
    text,
    rateLimit: passage.rateLimit,
  }
  try {
    if (inflection === undefined) throw toBadRequest('Key-Inflection must be camel, kebab or snake')
    if (!received.isApi) throw toNotFound()
    return toStoredAnswer(await answerByRoute(context.routes, request), inflection)
  } catch (error) {
    return toRefusal(error, inflection ?? 'kebab')
  }
}

function authenticate({ apiKey }: ApiContext, authorization: string | undefined): PersonaRejection | undefined {
  if (authorization === undefined) return toUnauthorized('Must be authenticated to access this endpoint')
  return authorization === `Bearer ${apiKey}` ? undefined : toUnauthorized('Token is invalid')
}

function toInflection(header: string | undefined): KeyInflection | undefined {
  const text = header ?? 'kebab'
  return isKeyInflection(text) ? text : undefined
}

function toStoredAnswer({ status, body }: Answer, inflection: KeyInflection): StoredAnswer {
  return { status, body: JSON.stringify(toInflected(body, inflection)) }
}

function toRefusal(error: unknown, inflection: KeyInflection): StoredAnswer {
  if (!(error instanceof PersonaRejection)) throw error
  return toStoredAnswer({ status: error.status, body: { errors: [error.entry] } }, inflection)
}

function toServerError({ status = 500 }: Fault): StoredAnswer {
  return {
    status,
    body: JSON.stringify({ errors: [{ title: status === 503 ? 'Service unavailable' : 'Internal server error' }] }),
  }
}

function toLimitedResponse({ limit, secondsToReset }: RateLimitState, headers: Record<string, string>): Response {
  const details = `You have hit your rate limit of ${limit} requests / min. Please reach out to support@withpersona.com if you need this changed.`
  const body = JSON.stringify({ errors: [{ title: 'Rate limit exceeded', details }] })
  return toResponse(
    { status: 429, body },
    { ...headers, 'RateLimit-Remaining': '0', 'RateLimit-Reset': String(secondsToReset) },
  )
}

function toProxyPage({ status = 200 }: Fault): Response {
  const page = '<!doctype html><html><head><title>Proxy</title></head><body>Not the answer you want</body></html>'
  return new Response(page, { status, headers: { 'Content-Type': 'text/html; charset=utf-8' } })
}

function toHeaders(context: ApiContext, { limit, remaining, secondsToReset }: RateLimitState): Record<string, string> {
  return {
    'Request-Id': context.nextId('req'),
    'Persona-Environment-Id': context.environmentId,
    'Persona-Organization-Id': context.organizationId,
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(secondsToReset),
  }
}

function toResponse({ status, body }: StoredAnswer, headers: Record<string, string>): Response {
  return new Response(body, { status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers } })
}
