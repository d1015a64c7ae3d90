import { serve } from '@hono/node-server'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { Hono } from 'hono'
import { getConnInfo as getBunConnInfo } from 'hono/bun'
import { getConnInfo as getWorkerConnInfo } from 'hono/cloudflare-workers'
import { getConnInfo as getDenoConnInfo } from 'hono/deno'

interface Env {
  readonly Bindings: { readonly SECRET: string }
  readonly Variables: { readonly userId: string }
}

declare const options: KycHandlerOptions

createKycApp(options) satisfies Hono
new Hono().route('/', createKycApp(options)) satisfies Hono
new Hono<Env>()
  .basePath('/v1')
  .route('/api', createKycApp(options))
  .get('/', (c) => c.text(c.env.SECRET + c.var.userId))
serve({ fetch: createKycApp(options).fetch })
for (const getConnInfo of [getBunConnInfo, getDenoConnInfo, getWorkerConnInfo])
  createKycApp({ ...options, getConnInfo })

// @ts-expect-error: there is no open default.
createKycApp({ engine: options.engine })
