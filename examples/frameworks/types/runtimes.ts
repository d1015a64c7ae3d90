import type { KycHandler } from '@persona-kyc/core'
import bunProgram from '../src/hono-bun.js'
import denoProgram from '../src/hono-deno.js'

/** The server that Bun passes to `fetch`. */
interface BunServer {
  requestIP(request: Request): { readonly address: string; readonly family: 'IPv4' | 'IPv6'; port: number } | null
  timeout(request: Request, seconds: number): void
}

/** What Bun takes as the default export of a program, and as the argument of `Bun.serve`. */
interface BunServeOptions {
  readonly port?: string | number
  readonly idleTimeout?: number
  fetch(this: BunServer, request: Request, server: BunServer): Response | Promise<Response>
}

/** What Deno passes to a handler. */
interface DenoServeInfo {
  readonly remoteAddr: { readonly transport: 'tcp' | 'udp'; readonly hostname: string; readonly port: number }
  readonly completed: Promise<void>
}

/** What `Deno.serve` takes, and `deno serve` as the `fetch` of the default export. */
type DenoServeHandler = (request: Request, info: DenoServeInfo) => Response | Promise<Response>

declare const handler: KycHandler

bunProgram satisfies BunServeOptions
handler satisfies BunServeOptions
denoProgram.fetch satisfies DenoServeHandler
handler.fetch satisfies DenoServeHandler

// @ts-expect-error: it resolves with null for paths of others, and what the runtime passes second is no hint.
handler.handle satisfies DenoServeHandler
