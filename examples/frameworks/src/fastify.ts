import { getRequestListener } from '@hono/node-server'
import * as kyc from '@persona-kyc/core'
import { fastify } from 'fastify'

const { PERSONA_API_KEY = '', PERSONA_BASE_URL, PERSONA_TEMPLATE_ID = '' } = process.env
const { PERSONA_WEBHOOK_SECRET = '', COMPLIANCE_API_TOKEN = '', PORT = '8000' } = process.env
const engine = kyc.createKycEngine({
  persona: kyc.createPersonaClient({ apiKey: PERSONA_API_KEY, baseUrl: PERSONA_BASE_URL }),
  storage: kyc.createMemoryStorage(), // here goes createKnexStorage({ knex }): this one ends with the process
  templateId: PERSONA_TEMPLATE_ID,
  webhookSecrets: PERSONA_WEBHOOK_SECRET,
})
const handler = kyc.createKycHandler({ engine, authorize: kyc.createBearerAuthorize({ tokens: COMPLIANCE_API_TOKEN }) })
const listener = getRequestListener(async (request, { incoming }) => {
  const hints = { address: incoming.socket.remoteAddress, isEncrypted: false } // whatever scheme the caller wrote
  return (await handler.handle(request, hints)) ?? new Response('Not found', { status: 404 })
})

const app = fastify()
app.register(async (routes) => {
  routes.removeAllContentTypeParsers() // in this plugin only
  routes.addContentTypeParser('*', (_request, _body, done) => done(null)) // leaves the body unread
  routes.all('/*', (request, reply) => listener(request.raw, reply.hijack().raw))
})
await app.listen({ port: Number(PORT) })
