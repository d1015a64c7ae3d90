import { createKycHandler, type KycHandlerOptions, type RequestHints } from '@persona-kyc/core'
import { type Context, Hono } from 'hono'
import { routePath } from 'hono/route'

/**
 * Returns the KYC routes as an app, for any prefix: `app.route('/api', createKycApp(options))`. No middleware before it
 * may read the body, unless as bytes, with `c.req.arrayBuffer()`, `c.req.bytes()` or `c.req.blob()`.
 *
 * @throws ConfigurationError when `authorize` is missing, or the base path is malformed.
 */
export function createKycApp(options: KycHandlerOptions): Hono {
  const handler = createKycHandler(options)
  return new Hono().use(async (c, next) => {
    const hints = { basePath: toBasePath(c) + (options.basePath ?? ''), ...(await toConsumedBody(c)) }
    return (await handler.handle(c.req.raw, hints)) ?? next()
  })
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
