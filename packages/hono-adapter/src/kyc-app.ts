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
    const { address } = getConnInfo(c).remote
    const basePath = toBasePath(c) + (options.basePath ?? '')
    const hints = { basePath, address, isEncrypted: isEncrypted(c), ...(await toConsumedBody(c)) }
    return (await handler.handle(c.req.raw, hints)) ?? next()
  })
}

/** The socket of a server of Node; undefined elsewhere. */
function findSocket({ env }: Context): { remoteAddress?: string; encrypted?: boolean } | undefined {
  return env?.incoming?.socket
}

function getNodeConnInfo(c: Context): ReturnType<GetConnInfo> {
  const address = findSocket(c)?.remoteAddress
  return { remote: address === undefined ? {} : { address, addressType: undefined } }
}

/** On Node, a caller may write any scheme before the path; elsewhere the URL is what the server makes of it. */
function isEncrypted(c: Context): boolean | undefined {
  const socket = findSocket(c)
  return socket === undefined ? undefined : socket.encrypted === true
}

/**
 * Where the app is mounted, as this URL spells it: as many segments as the route has before its `*`. Hono's own
 * `basePath` misses the outer one of two nested mounts in most 4.x.
 */
function toBasePath(c: Context): string {
  const mount = routePath(c).split('/').slice(0, -1)
  return new URL(c.req.url).pathname.split('/').slice(0, mount.length).join('/')
}

/** What Hono has kept of a body that was read before us. */
async function toConsumedBody({ req }: Context): Promise<RequestHints> {
  const { arrayBuffer, blob, text, json, formData } = req.bodyCache
  try {
    if (arrayBuffer !== undefined) return { consumedBody: new Uint8Array(await arrayBuffer) }
    if (blob !== undefined) return { consumedBody: new Uint8Array(await (await blob).arrayBuffer()) }
    const parsed = await (text ?? json ?? formData)
    return parsed === undefined ? {} : { consumedBody: parsed }
  } catch {
    return { consumedBody: null }
  }
}
