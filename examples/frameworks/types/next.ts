import type { KycHandler } from '@persona-kyc/core'
import type { NextRequest } from 'next/server'
import * as route from '../next/app/api/[...path]/route.js'

/** What `next typegen` holds a route handler against, in `.next/types/validator.ts` of Next.js 16. */
type RouteHandler = (
  request: NextRequest,
  context: { readonly params: Promise<{ readonly path: string[] }> },
) => Promise<Response | undefined> | Response | undefined

declare const handler: KycHandler

route satisfies Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', RouteHandler>
handler.fetch satisfies RouteHandler
