/** An answer of a route, before it is a Response. */
export interface HttpAnswer {
  readonly status: number
  /** Its content type. */
  readonly type: string
  readonly body: string
  /** Headers besides those that every answer has. */
  readonly headers: Readonly<Record<string, string>>
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
const STRICT_TRANSPORT_SECURITY = 'max-age=31536000'

/** Returns the answer as a Response. That to a HEAD has the headers of the one to a GET, and no body. */
export function toResponse(
  { status, type, body, headers }: HttpAnswer,
  { method, isHttpsOnly }: { readonly method: string; readonly isHttpsOnly: boolean },
): Response {
  return new Response(method === 'HEAD' ? null : body, {
    status,
    headers: {
      'content-type': type,
      ...SECURITY_HEADERS,
      ...(isHttpsOnly && { 'strict-transport-security': STRICT_TRANSPORT_SECURITY }),
      ...headers,
    },
  })
}
