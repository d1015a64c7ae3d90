import * as kyc from '@persona-kyc/core'

type Setting = 'PERSONA_API_KEY' | 'PERSONA_TEMPLATE_ID' | 'PERSONA_WEBHOOK_SECRET' | 'COMPLIANCE_API_TOKEN'
type Env = Record<Setting, string> & { readonly PERSONA_BASE_URL?: string }

function createHandler(env: Env): kyc.KycHandler {
  const engine = kyc.createKycEngine({
    persona: kyc.createPersonaClient({ apiKey: env.PERSONA_API_KEY, baseUrl: env.PERSONA_BASE_URL }),
    storage: kyc.createMemoryStorage(), // here goes one that Workers reach: this one ends with the isolate
    templateId: env.PERSONA_TEMPLATE_ID,
    webhookSecrets: env.PERSONA_WEBHOOK_SECRET,
  })
  const authorize = kyc.createBearerAuthorize({ tokens: env.COMPLIANCE_API_TOKEN })
  return kyc.createKycHandler({ engine, authorize }) // below a prefix: basePath: '/api'
}

let handler: kyc.KycHandler | undefined
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    handler ??= createHandler(env) // once for each isolate: the settings come with the first request
    const address = request.headers.get('cf-connecting-ip') ?? undefined // by Cloudflare's word
    return (await handler.handle(request, { address })) ?? new Response('Not found', { status: 404 })
  },
}
