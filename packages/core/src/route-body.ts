import { KycError } from './errors.js'
import type { HandlerContext } from './handler-options.js'
import type { PlainRequest } from './plain-request.js'
import { HttpError } from './problem.js'
import { isBodyAnnounced, readBody, requireAnnouncedSize } from './request-body.js'
import type { Route } from './routes.js'
import { isSignatureHeader } from './signature-header.js'

const EMPTY = new Uint8Array()

/**
 * Reads what the route takes of the body, within its limits. `consumed` is what a parser before has left in its place;
 * null where it left nothing, undefined where the body is there to read.
 */
export async function readRouteBody(
  context: HandlerContext,
  request: PlainRequest,
  { route, consumed }: { readonly route: Route; readonly consumed: unknown },
): Promise<Uint8Array> {
  const { maxWebhookBytes, bodyTimeoutMs } = context
  const maxBodyBytes = route.body === 'raw' ? maxWebhookBytes : context.maxBodyBytes
  const isUnread = consumed === undefined && !request.bodyUsed
  if (route.body === 'none') {
    // Nothing is done for a request of which the server may yet find that it is malformed.
    const isAwaited = route.method !== 'GET' && isUnread && isBodyAnnounced(request)
    if (isAwaited) await readBody(request, { maxBodyBytes, bodyTimeoutMs })
    return EMPTY
  }
  requireAnnouncedSize(request, maxBodyBytes)
  // Its header alone refuses it: nothing is read, or kept, of what anybody may send.
  if (route.body === 'raw' && !isSignatureHeader(request.headers.get('persona-signature'))) return EMPTY
  const bytes = isUnread
    ? await readBody(request, { maxBodyBytes, bodyTimeoutMs })
    : toConsumedBody(consumed ?? null, route, maxBodyBytes)
  // Also of a parsed one: a form, which any site can make a browser send, is not to pass for JSON.
  if (route.body === 'json' && bytes.length > 0) requireJsonType(request)
  return bytes
}

/** A parser may have read the body before us. For JSON that is as good; a signature needs the bytes that arrived. */
function toConsumedBody(body: unknown, route: Route, maxBodyBytes: number): Uint8Array {
  const bytes = body instanceof Uint8Array ? body : toParsedBytes(body, route)
  if (bytes.length <= maxBodyBytes) return bytes
  throw new KycError('body_too_large', { problem: 'The body is too large.', fix: 'Send less.' })
}

function toParsedBytes(body: unknown, route: Route): Uint8Array {
  if (route.body === 'json' && body !== null) {
    return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
  }
  throw new KycError('raw_body_unavailable', {
    problem: 'Something read the body before this route, and left nothing that it can use.',
    fix: 'Mount the KYC routes before any body parser, or keep the bytes: express.json({ verify: (req, res, bytes) => { req.rawBody = bytes } }).',
  })
}

function requireJsonType(request: PlainRequest): void {
  const type = request.headers.get('content-type') ?? ''
  if (/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) return
  throw new HttpError(415, 'unsupported_media_type', { detail: 'The body must be application/json.' })
}
