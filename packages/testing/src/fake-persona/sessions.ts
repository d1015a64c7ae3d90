/** A session: the right of one browser to continue one inquiry. */
export interface FakeSession {
  readonly id: string
  readonly inquiryId: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  /** True once a browser has opened the inquiry with it. */
  used: boolean
  /** True once expiring or redacting the inquiry has ended it. */
  ended: boolean
}

const SIGNING_KEY = 'fake-persona-session-key'
const ISSUER = 'withpersona.com'
const encoder = new TextEncoder()

/** Says whether the session can still be handed out: neither used, ended nor past its time. */
export function isReusable(session: FakeSession, nowMs: number): boolean {
  return !session.used && isAlive(session, nowMs)
}

/** Says whether the session still opens its inquiry. */
export function isAlive(session: FakeSession, nowMs: number): boolean {
  return !session.ended && nowMs < session.expiresAtMs
}

/** Resolves with the session's token: a JWT (HS256) with Persona's claims, always the same for the same session. */
export async function toSessionToken(session: FakeSession): Promise<string> {
  const issuedAt = Math.floor(session.createdAtMs / 1000)
  const claims = {
    sub: session.id,
    aud: 'persona-verify',
    iss: ISSUER,
    iat: issuedAt,
    nbf: issuedAt,
    exp: Math.floor(session.expiresAtMs / 1000),
    jti: session.id,
    sid: session.id,
  }
  const signed = `${toBase64UrlJson({ alg: 'HS256' })}.${toBase64UrlJson(claims)}`
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(SIGNING_KEY),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const digest = await crypto.subtle.sign('HMAC', key, encoder.encode(signed))
  return `${signed}.${toBase64Url(new Uint8Array(digest))}`
}

function toBase64UrlJson(value: unknown): string {
  return toBase64Url(encoder.encode(JSON.stringify(value)))
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
