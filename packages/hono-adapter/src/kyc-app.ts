import { createKycHandler, type KycHandlerOptions, type RequestHints } from '@persona-kyc/core'
import { type Context, Hono } from 'hono'
import type { GetConnInfo } from 'hono/conninfo'
import { routePath } from 'hono/route'

/** What {@link createKycApp} accepts. */
export interface KycAppOptions extends KycHandlerOptions {
  /**
   * Tells who is at the other end: the `getConnInfo` of `hono/bun`, `hono/deno` or `hono/cloudflare-workers`. Default:
   * what `@hono/node-server` knows; elsewhere nobody.
   */
  readonly getConnInfo?: GetConnInfo | undefined
}

/**
 * Returns the KYC routes as an app, for any prefix: `app.route('/api', createKycApp(options))`. No middleware before it
 * may read the body, unless as bytes, with `c.req.arrayBuffer()`, `c.req.bytes()` or `c.req.blob()`.
 *
 * @throws ConfigurationError when `authorize` is missing, or another option is malformed.
 */
export function createKycApp({ getConnInfo = getNodeConnInfo, ...options }: KycAppOptions): Hono {
  const handler = createKycHandler(options)
  return new Hono().use(async (c, next) => {
    const hints = {
      address: getConnInfo(c).remote.address,
      basePath: toBasePath(c) + (options.basePath ?? ''),
      consumedBody: wasRead(c) ? await findConsumedBody(c) : undefined,
      ...toNodeHints(c),
    }
    return (await handler.handle(c.req.raw, hints)) ?? next()
  })
}

/** The request of a server of Node; undefined elsewhere. */
function findIncoming({ env }: Context): NodeRequest | undefined {
  return env?.incoming
}

interface NodeRequest {
  readonly socket: { readonly remoteAddress?: string; readonly encrypted?: boolean }
  readonly rawHeaders: readonly string[]
}

function getNodeConnInfo(c: Context): ReturnType<GetConnInfo> {
  const address = findIncoming(c)?.socket.remoteAddress
  return { remote: address === undefined ? {} : { address, addressType: undefined } }
}

/** On Node, a caller may write any scheme before the path; elsewhere the URL is what the server makes of it. */
function toNodeHints(c: Context): RequestHints {
  const incoming = findIncoming(c)
  if (incoming === undefined) return {}
  const headerLength = incoming.rawHeaders.reduce((length, text) => length + text.length, 0)
  // Middleware may have put another Request in the place of that of @hono/node-server, which has a prototype of its own.
  const keepsLength = Object.getPrototypeOf(c.req.raw) !== Request.prototype
  return { isEncrypted: incoming.socket.encrypted === true, headerLength, keepsLength }
}

/**
 * Where the app is mounted, as this URL spells it: as many segments as the route has before its `*`. Hono's own
 * `basePath` misses the outer one of two nested mounts in most 4.x.
 */
function toBasePath(c: Context): string {
  const mount = routePath(c).split('/').slice(0, -1)
  if (mount.length === 1) return ''
  return new URL(c.req.url).pathname.split('/').slice(0, mount.length).join('/')
}

function wasRead({ req }: Context): boolean {
  for (const _ in req.bodyCache) return true
  return false
}

/** What Hono has kept of a body that was read before us. */
async function findConsumedBody({ req }: Context): Promise<unknown> {
  const { arrayBuffer, blob, text, json, formData } = req.bodyCache
  try {
    if (arrayBuffer !== undefined) return new Uint8Array(await arrayBuffer)
    if (blob !== undefined) return new Uint8Array(await (await blob).arrayBuffer())
    return await (text ?? json ?? formData)
  } catch {
    return null
  }
}
