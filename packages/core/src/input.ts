import { KycError } from './errors.js'
import type { InitiateKycOptions } from './initiate-kyc.js'
import type { PageQuery } from './storage.js'

/** PostgreSQL stores neither NUL nor half a surrogate pair, and an id has no use for control characters. */
export const STORABLE = /^[^\p{Cc}\p{Cs}]+$/u
/** How long a page is where nobody says, and how long it may be. */
export const DEFAULT_LIMIT = 50
export const MAX_LIMIT = 500

/** Checks what an app gives to start a verification. Throws `argument_invalid`. */
export function requireInitiation(options: InitiateKycOptions): InitiateKycOptions {
  requireText('userId', options.userId, 255)
  requireText('documentType', options.documentType, 64)
  if (options.idempotencyKey !== undefined) requireText('idempotencyKey', options.idempotencyKey, 255)
  return options
}

/** Fills in where a page starts and how long it may be. Throws `argument_invalid` for a limit outside 1 to 500. */
export function requirePage({ after = null, limit = DEFAULT_LIMIT }: Partial<PageQuery>): PageQuery {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return { after, limit }
  throw invalid('limit', `Give a whole number from 1 to ${MAX_LIMIT}.`)
}

/** Checks an id or another short text. Throws `argument_invalid`. */
export function requireText(name: string, value: string, maxLength: number): string {
  if (typeof value === 'string' && value.length <= maxLength && STORABLE.test(value)) return value
  throw invalid(name, `Give 1 to ${maxLength} characters, without control characters.`)
}

/** Checks a number of milliseconds or of attempts: timers take at most 31 bits. Throws `argument_invalid`. */
export function requireWholeNumber(name: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum && value < 2 ** 31) return value
  throw invalid(name, `Give a whole number from ${minimum}, or leave it out for the default.`)
}

/** Checks a date. Returns it in milliseconds since the epoch. Throws `argument_invalid`. */
export function requireTime(name: string, value: Date): number {
  const time = value.getTime()
  if (Number.isFinite(time)) return time
  throw invalid(name, 'Give a valid date.')
}

function invalid(name: string, fix: string): KycError {
  return new KycError('argument_invalid', { problem: `${name} is not usable.`, fix })
}
