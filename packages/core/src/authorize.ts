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
  | 'audit:read'
  | 'health:read'
  | 'openapi:read'

/** What `authorize` is asked. */
export interface AuthorizationRequest {
  /** The request. Its body must not be read here: the route needs it. */
  readonly request: Request
  /** Its bearer token (RFC 6750); null where there is none, or more than one. */
  readonly token: string | null
  readonly action: KycAction
  /** The case concerned, as the URL names it; null where there is none. It may not exist. */
  readonly caseId: string | null
  /**
   * Resolves with the user concerned: that of the case, or the `user_id` of an initiation; null where there is none, or
   * no such case. Reads the case or the body, at most once. Rejects as the route would, with what becomes a 400.
   */
  findUserId(): Promise<string | null>
}

/**
 * The answer of `authorize`. `principal` is the name of who calls, 1 to 255 characters, for the log and the audit trail:
 * an id, never an e-mail address. `cases` says which cases they may see:
 *
 * - `all`, the default.
 * - `claimable` ones are verified or carry a claim reference, and no answer has a session token.
 * - `own` ones are those of `userId`, who may start a verification for nobody else.
 * - `none`: this is forbidden to them (403).
 *
 * A case that they may not see is answered as one that does not exist, and a route that cannot keep to their cases
 * answers 403. A caller that nobody knows is `unauthenticated` (401); `forbidden` is as `none`, for somebody without a
 * name.
 */
export type Authorization =
  | { readonly principal: string; readonly cases?: 'all' | 'claimable' | 'none' | undefined }
  | { readonly principal: string; readonly cases: 'own'; readonly userId: string }
  | 'unauthenticated'
  | 'forbidden'

/**
 * Decides on every route but the webhook; who it does not let read the health of the service learns whether it works,
 * and no more. A rejection refuses the request. There is no open default.
 */
export type Authorize = (request: AuthorizationRequest) => Authorization | Promise<Authorization>

/**
 * Returns an `authorize` that asks these one after the other, until one knows the caller: the first answer other than
 * `unauthenticated` counts.
 */
export function combineAuthorize(...authorizes: readonly [Authorize, ...Authorize[]]): Authorize {
  return async (request) => {
    for (const authorize of authorizes) {
      const answer = await authorize(request)
      if (answer !== 'unauthenticated') return answer
    }
    return 'unauthenticated'
  }
}

/** The token of an `Authorization` header; null where there is none, or more than one. */
export function readBearerToken(authorization: string | null): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null
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
