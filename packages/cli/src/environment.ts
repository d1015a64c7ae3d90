import { readFileSync } from 'node:fs'
import {
  createKycEngine,
  createPersonaClient,
  type KycEngine,
  type KycEngineOptions,
  type Logger,
  type PersonaClient,
} from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import createKnex, { type Knex } from 'knex'
import { UsageError } from './usage.js'

/** The environment's variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The options that every command on the database has. */
export const DATABASE_ARGS = {
  schema: { type: 'string', description: 'The schema of the tables', default: 'persona_kyc', valueHint: 'NAME' },
} as const

/** The option of commands that judge by a status policy. */
export const POLICY_ARGS = {
  policy: {
    type: 'string',
    description:
      'The app’s status policy: completed, decision, or a JSON file with a table (default: KYC_STATUS_POLICY)',
    valueHint: 'POLICY',
  },
} as const

/** Knex would print stack traces, and parts of the URL, before the one sentence that helps. */
const SILENT_KNEX = { warn() {}, error() {}, debug() {}, deprecate() {} }
const CONNECTION_TIMEOUT_MS = 5000

/** Opens the database of DATABASE_URL, does the work, and closes it. */
export async function withDatabase<Result>(work: (knex: Knex) => Promise<Result>): Promise<Result> {
  const knex = createKnex({
    client: 'pg',
    connection: { connectionString: requireDatabaseUrl(process.env), connectionTimeoutMillis: CONNECTION_TIMEOUT_MS },
    pool: { min: 0, max: 4 },
    log: SILENT_KNEX,
  })
  try {
    return await work(knex)
  } finally {
    await knex.destroy()
  }
}

/** Makes the engine of the environment's database and Persona, does the work, and closes it. */
export function withEngine<Result>(
  { schema, policy }: { readonly schema: string; readonly policy?: string | undefined },
  work: (engine: KycEngine) => Promise<Result>,
): Promise<Result> {
  const persona = createEnvironmentClient(process.env)
  const statusPolicy = toStatusPolicy(policy ?? process.env.KYC_STATUS_POLICY)
  return withDatabase((knex) => work(createCommandEngine({ knex, schema, persona, statusPolicy })))
}

/** As {@link withEngine}, for what never asks Persona. */
export function withLocalEngine<Result>(
  { schema, policy }: { readonly schema: string; readonly policy?: string | undefined },
  work: (engine: KycEngine) => Promise<Result>,
): Promise<Result> {
  const persona = createPersonaClient({ apiKey: 'none' })
  const statusPolicy = toStatusPolicy(policy ?? process.env.KYC_STATUS_POLICY)
  return withDatabase((knex) => work(createCommandEngine({ knex, schema, persona, statusPolicy })))
}

/** The Persona client of PERSONA_API_KEY and its companions. Throws UsageError. */
export function createEnvironmentClient(environment: Environment): PersonaClient {
  const { PERSONA_API_KEY: apiKey, PERSONA_BASE_URL: baseUrl, PERSONA_API_VERSION: apiVersion } = environment
  if (!apiKey) throw new UsageError('PERSONA_API_KEY is not set: copy the key from the Persona dashboard.')
  return createPersonaClient({
    apiKey,
    ...(baseUrl && { baseUrl }),
    ...(apiVersion && { apiVersion }),
    environment: toPersonaEnvironment(environment.PERSONA_ENVIRONMENT),
  })
}

/** Throws UsageError that says what is wrong with DATABASE_URL, without the URL. */
export function requireDatabaseUrl({ DATABASE_URL: url }: Environment): string {
  if (url === undefined || url === '') {
    throw new UsageError('DATABASE_URL is not set. Give the database: postgres://user:password@host:5432/database')
  }
  if (/^postgres(ql)?:\/\//.test(url)) return url
  throw new UsageError(
    'DATABASE_URL is no URL of a PostgreSQL: postgres://user:password@host:5432/database\n' +
      'Percent-encode what is special in the password: @ is %40, / is %2F.',
  )
}

/** Throws UsageError where PERSONA_TEMPLATE_ID is missing. */
export function requireTemplateId({ PERSONA_TEMPLATE_ID: templateId }: Environment): void {
  if (!templateId) throw new UsageError('PERSONA_TEMPLATE_ID is not set: by it the inquiries of this app are known.')
}

function toPersonaEnvironment(name: string | undefined) {
  if (name === undefined || name === '') return undefined
  if (name === 'sandbox' || name === 'production') return name
  throw new UsageError('PERSONA_ENVIRONMENT must be sandbox or production.')
}

function createCommandEngine({
  knex,
  schema,
  persona,
  statusPolicy,
}: Pick<KycEngineOptions, 'persona' | 'statusPolicy'> & { readonly knex: Knex; readonly schema: string }): KycEngine {
  return createKycEngine({
    persona,
    storage: createKnexStorage({ knex, schema }),
    templateId: process.env.PERSONA_TEMPLATE_ID || 'none',
    // A command takes no webhooks: nobody knows this secret.
    webhookSecrets: crypto.randomUUID(),
    logger: SILENT_LOGGER,
    statusPolicy,
  })
}

/** Commands print their report instead. */
const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} }

function toStatusPolicy(policy: string | undefined): KycEngineOptions['statusPolicy'] {
  if (policy === undefined || policy === '') return undefined
  if (policy === 'completed' || policy === 'decision') return policy
  try {
    return JSON.parse(readFileSync(policy, 'utf8'))
  } catch {
    throw new UsageError('The status policy is neither completed nor decision nor a JSON file that can be read.')
  }
}
