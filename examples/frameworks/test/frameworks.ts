import { createServer, type RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { createKycRouter } from '@persona-kyc/express-adapter'
import { createKycApp } from '@persona-kyc/hono-adapter'
import express, { type RequestHandler, Router } from 'express'
import { Hono } from 'hono'
import { listen } from './listening-server.js'

/** The routes of one engine, and where they are mounted: each entry of the path is a router or an app in the one before. */
export interface Mount {
  readonly path: readonly string[]
  readonly options: KycHandlerOptions
}

/** An app of one framework, behind a real port. */
export interface Framework {
  readonly name: string
  /** Starts an app that has the mounts, and other routes too. Resolves with its URL. */
  serve(...mounts: Mount[]): Promise<string>
}

/** What a JSON route of the app, beside the mounts, answers with: the body that it was sent. */
export const ECHO = '/echo'

/** The frameworks that have an adapter. */
export const FRAMEWORKS: readonly Framework[] = [
  { name: 'Express', serve: (...mounts) => listenTo(createExpressApp(mounts)) },
  { name: 'Hono', serve: (...mounts) => listenTo(getRequestListener(createHonoApp(mounts).fetch)) },
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

async function listenTo(listener: RequestListener): Promise<string> {
  return listen(createServer(listener))
}
