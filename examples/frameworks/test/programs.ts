import type { Runtime } from './runtimes.js'

/** One of the examples, and how it is run. */
export interface Program {
  /** The title of its tests. */
  readonly name: string
  /** Below `examples/frameworks`. */
  readonly file: string
  readonly runtime: Runtime
  /** Where the routes are mounted. Default: the root. */
  readonly prefix?: string
  /** The package that is installed as Express. */
  readonly express?: 'express4'
}

/** Every example that serves the routes. */
export const PROGRAMS: readonly Program[] = [
  { name: 'Express 5', file: 'src/express.ts', runtime: 'node' },
  { name: 'Express 4', file: 'src/express.ts', runtime: 'node', express: 'express4' },
  { name: 'Hono on Node', file: 'src/hono-node.ts', runtime: 'node' },
  { name: 'Hono on Bun', file: 'src/hono-bun.ts', runtime: 'bun' },
  { name: 'Hono on Deno', file: 'src/hono-deno.ts', runtime: 'deno' },
  { name: 'Hono on workerd', file: 'src/hono-workerd.ts', runtime: 'workerd' },
  { name: 'the core handler on workerd', file: 'src/worker.ts', runtime: 'workerd' },
  { name: 'node:http', file: 'src/node-http.ts', runtime: 'node' },
  { name: 'Fastify', file: 'src/fastify.ts', runtime: 'node' },
  { name: 'Next.js', file: 'next/app/api/[...path]/route.ts', runtime: 'next', prefix: '/api' },
]

/** The example that stands before one of the others. */
export const EDGE_FORWARDER: Program = { name: 'the edge forwarder', file: 'src/edge-forwarder.ts', runtime: 'workerd' }
