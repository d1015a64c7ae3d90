import { type ClaimSource, createFeedSource, createHttpSource } from '@persona-kyc/claims'
import {
  createKycEngine,
  createPersonaClient,
  isKycError,
  type KycStorage,
  type Logger,
  toLogFields,
} from '@persona-kyc/core'
import type { ApiConfiguration } from './configuration.js'

/** Returns the source that asks the KYC service over HTTP. What is refused is logged as an error, what passes as a warning. */
export function createApiSource({ url, token, ...api }: ApiConfiguration, logger: Logger): ClaimSource {
  return createHttpSource({
    baseUrl: url,
    token,
    allowInsecureHttp: api.allowHttp,
    pollMs: api.pollSeconds * 1000,
    onError(error) {
      const level = isKycError(error) && error.code === 'kyc_api_refused' ? 'error' : 'warn'
      logger[level](toLogFields(error), 'the KYC service has not told what changed: it is asked again')
    },
  })
}

/** Returns the source that follows the feed of the database. `leaseMs` is how long a dead worker keeps the others waiting. */
export function createDatabaseSource(
  storage: KycStorage,
  { leaseMs, logger }: { readonly leaseMs: number; readonly logger: Logger },
): ClaimSource {
  // The worker asks Persona nothing and takes no webhooks.
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: 'none' }),
    storage,
    templateId: 'none',
    webhookSecrets: crypto.randomUUID(),
    logger,
  })
  return createFeedSource({ engine, follow: { leaseMs } })
}
