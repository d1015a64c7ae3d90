import { isKycError, KycError, type PersonaErrorCode } from './errors.js'
import { isJsonObject } from './inflection.js'
import { toNetworkCause } from './network-cause.js'

/** What is known of a failed call: nothing that could hold personal data. */
export interface PersonaFailure {
  /** The HTTP status, or null where there was no answer. */
  readonly status?: number | null
  /** Persona's `Request-Id` (`req_…`): what its support asks for. */
  readonly requestId?: string | null
  /** The fixed titles of Persona's errors. Their `details` may echo submitted values and are dropped. */
  readonly titles?: readonly string[]
  /** JSON pointers into the request, where Persona names what it refused. */
  readonly pointers?: readonly string[]
  /** Seconds until the rate limit's window ends, from `RateLimit-Reset`. */
  readonly retryAfterSeconds?: number | null
  readonly cause?: unknown
}

/** A call to Persona's API failed. Holds no body, no header but the request id, and no key. */
export class PersonaApiError extends KycError {
  override readonly name = 'PersonaApiError'
  declare readonly code: PersonaErrorCode
  readonly status: number | null
  readonly requestId: string | null
  readonly titles: readonly string[]
  readonly pointers: readonly string[]
  readonly retryAfterSeconds: number | null

  constructor(code: PersonaErrorCode, failure: PersonaFailure = {}) {
    super(code, { ...DESCRIPTIONS[code], cause: failure.cause })
    this.status = failure.status ?? null
    this.requestId = failure.requestId ?? null
    this.titles = failure.titles ?? []
    this.pointers = failure.pointers ?? []
    this.retryAfterSeconds = failure.retryAfterSeconds ?? null
  }
}

/** True when the error is one of Persona's with one of these codes. */
export function isPersonaError(error: unknown, ...codes: PersonaErrorCode[]): error is PersonaApiError {
  const isPersona = isKycError(error) && error.name === 'PersonaApiError'
  return isPersona && (codes.length === 0 || codes.includes(error.code as PersonaErrorCode))
}

/** The error for a request that got no answer. */
export function toNetworkError(error: unknown, timedOut: boolean): PersonaApiError {
  if (timedOut) return new PersonaApiError('persona_timeout')
  return new PersonaApiError('persona_unreachable', { cause: toNetworkCause(error) })
}

/** The error for an answer outside 2xx. */
export function toStatusError(status: number, headers: Headers, body: unknown): PersonaApiError {
  const errors = isJsonObject(body) && Array.isArray(body.errors) ? body.errors.filter(isJsonObject) : []
  const reset = Number(headers.get('ratelimit-reset') || Number.NaN)
  return new PersonaApiError(toCode(status), {
    status,
    requestId: headers.get('request-id'),
    titles: errors.flatMap(({ title }) => (typeof title === 'string' ? [title.slice(0, 80)] : [])),
    pointers: errors.flatMap(({ source }) =>
      isJsonObject(source) && typeof source.pointer === 'string' ? [source.pointer.slice(0, 120)] : [],
    ),
    retryAfterSeconds: status === 429 && reset >= 0 ? reset : null,
  })
}

const CODES: Readonly<Record<number, PersonaErrorCode>> = {
  401: 'persona_unauthorized',
  403: 'persona_forbidden',
  404: 'persona_not_found',
  409: 'persona_conflict',
  429: 'persona_rate_limited',
}

function toCode(status: number): PersonaErrorCode {
  if (status >= 500) return 'persona_server_error'
  if (status >= 400) return CODES[status] ?? 'persona_request_rejected'
  return 'persona_unexpected_answer'
}

const DESCRIPTIONS: Record<PersonaErrorCode, { problem: string; fix: string }> = {
  persona_unreachable: {
    problem: 'Persona’s API could not be reached.',
    fix: 'Check the network, the base URL and https://status.withpersona.com.',
  },
  persona_timeout: {
    problem: 'Persona’s API did not answer in time.',
    fix: 'Call again; raise timeoutMs if this happens often.',
  },
  persona_unauthorized: {
    problem: 'Persona rejected the API key.',
    fix: 'Check that the key is active and belongs to this environment.',
  },
  persona_forbidden: {
    problem: 'Persona refused the request.',
    fix: 'Check the API key’s permissions, its IP allow-list and the quota.',
  },
  persona_not_found: {
    problem: 'Persona knows no such object.',
    fix: 'Check the id, and that the API key belongs to the environment where the object lives.',
  },
  persona_conflict: {
    problem: 'Persona refused the request in the object’s present state.',
    fix: 'Retrieve the object and look at its status.',
  },
  persona_request_rejected: {
    problem: 'Persona found the request invalid.',
    fix: 'Look at titles and pointers of this error, and up the request id in Persona’s API logs.',
  },
  persona_rate_limited: {
    problem: 'Persona’s rate limit or quota is used up.',
    fix: 'Wait retryAfterSeconds, or ask Persona for a higher limit.',
  },
  persona_server_error: {
    problem: 'Persona’s API failed.',
    fix: 'Whether the request took effect is unknown: look before sending it again under a new idempotency key.',
  },
  persona_unexpected_answer: {
    problem: 'Persona’s answer is not what its API describes.',
    fix: 'Check the base URL and the API version.',
  },
}
