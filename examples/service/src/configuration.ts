import type { EncryptionKey, PersonaEnvironment } from '@persona-kyc/core'
import { z } from 'zod'
import {
  databaseVariables,
  type Environment,
  findDatabaseMistakes,
  type LogLevel,
  logLevelVariable,
  parseEnvironment,
} from './environment.js'
import {
  FAKE_WEBHOOK_SECRET,
  findFileMistakes,
  findSecretMistakes,
  readSecretFile,
  type SecretFile,
} from './webhook-secrets.js'

/** What an example server is told by its environment. */
export interface Configuration {
  readonly host: string
  readonly port: number
  /** Null: an embedded PostgreSQL is started. */
  readonly databaseUrl: string | null
  /** Whose role owns the tables and migrates them; null for that of databaseUrl. */
  readonly migrationDatabaseUrl: string | null
  /** Where the embedded PostgreSQL keeps its data; null for a folder of the server's name in .persona-kyc. */
  readonly dataDirectory: string | null
  /** Null: a fake Persona is started. */
  readonly persona: PersonaConfiguration | null
  readonly templateId: string
  /** Those at the start, where they come from a file. */
  readonly webhookSecrets: readonly string[]
  /** The file that they are read from, again and again; null where they are in a variable. */
  readonly webhookSecretFile: SecretFile | null
  readonly apiToken: string
  /** What the Identity Service shows: it may read claimable cases and write their claims. Null: there is none. */
  readonly identityServiceToken: string | null
  readonly encryptionKeys: readonly EncryptionKey[]
  readonly logLevel: LogLevel
  /** How often to ask Persona for what no webhook brought; 0 for never. */
  readonly reconcileSeconds: number
  /** The proxies whose word on the client's address and scheme counts. */
  readonly trustedProxies: readonly string[]
}

/** How the real Persona is reached. */
export interface PersonaConfiguration {
  readonly apiKey: string
  readonly environment?: PersonaEnvironment
  readonly baseUrl?: string
  readonly apiVersion?: string
}

const FAKE_TEMPLATE_ID = 'itmpl_of_the_fake_persona'

const words = z
  .string()
  .optional()
  .transform((text) => (text ?? '').split(/\s+/).filter((word) => word !== ''))

const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'PORT must be a number from 0 to 65535, for example 8000')
    .transform(Number)
    .refine((port) => port <= 65_535, 'PORT must be a number from 0 to 65535, for example 8000')
    .default(8000),
  ...databaseVariables,
  KYC_DATA_DIR: z.string().optional(),
  PERSONA_API_KEY: z
    .string()
    .regex(
      /^[\x21-\x7e]+$/,
      'PERSONA_API_KEY must be printable ASCII without spaces: copy it from the Persona dashboard',
    )
    .optional(),
  PERSONA_WEBHOOK_SECRET: words,
  PERSONA_WEBHOOK_SECRET_FILE: z.string().optional(),
  PERSONA_TEMPLATE_ID: z.string().optional(),
  PERSONA_ENVIRONMENT: z
    .enum(['sandbox', 'production'], 'PERSONA_ENVIRONMENT must be sandbox or production')
    .optional(),
  PERSONA_BASE_URL: z
    .url({
      protocol: /^https?$/,
      error: 'PERSONA_BASE_URL must be a URL, for example https://api.withpersona.com/api/v1',
    })
    .optional(),
  PERSONA_API_VERSION: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'PERSONA_API_VERSION must be a date, for example 2025-12-08')
    .optional(),
  COMPLIANCE_API_TOKEN: z
    .string('COMPLIANCE_API_TOKEN is not set. It guards the compliance routes; make one with: openssl rand -hex 32')
    .regex(
      /^[\x21-\x7e]{16,}$/,
      'COMPLIANCE_API_TOKEN must have 16 characters of ASCII or more, and no space; make one with: openssl rand -hex 32',
    ),
  IDENTITY_SERVICE_TOKEN: z
    .string()
    .regex(
      /^[\x21-\x7e]{16,}$/,
      'IDENTITY_SERVICE_TOKEN must have 16 characters of ASCII or more, and no space; make one with: openssl rand -hex 32',
    )
    .optional(),
  KYC_ENCRYPTION_KEYS: words,
  LOG_LEVEL: logLevelVariable,
  KYC_RECONCILE_SECONDS: z
    .string()
    .regex(/^\d{1,6}$/, 'KYC_RECONCILE_SECONDS must be a whole number of seconds, 0 for never')
    .transform(Number)
    .default(300),
  TRUSTED_PROXIES: words,
  NODE_ENV: z.string().optional(),
})

type Variables = z.infer<typeof variables>

/**
 * Reads the environment of an example server. An empty variable counts as one that is not set.
 *
 * @throws EnvironmentError that names each variable that is missing, malformed or contradicts another.
 */
export function readConfiguration(environment: Environment): Configuration {
  return toConfiguration(
    parseEnvironment(variables, environment, (given) => [
      ...findContradictions(given),
      ...findDatabaseMistakes(given),
      ...findWebhookMistakes(given),
      ...findTokenMistakes(given),
      ...findKeyMistakes(words.parse(given.KYC_ENCRYPTION_KEYS)),
    ]),
  )
}

