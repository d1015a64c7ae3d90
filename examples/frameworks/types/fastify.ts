import { getRequestListener } from '@hono/node-server'
import type { KycHandler } from '@persona-kyc/core'
import { type FastifyInstance, type FastifyPluginAsync, fastify, type RouteHandlerMethod } from 'fastify'

declare const handler: KycHandler

const listener = getRequestListener((request) => handler.fetch(request))
const answer: RouteHandlerMethod = (request, reply) => listener(request.raw, reply.hijack().raw)
const plugin: FastifyPluginAsync = async (routes) => {
  routes.removeAllContentTypeParsers()
  routes.addContentTypeParser('*', (_request, _body, done) => done(null))
  routes.all('/*', answer)
}
const app: FastifyInstance = fastify()
app.register(plugin, { prefix: '/api' })
app.version satisfies string
