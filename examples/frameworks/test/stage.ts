import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  type KycHandlerOptions,
} from '@persona-kyc/core'
import {
  type CreatedDelivery,
  createInquiryEvent,
  createSignedDelivery,
  startFakePersonaServer,
} from '@persona-kyc/testing'

/** What programs run against: a fake Persona, and the settings that point them to it. */
export interface Stage {
  readonly persona: Awaited<ReturnType<typeof startFakePersonaServer>>
  readonly environment: Readonly<Record<string, string>>
}

export const API_TOKEN = 'token-of-the-frameworks-test'
export const WEBHOOK_SECRET = 'wbhsec_frameworks'
const TEMPLATE_ID = 'itmpl_frameworks'
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** Starts a fake Persona. */
export async function createStage(options: { readonly apiKey?: string } = {}): Promise<Stage> {
  const persona = await startFakePersonaServer({ ...options, rateLimit: { limit: 10_000, windowSeconds: 60 } })
  const environment = {
    PERSONA_API_KEY: persona.fake.apiKey,
    PERSONA_BASE_URL: persona.baseUrl,
    PERSONA_TEMPLATE_ID: TEMPLATE_ID,
    PERSONA_WEBHOOK_SECRET: WEBHOOK_SECRET,
    COMPLIANCE_API_TOKEN: API_TOKEN,
  }
  return { persona, environment }
}

/** Resolves with a signed webhook that says the inquiry is completed. */
export async function createDelivery(
  inquiryId: string,
  secret = WEBHOOK_SECRET,
): Promise<CreatedDelivery & { readonly method: 'POST' }> {
  const event = createInquiryEvent({ name: 'inquiry.completed', inquiryId, templateId: TEMPLATE_ID })
  return { method: 'POST', ...(await createSignedDelivery({ event, secrets: secret })) }
}

/** Returns the options of routes on an engine of their own. */
export function createOptions(
  { persona: { baseUrl, fake } }: Stage,
  options: Partial<KycHandlerOptions> & { readonly webhookSecrets?: string } = {},
): KycHandlerOptions {
  const { webhookSecrets = WEBHOOK_SECRET, ...rest } = options
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: fake.apiKey, baseUrl }),
    storage: createMemoryStorage(),
    templateId: TEMPLATE_ID,
    webhookSecrets,
    logger: SILENT,
  })
  return { engine, authorize: createBearerAuthorize({ tokens: API_TOKEN }), ...rest }
}
