import { createServer, type RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createKycHandler, type KycHandlerOptions } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import express, { type RequestHandler, Router } from 'express'
import { type FastifyInstance, type FastifyPluginAsync, fastify } from 'fastify'
import { Hono } from 'hono'
import { listen } from './listening-server.js'

/** The routes of one engine, and where they are mounted: each entry of the path is a router or an app in the one before. */
export interface Mount {
  readonly path: readonly string[]
  readonly options: KycHandlerOptions
}

/** A framework. */
export interface Framework {
  readonly name: string
  /** Starts an app that has the mounts, and other routes too. Resolves with its URL. */
  serve(...mounts: Mount[]): Promise<string>
}

/** The path of a route of the app itself, which answers with the JSON that it is sent. */
export const ECHO = '/echo'

/** The frameworks that are mounted in: two by their adapters, and one with the core handler, as its example does. */
export const FRAMEWORKS: readonly Framework[] = [
  { name: 'Express', serve: (...mounts) => listen(createServer(createExpressApp(mounts))) },
  { name: 'Hono', serve: (...mounts) => listen(createServer(getRequestListener(createHonoApp(mounts).fetch))) },
  { name: 'Fastify', serve: async (...mounts) => listen((await createFastifyApp(mounts)).server) },
]

function createExpressApp(mounts: readonly Mount[]): RequestListener {
  const app = express()
  for (const { path, options } of mounts) {
    const routes: RequestHandler = createKycRouter(options)
    app.use(path.reduceRight((inner, part) => Router().use(part, inner), routes))
  }
  app.use(express.json())
  app.post(ECHO, (req, res) => void res.json(req.body))
  return app
}

function createHonoApp(mounts: readonly Mount[]): Hono {
  const app = new Hono()
  for (const { path, options } of mounts) {
    const routes = path.reduceRight((inner, part) => new Hono().route(part, inner), createKycApp(options))
    app.route('/', routes)
  }
  return app.post(ECHO, async (c) => c.json(await c.req.json()))
}

async function createFastifyApp(mounts: readonly Mount[]): Promise<FastifyInstance> {
  const app = fastify()
  for (const { path, options } of mounts) app.register(path.reduceRight(toFastifyScope, toFastifyRoutes(path, options)))
  app.post(ECHO, async (request) => request.body)
  await app.ready()
  return app
}

function toFastifyScope(inner: FastifyPluginAsync, prefix: string): FastifyPluginAsync {
  return async (scope) => void scope.register(inner, { prefix })
}

function toFastifyRoutes(path: readonly string[], options: KycHandlerOptions): FastifyPluginAsync {
  const basePath = path.filter((part) => part !== '/').join('')
  const handler = createKycHandler({ ...options, basePath })
  const listener = getRequestListener(async (request, { incoming }) => {
    const hints = { address: incoming.socket.remoteAddress, isEncrypted: false }
    return (await handler.handle(request, hints)) ?? new Response('Not found', { status: 404 })
  })
  return async (routes) => {
    routes.removeAllContentTypeParsers()
    routes.addContentTypeParser('*', (_request, _body, done) => done(null))
    routes.all('/*', (request, reply) => listener(request.raw, reply.hijack().raw))
  }
}
