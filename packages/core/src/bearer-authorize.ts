import type { Authorize } from './authorize.js'
import { isCallerName } from './caller-name.js'
import { isEqualInConstantTime } from './constant-time.js'
import { toSha256 } from './digest.js'
import { ConfigurationError } from './errors.js'
import { fromHex, toHex } from './hex.js'
import { CLAIM_SCOPES, isKycScope, type KycScope, type ScopedCaller, toScopedAuthorization } from './scopes.js'

/** A bearer token as it is kept: by its hash, so that nobody who reads the settings or the database can show it. */
export interface BearerToken {
  /** Who shows it, for the log and the audit trail: an id, never an e-mail address. */
  readonly principal: string
  /** What {@link hashToken} makes of the token: `sha256:` and 64 hex digits. */
  readonly hash: string
  readonly scopes: readonly KycScope[]
  /** The user whose cases are the own ones. Required by scopes that end with `:own`. */
  readonly userId?: string | undefined
  /** From then on the token is refused. Default: never. */
  readonly expiresAt?: Date | undefined
}

/** What {@link createBearerAuthorize} accepts. */
export interface BearerAuthorizeOptions {
  /** Tokens in clear let every action through. Those that are kept by their hash have scopes. */
  readonly tokens?: string | readonly (string | BearerToken)[] | undefined
  /** Tokens of the Identity Service, in clear: they have {@link CLAIM_SCOPES}. */
  readonly claimTokens?: string | readonly string[] | undefined
  /**
   * Finds a token by its hash where you keep them, such as a table; null for one that nobody has. Asked about every
   * token that is none of the others. Its rejection refuses the request.
   */
  readonly findToken?: ((hash: string) => BearerToken | null | Promise<BearerToken | null>) | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** A token that is looked up by its digest. */
interface KnownToken extends ScopedCaller {
  readonly digest: Uint8Array
  readonly expiresAtMs: number
}

const HASH = /^sha256:[0-9a-f]{64}$/
const BEARER = 'bearer'
const IDENTITY_SERVICE = 'identity-service'

/**
 * Resolves with the hash by which a token is kept. One round of SHA-256 is enough for a random token of 128 bits or
 * more, and for nothing less: make tokens with `openssl rand -hex 32`.
 */
export async function hashToken(token: string): Promise<string> {
  return `sha256:${toHex(await toSha256(requireToken(token)))}`
}

/**
 * Returns an `authorize` for bearer tokens (RFC 6750), which are compared by their digests, in constant time.
 *
 * @throws ConfigurationError when there is no token, one is shorter than 16 characters, malformed or listed twice, or a
 * principal, user, scope or end of one is none that can be used.
 */
export function createBearerAuthorize(options: BearerAuthorizeOptions): Authorize {
  const { findToken, now = Date.now } = options
  const known = readTokens(options)
  return async ({ token, action }) => {
    if (token === null) return 'unauthenticated'
    const digest = await toSha256(token)
    const found = findAmong(await known, digest) ?? (await look(findToken, digest))
    if (found === null || found.expiresAtMs <= now()) return 'unauthenticated'
    return toScopedAuthorization(found, action)
  }
}

/** Compares with each one, whichever fits. */
function findAmong(tokens: readonly KnownToken[], digest: Uint8Array): KnownToken | null {
  let found: KnownToken | null = null
  for (const token of tokens) if (isEqualInConstantTime(token.digest, digest)) found = token
  return found
}

async function look(findToken: BearerAuthorizeOptions['findToken'], digest: Uint8Array): Promise<KnownToken | null> {
  const token = (await findToken?.(`sha256:${toHex(digest)}`)) ?? null
  if (token === null) return null
  const found = toKnownToken(token)
  // Whatever the app's query has found: it is the token only if it has its hash.
  return isEqualInConstantTime(found.digest, digest) ? found : null
}

function readTokens({ tokens = [], claimTokens = [], findToken }: BearerAuthorizeOptions): Promise<KnownToken[]> {
  const own = typeof tokens === 'string' ? [tokens] : tokens
  const claim = typeof claimTokens === 'string' ? [claimTokens] : claimTokens
  if (own.length === 0 && findToken === undefined) throw tokenError('There is no bearer token.')
  const clear = own.filter((token) => typeof token === 'string').map(requireToken)
  const hashed = own.filter((token) => typeof token !== 'string').map(toKnownToken)
  requireDistinct([...clear, ...claim.map(requireToken), ...hashed.map(({ digest }) => toHex(digest))])
  const known = Promise.all([
    ...clear.map((token) => toClearToken(token, { principal: BEARER, scopes: ['*'], userId: null })),
    ...claim.map((token) => toClearToken(token, { principal: IDENTITY_SERVICE, scopes: CLAIM_SCOPES, userId: null })),
    ...hashed,
  ])
  return known
}

async function toClearToken(token: string, caller: ScopedCaller): Promise<KnownToken> {
  return { ...caller, digest: await toSha256(token), expiresAtMs: Number.POSITIVE_INFINITY }
}

function toKnownToken({ principal, hash, scopes, expiresAt, ...token }: BearerToken): KnownToken {
  const userId = token.userId ?? null
  if (!HASH.test(hash)) throw hashError()
  if (!isCallerName(principal)) throw nameError('The principal of a bearer token is no name.')
  if (userId !== null && !isCallerName(userId)) throw nameError('The userId of a bearer token is no name.')
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every(isKycScope)) {
    throw scopeError('A bearer token has an unknown scope, or none.')
  }
  if (userId === null && scopes.some((scope) => scope.endsWith(':own'))) {
    throw scopeError('A bearer token is for own cases, but does not say whose.')
  }
  const digest = fromHex(hash.slice('sha256:'.length))
  return { principal, scopes, userId, digest, expiresAtMs: toExpiry(expiresAt) }
}

function toExpiry(expiresAt: Date | undefined): number {
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY
  if (expiresAt instanceof Date && !Number.isNaN(expiresAt.getTime())) return expiresAt.getTime()
  throw scopeError('The expiresAt of a bearer token is no time.')
}

function requireToken(token: string): string {
  if (typeof token !== 'string' || !/^\S{16,}$/.test(token)) {
    throw tokenError('A bearer token is shorter than 16 characters, or holds a space.')
  }
  // As a token, everybody who may read the hash could show it.
  if (HASH.test(token)) throw scopeError('A bearer token is a hash: give it as { principal, hash, scopes }.')
  return token
}

function requireDistinct(tokens: readonly string[]): void {
  if (new Set(tokens).size !== tokens.length) throw tokenError('One bearer token is given twice.')
}

function tokenError(problem: string): ConfigurationError {
  return new ConfigurationError({ problem, fix: 'Make one with: openssl rand -hex 32' })
}

function hashError(): ConfigurationError {
  return new ConfigurationError({
    problem: 'The hash of a bearer token is malformed.',
    fix: 'Make it with hashToken(token), or: npx persona-kyc token',
  })
}

function nameError(problem: string): ConfigurationError {
  return new ConfigurationError({ problem, fix: 'Give 1 to 255 characters, without control characters.' })
}

function scopeError(problem: string): ConfigurationError {
  return new ConfigurationError({
    problem,
    fix: 'See KycScope for the scopes, and give userId with those of own cases.',
  })
}
