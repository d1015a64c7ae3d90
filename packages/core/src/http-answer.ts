/** An answer, before it is a Response. */
export interface HttpAnswer {
  readonly status: number
  /** Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Null where there is none: in the answer to a HEAD. */
  readonly body: string | null
}

/**
 * What every answer says: nothing of it is kept by a cache, runs anywhere, or is shown within another page.
 *
 * @see https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
 */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Browsers are to come by HTTPS for a year. */
const HTTPS_ONLY_HEADERS = { ...SECURITY_HEADERS, 'strict-transport-security': 'max-age=31536000' } as const

/** The headers of JSON. */
export const JSON_TYPE = { 'content-type': 'application/json' } as const

// Made once: nearly all answers have these.
const JSON_HEADERS = { ...SECURITY_HEADERS, ...JSON_TYPE } as const

/** Returns the answer as it is sent; after the last one the connection ends. That to a HEAD has the headers of the one to a GET, and no body. */
export function toSecureAnswer(
  { status, headers, body }: HttpAnswer,
  { method, isHttpsOnly, isLast }: { readonly method: string; readonly isHttpsOnly: boolean; readonly isLast: boolean },
): HttpAnswer {
  const own = isHttpsOnly ? HTTPS_ONLY_HEADERS : SECURITY_HEADERS
  const isUsual = headers === JSON_TYPE && !isHttpsOnly && !isLast
  return {
    status,
    headers: isUsual ? JSON_HEADERS : { ...own, ...headers, ...(isLast && { connection: 'close' }) },
    body: method === 'HEAD' ? null : body,
  }
}

/** Returns the answer as a Response. */
export function toResponse({ status, headers, body }: HttpAnswer): Response {
  return new Response(body, { status, headers })
}
