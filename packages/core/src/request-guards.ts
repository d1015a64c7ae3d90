import { forbidden } from './authorize.js'
import type { HandlerContext } from './handler-options.js'
import type { Peer } from './peer.js'
import { HttpError } from './problem.js'
import type { Route } from './routes.js'

/** Throws a 414 or a 431 for a request whose URL or headers are longer than they may be. */
export function requireSize(
  { maxUrlLength, maxHeaderLength }: HandlerContext,
  url: string,
  headerLength: number,
): void {
  if (url.length > maxUrlLength) throw new HttpError(414, 'url_too_long', { detail: 'The URL is too long.' })
  if (headerLength <= maxHeaderLength) return
  throw new HttpError(431, 'headers_too_large', { detail: 'The headers are too large.' })
}

/** Throws a 400 for a URL with a user or a password, of which fetch can make no Request. */
export function requireNoCredentials({ username, password }: URL): void {
  if (username === '' && password === '') return
  throw new HttpError(400, 'invalid_request', { detail: 'The URL holds credentials.' })
}

/** Throws a 403 for a request that came in clear where that is refused. */
export function requireEncryption({ requireHttps }: HandlerContext, { isEncrypted }: Peer): void {
  if (isEncrypted || !requireHttps) return
  throw new HttpError(403, 'https_required', { detail: 'Use HTTPS.' })
}

/** Throws a 403 for a webhook from an address that is not among those which may send some. */
export function requireSender({ isWebhookAddress, logger }: HandlerContext, { address }: Peer, { body }: Route): void {
  if (body !== 'raw' || isWebhookAddress === null) return
  if (address !== null && isWebhookAddress(address)) return
  logger.warn({ reason: address === null ? 'unknown_address' : 'address' }, 'webhook refused')
  throw forbidden()
}
