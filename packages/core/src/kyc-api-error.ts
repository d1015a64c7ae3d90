import { type ClaimErrorCode, isKycError, KycError, type KycErrorCode, type PersonaErrorCode } from './errors.js'

/** How a call of the KYC API failed: `kyc_api_unreachable` may pass by itself, `kyc_api_refused` will not. */
export type KycApiErrorCode = Extract<ClaimErrorCode, `kyc_api_${string}`>

/** The `code` of the server's error answers. A newer server may know others. */
export type KycProblemCode =
  | Exclude<KycErrorCode, ClaimErrorCode | PersonaErrorCode>
  | 'invalid_json'
  | 'invalid_request'
  | 'body_interrupted'
  | 'body_timeout'
  | 'unsupported_media_type'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'internal_error'
  | 'persona_conflict'
  | 'persona_rate_limited'
  | 'persona_refused'
  | 'persona_unavailable'
  | (string & {})

/**
 * Why a call of the KYC API failed.
 *
 * - `network`, `timeout`, `aborted`: there is no answer, or not all of it.
 * - `failing`: the answer is a 5xx or a 429. `refused`: it is another 4xx.
 * - `redirected`: it leads elsewhere, and was not followed. `unreadable`: it is no JSON, or too long.
 * - `unexpected`: it is JSON, but not what this route answers with.
 * - `token`: there was no token to send.
 */
export type KycApiFailureReason = keyof typeof FAILURES

/** What is known of a failed call: nothing that could hold a secret or personal data. */
export interface KycApiFailure {
  /** The HTTP status; null where there was no answer. */
  readonly status?: number | null
  readonly problemCode?: string | null
  /** From `Retry-After`. */
  readonly retryAfterSeconds?: number | null
  readonly cause?: Error
}

/** A call of the KYC API failed. Holds no body, header, token, query or URL. */
export class KycApiError extends KycError {
  override readonly name = 'KycApiError'
  declare readonly code: KycApiErrorCode
  readonly reason: KycApiFailureReason
  /** The HTTP status; null where there was no answer. */
  readonly status: number | null
  /** The stable `code` of the server's error answer, such as `claim_conflict`; null where it gave none. */
  readonly problemCode: KycProblemCode | null
  /** How long the server asks to wait, in seconds; null where it says nothing. */
  readonly retryAfterSeconds: number | null

  constructor(reason: KycApiFailureReason, failure: KycApiFailure = {}) {
    const { status = null, problemCode = null, retryAfterSeconds = null, cause } = failure
    const { code, problem, fix } = FAILURES[reason]
    const facts = [status, problemCode].filter((fact) => fact !== null)
    super(code, { problem: facts.length === 0 ? `${problem}.` : `${problem} (${facts.join(' ')}).`, fix, cause })
    this.reason = reason
    this.status = status
    this.problemCode = problemCode
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * True when the error is a {@link KycApiError} with one of these codes: its own, or the server's, such as
 * `claim_conflict`. True for any of them where no code is given.
 */
export function isKycApiError(error: unknown, ...codes: (KycApiErrorCode | KycProblemCode)[]): error is KycApiError {
  if (!isKycError(error) || error.name !== 'KycApiError') return false
  const { code, problemCode } = error as KycApiError
  return codes.length === 0 || codes.includes(code) || (problemCode !== null && codes.includes(problemCode))
}

const UNREACHABLE = 'kyc_api_unreachable'
const REFUSED = 'kyc_api_refused'

const FAILURES = {
  network: {
    code: UNREACHABLE,
    problem: 'The KYC API could not be reached, or its answer was cut off',
    fix: 'Check the network and baseUrl. Whether the request took effect is unknown.',
  },
  timeout: {
    code: UNREACHABLE,
    problem: 'The KYC API did not answer in time',
    fix: 'Call again; raise timeoutMs if this happens often. Whether the request took effect is unknown.',
  },
  aborted: {
    code: UNREACHABLE,
    problem: 'The call of the KYC API was aborted by its signal',
    fix: 'Call again if it is still wanted. Whether the request took effect is unknown.',
  },
  failing: {
    code: UNREACHABLE,
    problem: 'The KYC API cannot answer at the moment',
    fix: 'Call again later, after retryAfterSeconds where there are any. The log of the server says more.',
  },
  redirected: {
    code: UNREACHABLE,
    problem: 'The answer leads elsewhere, and the token was not sent there',
    fix: 'Give the final URL as baseUrl, with its scheme.',
  },
  unreadable: {
    code: UNREACHABLE,
    problem: 'The answer is no JSON, or longer than maxAnswerBytes',
    fix: 'Check that baseUrl is where the KYC routes are mounted, and what answers in their place.',
  },
  refused: {
    code: REFUSED,
    problem: 'The KYC API refused the request',
    fix: 'Look up the code among the errors of the HTTP contract. Without one, something else has answered: check baseUrl.',
  },
  unexpected: {
    code: REFUSED,
    problem: 'The answer is not what the KYC API answers with',
    fix: 'Check that baseUrl is where the KYC routes are mounted, and that client and server are of one version.',
  },
  token: {
    code: REFUSED,
    problem: 'There is no token to call the KYC API with',
    fix: 'Let token resolve with one: printable ASCII, without a space.',
  },
} as const satisfies Readonly<Record<string, { code: KycApiErrorCode; problem: string; fix: string }>>
