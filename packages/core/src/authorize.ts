import { isEqualInConstantTime } from './constant-time.js'
import { toSha256 } from './digest.js'
import { ConfigurationError } from './errors.js'
import { HttpError } from './problem.js'

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
 *
 * `cases` says which cases the caller may see, all by default. `claimable` ones are verified or carry a claim reference:
 * any other is answered as one that does not exist, no answer has a session token, and a route that cannot keep to them
 * answers 403.
 */
export type Authorization =
  | { readonly principal: string; readonly cases?: 'all' | 'claimable' | undefined }
  | 'unauthenticated'
  | 'forbidden'

/** Decides on every route but the webhook and its health. A rejection refuses the request. There is no open default. */
export type Authorize = (request: AuthorizationRequest) => Authorization | Promise<Authorization>

/** What the Identity Service may do, with claimable cases. */
const CLAIM_ACTIONS: readonly KycAction[] = ['kyc:read', 'kyc:list', 'kyc:claim']

/**
 * Returns an `authorize` for bearer tokens (RFC 6750). `tokens` let every action through. `claimTokens`, by default
 * none, are those of the Identity Service: they read and list claimable cases and write their claims, and are forbidden
 * everything else. Tokens are compared by their digests, in constant time.
 *
 * @throws ConfigurationError when `tokens` has none, a token is shorter than 16 characters, or is in both lists.
 */
export function createBearerAuthorize(options: {
  readonly tokens: string | readonly string[]
  readonly claimTokens?: string | readonly string[] | undefined
}): Authorize {
  const tokens = toTokens(options.tokens)
  const claimTokens = toTokens(options.claimTokens ?? [])
  if (tokens.length === 0) throw tokenError('There is no bearer token.')
  if (claimTokens.some((token) => tokens.includes(token)))
    throw tokenError('One token is in tokens and in claimTokens.')
  const digests = Promise.all([tokens, claimTokens].map(toDigests))
  return async ({ request, action }) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (token === undefined) return 'unauthenticated'
    const digest = await toSha256(token)
    const [isFull, isClaim] = (await digests).map((expected) => isAmong(expected, digest))
    if (isFull) return { principal: 'bearer' }
    if (!isClaim) return 'unauthenticated'
    return CLAIM_ACTIONS.includes(action) ? { principal: 'identity-service', cases: 'claimable' } : 'forbidden'
  }
}

/** The answer to a caller that nobody knows. */
export function unauthenticated(): HttpError {
  const headers = { 'www-authenticate': 'Bearer' }
  return new HttpError(401, 'unauthenticated', { detail: 'Authentication is missing or not accepted.', headers })
}

/** The answer to a caller that may not do this. */
export function forbidden(): HttpError {
  return new HttpError(403, 'forbidden', { detail: 'This is not allowed to you.' })
}

function toTokens(tokens: string | readonly string[]): readonly string[] {
  return (typeof tokens === 'string' ? [tokens] : tokens).map(requireToken)
}

function toDigests(tokens: readonly string[]): Promise<Uint8Array[]> {
  return Promise.all(tokens.map(toSha256))
}

/** Compares with each one, whichever fits. */
function isAmong(digests: readonly Uint8Array[], digest: Uint8Array): boolean {
  return digests.map((expected) => isEqualInConstantTime(expected, digest)).includes(true)
}

function requireToken(token: string): string {
  if (typeof token === 'string' && /^\S{16,}$/.test(token)) return token
  throw tokenError('A bearer token is shorter than 16 characters, or holds a space.')
}

function tokenError(problem: string): ConfigurationError {
  return new ConfigurationError({ problem, fix: 'Make one with: openssl rand -hex 32' })
}
