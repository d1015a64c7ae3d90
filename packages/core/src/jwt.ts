import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { Authorize } from './authorize.js'
import { readBytes } from './byte-stream.js'
import { ConfigurationError, isKycError, KycError } from './errors.js'
import { isLoopbackUrl } from './loopback.js'
import { type ScopedCaller, toScopedAuthorization } from './scopes.js'

/** What {@link createJwtAuthorize} accepts. */
export interface JwtAuthorizeOptions {
  /** Where the issuer publishes its keys (RFC 7517), such as `https://login.example/.well-known/jwks.json`. */
  readonly jwksUrl: string | URL
  /** The `iss` of accepted tokens. */
  readonly issuer: string | readonly string[]
  /** The `aud` of accepted tokens: this service, so that a token for another one is no token here. */
  readonly audience: string | readonly string[]
  /** The accepted algorithms. Default: the asymmetric ones of RFC 7518 and RFC 8037. */
  readonly algorithms?: readonly string[] | undefined
  /**
   * Reads from the claims of a valid token who shows it. Default: `sub` is both the principal and the user, and `scope`
   * (RFC 8693), or `scp`, has the scopes. Null refuses the token. The scope `*` counts for nothing here: what an issuer
   * grants, it names.
   */
  readonly toCaller?: ((claims: Readonly<Record<string, unknown>>) => ScopedCaller | null) | undefined
  /** How far the issuer's clock may be off, in seconds, 300 at most. Default 5. */
  readonly clockToleranceSeconds?: number | undefined
  /** The longest that fetching the keys may take, in milliseconds. Default 5,000. */
  readonly jwksTimeoutMs?: number | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** The keys of an issuer are a few kilobytes. */
const MAX_KEYS_BYTES = 1024 * 1024

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/**
 * Returns an `authorize` for access tokens that are JSON Web Tokens, signed by an issuer whose keys are fetched when
 * they are needed and kept: for ten minutes, and looked up again for a token of an unknown key, but at most every 30
 * seconds. A token must say until when it is valid (`exp`) and whose it is (`sub`); one that says that it is of another
 * type than `JWT` or `at+jwt` is refused. Rejects with `authorization_unavailable` while the keys cannot be fetched,
 * which is answered with 503. Needs the package `jose`.
 *
 * @throws ConfigurationError when an option is missing or malformed, or the keys would come in clear.
 * @see https://www.rfc-editor.org/rfc/rfc8725
 */
export function createJwtAuthorize(options: JwtAuthorizeOptions): Authorize {
  const { algorithms = ALGORITHMS, toCaller = readCaller, now = Date.now } = options
  const { clockToleranceSeconds = 5, jwksTimeoutMs = 5000 } = options
  const getKey = createKeyFinder(
    requireUrl(options.jwksUrl),
    requireNumber('jwksTimeoutMs', jwksTimeoutMs, { from: 1, to: 2 ** 31 - 1 }),
  )
  const expected = {
    issuer: requireNames('issuer', options.issuer),
    audience: requireNames('audience', options.audience),
    algorithms: requireAlgorithms(algorithms),
    clockTolerance: requireNumber('clockToleranceSeconds', clockToleranceSeconds, { from: 0, to: 300 }),
    requiredClaims: ['exp', 'sub'],
  }
  return async ({ token, action }) => {
    if (token === null) return 'unauthenticated'
    const claims = await verify(token, getKey, { ...expected, currentDate: new Date(now()) })
    const caller = claims === null ? null : toCaller({ ...claims })
    return caller === null ? 'unauthenticated' : toScopedAuthorization(withoutStar(caller), action)
  }
}

/** Null for a token that is not accepted, whatever the reason. */
async function verify(
  token: string,
  getKey: JWTVerifyGetKey,
  expected: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload | null> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, getKey, expected)
    return isTypeOfToken(protectedHeader.typ) ? payload : null
  } catch (error) {
    // What is no error of jose is one of a key that the issuer has and nobody can use.
    if (isKycError(error)) throw error
    return null
  }
}

/** A logout or another event is signed with the same keys, and no access token (RFC 8725, section 3.11). */
function isTypeOfToken(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && /^(application\/)?(at\+)?jwt$/i.test(typ))
}

/** A key that the issuer does not have makes the token invalid; keys that cannot be had say nothing about it. */
function createKeyFinder(url: URL, timeoutMs: number): JWTVerifyGetKey {
  const find = createRemoteJWKSet(url, { timeoutDuration: timeoutMs, [customFetch]: fetchKeys })
  return async (header, token) => {
    try {
      return await find(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      throw new KycError('authorization_unavailable', {
        problem: 'The keys of the token issuer cannot be fetched.',
        fix: 'Check that jwksUrl answers with a JSON Web Key Set.',
      })
    }
  }
}

/** Reads no more than keys may have, however much is sent. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options)
  const reader = response.body?.getReader()
  const bytes = reader === undefined ? new Uint8Array() : await readBytes(reader, MAX_KEYS_BYTES)
  if (bytes !== null) return new Response(new Uint8Array(bytes), { status: response.status })
  reader?.cancel().catch(() => {})
  return new Response(null, { status: 413 })
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}

/** The scopes are one text (RFC 8693, section 4.2) or, as some issuers write them, a list. */
function readCaller({ sub, scope, scp }: Readonly<Record<string, unknown>>): ScopedCaller | null {
  if (typeof sub !== 'string') return null
  const given = scope ?? scp ?? []
  const words = typeof given === 'string' ? given.split(' ') : given
  const scopes = Array.isArray(words) ? words.filter((word) => typeof word === 'string') : []
  return { principal: sub, userId: sub, scopes }
}

function withoutStar({ scopes, ...caller }: ScopedCaller): ScopedCaller {
  return { ...caller, scopes: scopes.filter((scope) => scope !== '*') }
}

function requireUrl(given: string | URL): URL {
  const url = URL.canParse(String(given)) ? new URL(String(given)) : null
  if (url === null || !isSafe(url)) throw optionError('jwksUrl is no https URL.', 'Give the jwks_uri of your issuer.')
  if (url.username === '' && url.password === '') return url
  throw optionError('jwksUrl has a user or a password.', 'Leave them out: keys are public.')
}

function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackUrl(url))
}

function requireNames(name: string, given: unknown): string[] {
  const names: unknown = typeof given === 'string' ? [given] : given
  const isName = (one: unknown) => typeof one === 'string' && one !== ''
  if (Array.isArray(names) && names.length > 0 && names.every(isName)) return [...names]
  throw optionError(`${name} is missing.`, `Give the ${name} of your tokens: without it, tokens for others count too.`)
}

function requireAlgorithms(algorithms: unknown): string[] {
  const isKnown = (name: unknown) => ALGORITHMS.some((known) => known === name)
  if (Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every(isKnown)) return [...algorithms]
  throw optionError('algorithms has one that is not asymmetric, or none.', `Choose from ${ALGORITHMS.join(', ')}.`)
}

function requireNumber(name: string, value: number, { from, to }: { from: number; to: number }): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value
  throw optionError(`${name} is not usable.`, `Give a whole number from ${from} to ${to}, or leave it out.`)
}

function optionError(problem: string, fix: string): ConfigurationError {
  return new ConfigurationError({ problem, fix })
}
