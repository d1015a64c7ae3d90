import { createBearerAuthorize, createKycEngine, createMemoryStorage, createPersonaClient } from '@persona-kyc/core'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { Hono } from 'hono'
import { getConnInfo } from 'hono/bun'

const { PERSONA_API_KEY = '', PERSONA_BASE_URL, PERSONA_TEMPLATE_ID = '' } = process.env
const { PERSONA_WEBHOOK_SECRET = '', COMPLIANCE_API_TOKEN = '', PORT = '8000' } = process.env

const engine = createKycEngine({
  persona: createPersonaClient({ apiKey: PERSONA_API_KEY, baseUrl: PERSONA_BASE_URL }),
  storage: createMemoryStorage(), // here goes createKnexStorage({ knex }): this one ends with the process
  templateId: PERSONA_TEMPLATE_ID,
  webhookSecrets: PERSONA_WEBHOOK_SECRET,
})
const authorize = createBearerAuthorize({ tokens: COMPLIANCE_API_TOKEN })

const app = new Hono()
app.route('/', createKycApp({ engine, authorize, getConnInfo })) // below a prefix: app.route('/api', …)

export default { port: Number(PORT), fetch: app.fetch }
