import * as kyc from '@persona-kyc/core'

const { PERSONA_API_KEY = '', PERSONA_BASE_URL, PERSONA_TEMPLATE_ID = '' } = process.env
const { PERSONA_WEBHOOK_SECRET = '', COMPLIANCE_API_TOKEN = '' } = process.env

function createHandler(): kyc.KycHandler {
  const engine = kyc.createKycEngine({
    persona: kyc.createPersonaClient({ apiKey: PERSONA_API_KEY, baseUrl: PERSONA_BASE_URL }),
    storage: kyc.createMemoryStorage(), // here goes createKnexStorage({ knex }): this one ends with the process
    templateId: PERSONA_TEMPLATE_ID,
    webhookSecrets: PERSONA_WEBHOOK_SECRET,
  })
  const authorize = kyc.createBearerAuthorize({ tokens: COMPLIANCE_API_TOKEN })
  return kyc.createKycHandler({ engine, authorize, basePath: '/api' })
}

let handler: kyc.KycHandler | undefined
function answer(request: Request): Promise<Response> {
  handler ??= createHandler() // at the first request: `next build` runs this file too, without the settings
  return handler.fetch(request)
}

export { answer as DELETE, answer as GET, answer as HEAD, answer as POST, answer as PUT }
