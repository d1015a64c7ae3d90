import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import * as kyc from '@persona-kyc/core'

const { PERSONA_API_KEY = '', PERSONA_BASE_URL, PERSONA_TEMPLATE_ID = '' } = process.env
const { PERSONA_WEBHOOK_SECRET = '', COMPLIANCE_API_TOKEN = '', PORT = '8000' } = process.env

const engine = kyc.createKycEngine({
  persona: kyc.createPersonaClient({ apiKey: PERSONA_API_KEY, baseUrl: PERSONA_BASE_URL }),
  storage: kyc.createMemoryStorage(), // here goes createKnexStorage({ knex }): this one ends with the process
  templateId: PERSONA_TEMPLATE_ID,
  webhookSecrets: PERSONA_WEBHOOK_SECRET,
})
const authorize = kyc.createBearerAuthorize({ tokens: COMPLIANCE_API_TOKEN })
const handler = kyc.createKycHandler({ engine, authorize }) // below a prefix: basePath: '/api'

const listener = getRequestListener(async (request, { incoming }) => {
  const hints = { address: incoming.socket.remoteAddress, isEncrypted: false } // whatever scheme the caller wrote
  return (await handler.handle(request, hints)) ?? new Response('Not found', { status: 404 })
})
createServer(listener).listen(Number(PORT))
