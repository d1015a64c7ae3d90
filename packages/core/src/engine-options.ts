import type { KycAlarm } from './alarms.js'
import { createCipher, type EncryptionKey } from './cipher.js'
import type { PersonaClient } from './client.js'
import type { EngineContext } from './engine-context.js'
import { ConfigurationError } from './errors.js'
import { createPersonaProbe } from './health.js'
import type { JsonObject } from './inflection.js'
import { consoleLogger, type Logger, toSafeLogger } from './logger.js'
import type { InquiryInput } from './personal-data.js'
import { sleep } from './retries.js'
import { createSignatureVerifier, type SignatureOptions, type WebhookSecrets } from './signature.js'
import { createStatusPolicy, type STATUS_TABLES, type StatusTable } from './status.js'
import type { KycStorage, Transition } from './storage.js'

/** What {@link createKycEngine} accepts. */
export interface KycEngineOptions {
  readonly persona: PersonaClient
  readonly storage: KycStorage
  /** The inquiry template: `itmpl_…`, or `itmplv_…` for a version, or `tmpl_…` for a legacy one. */
  readonly templateId: string
  /**
   * The webhook's secrets (`wbhsec_…`); several during rotation. Or a function that tells them, for a rotation without a
   * restart: see `secrets` of {@link SignatureOptions}.
   */
  readonly webhookSecrets: WebhookSecrets
  /** How long what a function told of the secrets is good, in seconds. Default 60. */
  readonly webhookSecretsMaxAgeSeconds?: number | undefined
  /** The replay window of webhooks, in seconds either way. Default 300. */
  readonly toleranceSeconds?: number | undefined
  /** `completed` (the default), `decision`, or a table of your own. */
  readonly statusPolicy?: keyof typeof STATUS_TABLES | StatusTable | undefined
  /** The first key encrypts personal data and session tokens; without any, neither is stored. */
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined
  /** Where Persona's hosted flow sends the person afterwards. */
  readonly redirectUri?: string | undefined
  /** Makes the inquiry's prefilled fields, by your template's names. Default: none are sent. */
  readonly toInquiryFields?: ((input: InquiryInput) => JsonObject) | undefined
  /** Default: warnings and errors go to the console. */
  readonly logger?: Logger | undefined
  /** Called after a transition is committed, at most once, by the process that made it. For at least once, follow the feed. */
  readonly onTransition?: ((transition: Transition) => unknown) | undefined
  /** Called with what an operator should know of. It is logged too. */
  readonly onAlarm?: ((alarm: KycAlarm) => unknown) | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Waits that many milliseconds; the signal ends the wait early. Default: a timer. */
  readonly sleep?: EngineContext['sleep'] | undefined
}

/** Checks the options. Throws ConfigurationError. */
export function toContext(options: KycEngineOptions): EngineContext {
  const { encryptionKeys = [], now = Date.now } = options
  const logger = toSafeLogger(options.logger ?? consoleLogger)
  return {
    persona: options.persona,
    storage: options.storage,
    templateId: requireTemplateId(options.templateId),
    redirectUri: options.redirectUri ?? null,
    policy: createStatusPolicy(options.statusPolicy),
    cipher: encryptionKeys.length === 0 ? null : createCipher(encryptionKeys),
    logger,
    now,
    sleep: options.sleep ?? sleep,
    verify: createSignatureVerifier({ ...toSignatureOptions(options), now, logger }),
    toInquiryFields: options.toInquiryFields ?? null,
    onTransition: options.onTransition ?? null,
    onAlarm: options.onAlarm ?? null,
    checkPersona: createPersonaProbe(options.persona, now),
    sessionTokens: new Map(),
    freshTokens: new WeakMap(),
    doubtfulSince: new Map(),
    underWay: new Map(),
  }
}

function toSignatureOptions(options: KycEngineOptions): SignatureOptions {
  return {
    secrets: options.webhookSecrets,
    secretsMaxAgeSeconds: options.webhookSecretsMaxAgeSeconds,
    toleranceSeconds: options.toleranceSeconds,
  }
}

function requireTemplateId(templateId: string): string {
  if (typeof templateId === 'string' && templateId.trim() !== '') return templateId
  throw new ConfigurationError({
    problem: 'The inquiry template id is missing.',
    fix: 'Copy it from the Persona dashboard: Inquiries, Templates (itmpl_…).',
  })
}
