import { createBearerAuthorize, createKycEngine, createMemoryStorage, createPersonaClient } from '@persona-kyc/core'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { Hono } from 'hono'
import { getConnInfo } from 'hono/cloudflare-workers'

type Setting = 'PERSONA_API_KEY' | 'PERSONA_TEMPLATE_ID' | 'PERSONA_WEBHOOK_SECRET' | 'COMPLIANCE_API_TOKEN'
type Env = Record<Setting, string> & { readonly PERSONA_BASE_URL?: string }

function createApp(env: Env): Hono {
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: env.PERSONA_API_KEY, baseUrl: env.PERSONA_BASE_URL }),
    storage: createMemoryStorage(), // here goes one that Workers reach: this one ends with the isolate
    templateId: env.PERSONA_TEMPLATE_ID,
    webhookSecrets: env.PERSONA_WEBHOOK_SECRET,
  })
  const authorize = createBearerAuthorize({ tokens: env.COMPLIANCE_API_TOKEN })
  return new Hono().route('/', createKycApp({ engine, authorize, getConnInfo })) // below a prefix: .route('/api', …)
}
let app: Hono | undefined
export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    app ??= createApp(env) // once for each isolate: the settings come with the first request
    return app.fetch(request, env)
  },
}
