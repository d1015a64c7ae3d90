import { type ClaimErrorCode, isKycError, type KycErrorCode } from './errors.js'
import type { HttpAnswer } from './http-answer.js'

/** An error answer, RFC 9457. `code` is stable; `detail` never holds a value of the request. */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  /** Where a body or query is invalid: JSON pointers and what is wrong there. */
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[]
}

/** A failure that the routes themselves find. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    options: { detail: string; errors?: Problem['errors']; headers?: Record<string, string> },
  ) {
    super(`${code}: ${options.detail}`)
    const { detail, errors, headers = {} } = options
    this.problem = { type: 'about:blank', title: toTitle(status), status, code, detail, ...(errors && { errors }) }
    this.headers = headers
  }
}

/** The `application/problem+json` answer to any error. What is not ours becomes a bare 500. */
export function toProblemAnswer(error: unknown): HttpAnswer {
  if (error instanceof HttpError) return toAnswerOf(error.problem, error.headers)
  const { status, detail } = isKycError(error) ? toDescription(error.code) : INTERNAL
  const code = isKycError(error) ? toPublicCode(error.code) : 'internal_error'
  const problem: Problem = { type: 'about:blank', title: toTitle(status), status, code, detail }
  return toAnswerOf(problem, status === 503 ? { 'retry-after': '5' } : {})
}

function toAnswerOf(problem: Problem, headers: Readonly<Record<string, string>>): HttpAnswer {
  const body = JSON.stringify(problem)
  return { status: problem.status, body, headers: { 'content-type': 'application/problem+json', ...headers } }
}

/** Callers learn that Persona failed, not how our key or request looks to it. */
function toPublicCode(code: KycErrorCode): string {
  if (code === 'persona_conflict' || code === 'persona_rate_limited') return code
  if (!code.startsWith('persona_')) return code
  return toDescription(code).status === 502 ? 'persona_refused' : 'persona_unavailable'
}

/** A newer package beside this one may know codes that this one does not. */
function toDescription(code: KycErrorCode): { status: number; detail: string } {
  return (ANSWERS as Partial<Record<KycErrorCode, { status: number; detail: string }>>)[code] ?? INTERNAL
}

const PERSONA_DOWN = { status: 503, detail: 'Persona’s API cannot be used at the moment. Call again later.' }
const PERSONA_REFUSES = { status: 502, detail: 'Persona does not accept the request. The log of the server says why.' }
const INTERNAL = { status: 500, detail: 'The server failed. Its log says why.' }

/** The routes never work on chain. */
type RouteErrorCode = Exclude<KycErrorCode, ClaimErrorCode>

const ANSWERS: Record<RouteErrorCode, { status: number; detail: string }> = {
  configuration_invalid: INTERNAL,
  argument_invalid: { status: 400, detail: 'An argument is invalid.' },
  signature_invalid: { status: 401, detail: 'The signature is not accepted.' },
  authorization_unavailable: { status: 503, detail: 'Nobody can be authenticated at the moment. Call again later.' },
  secrets_unavailable: { status: 503, detail: 'Webhooks cannot be checked at the moment. Call again later.' },
  event_malformed: { status: 400, detail: 'The body is not an event.' },
  body_too_large: { status: 413, detail: 'The body is too large.' },
  raw_body_unavailable: {
    status: 500,
    detail:
      'Something read the body before this route. Mount the KYC routes before any body parser; the log says more.',
  },
  storage_unavailable: { status: 503, detail: 'The storage cannot be reached at the moment. Call again later.' },
  storage_failed: INTERNAL,
  case_not_found: { status: 404, detail: 'There is no such case.' },
  case_not_verified: { status: 409, detail: 'The case is not verified.' },
  case_not_resumable: {
    status: 409,
    detail: 'The inquiry of this case cannot be resumed. Start again if it is pending.',
  },
  case_erased: { status: 409, detail: 'The case was erased.' },
  case_without_inquiry: { status: 409, detail: 'The case has no inquiry yet.' },
  claim_conflict: { status: 409, detail: 'The case has another claim already.' },
  initiation_in_progress: {
    status: 503,
    detail: 'The verification is just being created. Call again in a few seconds.',
  },
  persona_unreachable: PERSONA_DOWN,
  persona_timeout: PERSONA_DOWN,
  persona_unauthorized: PERSONA_REFUSES,
  persona_forbidden: PERSONA_REFUSES,
  persona_not_found: PERSONA_REFUSES,
  persona_conflict: { status: 409, detail: 'Persona refuses this in the inquiry’s present state.' },
  persona_request_rejected: PERSONA_REFUSES,
  persona_rate_limited: { status: 503, detail: 'Persona’s rate limit is used up. Call again later.' },
  persona_server_error: PERSONA_DOWN,
  persona_unexpected_answer: PERSONA_DOWN,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

function toTitle(status: number): string {
  return TITLES[status] ?? 'Error'
}
