/** A request that the fake received, for assertions. */
export interface RecordedRequest {
  readonly method: string
  /** The path after `/api/v1`, such as `/inquiries`; the whole path when it is outside the API. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case. Includes the Authorization header. */
  readonly headers: Readonly<Record<string, string>>
  /** The body parsed as JSON in the casing it was sent in; its text when it is not JSON; undefined when it is empty. */
  readonly body: unknown
}

const API_PREFIX = '/api/v1/'

/** Returns the path after `/api/v1`, wherever that stands; undefined for a path outside the API. */
export function toApiPath(pathname: string): string | undefined {
  const at = pathname.indexOf(API_PREFIX)
  return at === -1 ? undefined : pathname.slice(at + API_PREFIX.length - 1)
}

/** Returns the record of a request whose body has been read. */
export function toRecordedRequest(request: Request, text: string): RecordedRequest {
  const { pathname, searchParams } = new URL(request.url)
  return {
    method: request.method.toUpperCase(),
    path: toApiPath(pathname) ?? pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(request.headers),
    body: toParsed(text),
  }
}

function toParsed(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