function findContradictions(env: Environment): string[] {
  const { PERSONA_API_KEY: apiKey, PERSONA_ENVIRONMENT: environment } = env
  if (apiKey === undefined) return findFakeContradictions(env)
  const prefix = /^persona_(sandbox|production)_/.exec(apiKey)?.[1]
  // What is neither is a mistake of its own, and may be a key.
  const isKnown = environment === 'sandbox' || environment === 'production'
  return [
    ...(prefix !== undefined && isKnown && prefix !== environment
      ? [
          `PERSONA_ENVIRONMENT is ${environment}, but PERSONA_API_KEY is a ${prefix} key: use a key that starts with persona_${environment}_`,
        ]
      : []),
    ...(env.PERSONA_WEBHOOK_SECRET === undefined && env.PERSONA_WEBHOOK_SECRET_FILE === undefined
      ? [
          'PERSONA_WEBHOOK_SECRET is not set: copy the secret (wbhsec_…) of your webhook from the Persona dashboard, or name its file in PERSONA_WEBHOOK_SECRET_FILE',
        ]
      : []),
    ...(env.PERSONA_TEMPLATE_ID === undefined
      ? ['PERSONA_TEMPLATE_ID is not set: copy the id (itmpl_…) of your inquiry template from the Persona dashboard']
      : []),
    ...findProductionMistakes(env),
  ]
}

function findProductionMistakes({ NODE_ENV, DATABASE_URL }: Environment): string[] {
  const isMissing = NODE_ENV === 'production' && DATABASE_URL === undefined
  return isMissing ? ['DATABASE_URL is not set: the embedded PostgreSQL is not for production'] : []
}

function findFakeContradictions(env: Environment): string[] {
  const only = (name: string) =>
    `${name} is set, but PERSONA_API_KEY is not: set the key, or leave both out for the fake Persona`
  return [
    ...(env.PERSONA_BASE_URL === undefined ? [] : [only('PERSONA_BASE_URL')]),
    ...(env.PERSONA_API_VERSION === undefined ? [] : [only('PERSONA_API_VERSION')]),
    ...(env.PERSONA_ENVIRONMENT === 'production' ? [only('PERSONA_ENVIRONMENT=production')] : []),
    ...(env.NODE_ENV === 'production' ? ['PERSONA_API_KEY is not set: the fake Persona is not for production'] : []),
    ...findProductionMistakes(env),
  ]
}

function findWebhookMistakes(env: Environment): readonly string[] {
  const { PERSONA_WEBHOOK_SECRET: secrets, PERSONA_WEBHOOK_SECRET_FILE: path } = env
  if (secrets !== undefined && path !== undefined) {
    return ['PERSONA_WEBHOOK_SECRET and PERSONA_WEBHOOK_SECRET_FILE are both set: leave one of them out']
  }
  const isReal = env.PERSONA_API_KEY !== undefined
  if (path !== undefined) return findFileMistakes({ path, isReal })
  return findSecretMistakes('PERSONA_WEBHOOK_SECRET', words.parse(secrets), isReal)
}

function findTokenMistakes({ COMPLIANCE_API_TOKEN, IDENTITY_SERVICE_TOKEN }: Environment): string[] {
  if (IDENTITY_SERVICE_TOKEN === undefined || IDENTITY_SERVICE_TOKEN !== COMPLIANCE_API_TOKEN) return []
  return [
    'IDENTITY_SERVICE_TOKEN is the same as COMPLIANCE_API_TOKEN, which may do everything: make another one with: openssl rand -hex 32',
  ]
}

function findKeyMistakes(keys: readonly string[]): string[] {
  const isKey = (key: string) => /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/.test(key)
  if (!keys.every(isKey)) {
    return [
      'KYC_ENCRYPTION_KEYS must be <key id>:<base64 of 32 bytes>, several separated by spaces; make one with: echo "k1:$(openssl rand -base64 32)"',
    ]
  }
  const ids = keys.map((key) => key.split(':')[0])
  return new Set(ids).size === ids.length
    ? []
    : ['KYC_ENCRYPTION_KEYS has two keys of one id: give each an id of its own']
}

function toConfiguration(env: Variables): Configuration {
  const webhookSecretFile = toSecretFile(env)
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL ?? null,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL ?? null,
    dataDirectory: env.KYC_DATA_DIR ?? null,
    persona: toPersona(env),
    templateId: env.PERSONA_TEMPLATE_ID ?? FAKE_TEMPLATE_ID,
    webhookSecrets: webhookSecretFile === null ? toSecrets(env) : readSecretFile(webhookSecretFile),
    webhookSecretFile,
    apiToken: env.COMPLIANCE_API_TOKEN,
    identityServiceToken: env.IDENTITY_SERVICE_TOKEN ?? null,
    encryptionKeys: env.KYC_ENCRYPTION_KEYS.map((key) => ({
      id: key.slice(0, key.indexOf(':')),
      key: key.slice(key.indexOf(':') + 1),
    })),
    logLevel: env.LOG_LEVEL,
    reconcileSeconds: env.KYC_RECONCILE_SECONDS,
    trustedProxies: env.TRUSTED_PROXIES,
  }
}

function toSecretFile({ PERSONA_WEBHOOK_SECRET_FILE: path, PERSONA_API_KEY }: Variables): SecretFile | null {
  return path === undefined ? null : { path, isReal: PERSONA_API_KEY !== undefined }
}

function toSecrets({ PERSONA_WEBHOOK_SECRET: secrets }: Variables): readonly string[] {
  return secrets.length === 0 ? [FAKE_WEBHOOK_SECRET] : secrets
}

function toPersona(env: Variables): PersonaConfiguration | null {
  const {
    PERSONA_API_KEY: apiKey,
    PERSONA_ENVIRONMENT: environment,
    PERSONA_BASE_URL: baseUrl,
    PERSONA_API_VERSION: apiVersion,
  } = env
  if (apiKey === undefined) return null
  return {
    apiKey,
    ...(environment !== undefined && { environment }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(apiVersion !== undefined && { apiVersion }),
  }
}
