import { isEqualInConstantTime } from './constant-time.js'
import { toSha256 } from './digest.js'
import { ConfigurationError } from './errors.js'

/** What a request is about to do. */
export type KycAction =
  | 'kyc:initiate'
  | 'kyc:read'
  | 'kyc:list'
  | 'kyc:claim'
  | 'kyc:resume'
  | 'kyc:decide'
  | 'kyc:erase'
  | 'events:read'
  | 'openapi:read'

/** What `authorize` is asked. */
export interface AuthorizationRequest {
  /** The request, its body unread. */
  readonly request: Request
  readonly action: KycAction
  /** The case concerned, as the URL names it; null where there is none. It may not exist. */
  readonly caseId: string | null
}

/**
 * The answer of `authorize`: the name of who calls, for the log; or a refusal, `unauthenticated` for a caller that
 * nobody knows (401) and `forbidden` for one that may not do this (403).
 */
export type Authorization = { readonly principal: string } | 'unauthenticated' | 'forbidden'

/** Decides on every route but the webhook and its health. A rejection refuses the request. There is no open default. */
export type Authorize = (request: AuthorizationRequest) => Authorization | Promise<Authorization>

/**
 * Returns an `authorize` that lets every action through for whoever sends one of these bearer tokens (RFC 6750).
 * Tokens are compared by their digests, in constant time.
 *
 * @throws ConfigurationError when there is no token, or one shorter than 16 characters.
 */
export function createBearerAuthorize({ tokens }: { readonly tokens: string | readonly string[] }): Authorize {
  const accepted = (typeof tokens === 'string' ? [tokens] : tokens).map(requireToken)
  if (accepted.length === 0) throw tokenError('There is no bearer token.')
  const digests = Promise.all(accepted.map(toSha256))
  return async ({ request }) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (token === undefined) return 'unauthenticated'
    const digest = await toSha256(token)
    const matches = (await digests).map((expected) => isEqualInConstantTime(expected, digest))
    return matches.includes(true) ? { principal: 'bearer' } : 'unauthenticated'
  }
}

function requireToken(token: string): string {
  if (typeof token === 'string' && /^\S{16,}$/.test(token)) return token
  throw tokenError('A bearer token is shorter than 16 characters, or holds a space.')
}

function tokenError(problem: string): ConfigurationError {
  return new ConfigurationError({ problem, fix: 'Make one with: openssl rand -hex 32' })
}
