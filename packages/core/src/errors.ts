/** The literal `code` of every error this library throws. Codes are stable: branch on them, never on messages. */
export type KycErrorCode =
  | 'configuration_invalid'
  | 'argument_invalid'
  | 'signature_invalid'
  | 'secrets_unavailable'
  | 'authorization_unavailable'
  | 'event_malformed'
  | 'body_too_large'
  | 'raw_body_unavailable'
  | 'storage_unavailable'
  | 'storage_failed'
  | 'case_not_found'
  | 'case_not_verified'
  | 'case_not_resumable'
  | 'case_erased'
  | 'case_without_inquiry'
  | 'claim_conflict'
  | 'initiation_in_progress'
  | PersonaErrorCode
  | ClaimErrorCode

/** The part of {@link KycErrorCode} that says how a call to Persona failed. */
export type PersonaErrorCode =
  | 'persona_unreachable'
  | 'persona_timeout'
  | 'persona_unauthorized'
  | 'persona_forbidden'
  | 'persona_not_found'
  | 'persona_conflict'
  | 'persona_request_rejected'
  | 'persona_rate_limited'
  | 'persona_server_error'
  | 'persona_unexpected_answer'

/** The part of {@link KycErrorCode} that says how work on a claim failed, on chain or at the API of the KYC service. */
export type ClaimErrorCode =
  | 'chain_unreachable'
  | 'chain_mismatch'
  | 'chain_refused'
  | 'chain_funds_missing'
  | 'chain_unconfirmed'
  | 'identity_missing'
  | 'identity_not_writable'
  | 'kyc_api_unreachable'
  | 'kyc_api_refused'

/** What every error of this library is made of: what happened, and how to mend it. Neither part ever holds a value. */
export interface ErrorDescription {
  /** One sentence: what happened. */
  readonly problem: string
  /** One sentence: how to fix it. */
  readonly fix: string
  /** The error underneath. Must already be free of bodies, headers, secrets and personal data. */
  readonly cause?: unknown
}

/** Marks the errors of this library, also those of another copy of it in the same process. */
const BRAND = Symbol.for('persona-kyc.error')

/** True for an error of this library. Works across copies of it, where `instanceof` does not. */
export function isKycError(error: unknown): error is KycError {
  return error instanceof Error && BRAND in error
}

/** The base of every error of this library. Carries no body, header, query string, secret or field value. */
export class KycError extends Error {
  readonly [BRAND] = true
  override readonly name: string = 'KycError'
  /** The stable, literal code of this failure. */
  readonly code: KycErrorCode

  constructor(code: KycErrorCode, { problem, fix, cause }: ErrorDescription) {
    super(`${problem} ${fix}`, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** A setting is missing or contradicts another one. Thrown by the factories, before anything runs. */
export class ConfigurationError extends KycError {
  override readonly name = 'ConfigurationError'

  constructor(description: ErrorDescription) {
    super('configuration_invalid', description)
  }
}

/** A webhook's `Persona-Signature` was refused. `reason` is for logs; a caller over HTTP must never see it. */
export class SignatureError extends KycError {
  override readonly name = 'SignatureError'
  readonly reason: SignatureRejection

  constructor(reason: SignatureRejection) {
    super('signature_invalid', {
      problem: `The webhook's Persona-Signature was refused: ${reason}.`,
      fix: SIGNATURE_FIXES[reason],
    })
    this.reason = reason
  }
}

/** Why a signature was refused. `stale` and `future` are said only of correctly signed deliveries. */
export type SignatureRejection = 'missing' | 'malformed' | 'stale' | 'future' | 'mismatch'

const SIGNATURE_FIXES: Record<SignatureRejection, string> = {
  missing: 'Check that no proxy strips the Persona-Signature header.',
  malformed: 'Expected one or more space-separated sets of the form t=<unix seconds>,v1=<64 hex digits>.',
  stale: 'Check this machine’s clock, or widen toleranceSeconds if Persona’s retries arrive with their first time.',
  future: 'Check this machine’s clock.',
  mismatch:
    'Check that the secret belongs to this webhook, and that the bytes are those that arrived, not re-serialised.',
}

/** A correctly signed body is not an event that can be read. */
export class EventError extends KycError {
  override readonly name = 'EventError'

  constructor(problem: string) {
    super('event_malformed', {
      problem,
      fix: 'Compare the delivery in the Persona dashboard with the envelope described at https://docs.withpersona.com/webhooks.',
    })
  }
}

/** The store could not be reached (`storage_unavailable`, worth a retry) or refused a statement (`storage_failed`). */
export class StorageError extends KycError {
  override readonly name = 'StorageError'

  constructor(code: 'storage_unavailable' | 'storage_failed', description: ErrorDescription) {
    super(code, description)
  }
}
