import {
  createBearerAuthorize,
  createKycEngine,
  createPersonaClient,
  type KycEngine,
  type KycHandlerOptions,
} from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { type FakePersonaServer, startFakePersonaServer } from '@persona-kyc/testing'
import type { Knex } from 'knex'
import type { Logger } from 'pino'
import type { Configuration } from './configuration.js'
import { openDatabase } from './database.js'
import { readSecretFile } from './webhook-secrets.js'

/** Everything behind the routes of an example server. */
export interface Service {
  readonly engine: KycEngine
  /** What an adapter is given. */
  readonly handlerOptions: KycHandlerOptions
  readonly knex: Knex
  /** The fake Persona, where no real one is configured. */
  readonly fakePersona: FakePersonaServer | null
  /** Tells the fake Persona where to deliver, once the server listens. */
  setWebhookUrl(url: string): void
  /** Closes what was opened, the last first. */
  close(): Promise<void>
}

/** Where the embedded PostgreSQL keeps its data; null for a throw-away one. */
export interface ServiceOptions {
  readonly dataDirectory: string | null
}

/** Starts database and Persona where none are configured, migrates, and makes the engine. */
export async function startService(
  configuration: Configuration,
  logger: Logger,
  options: ServiceOptions,
): Promise<Service> {
  const cleanups: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    const { databaseUrl, migrationDatabaseUrl } = configuration
    const urls = { databaseUrl, migrationDatabaseUrl }
    const { knex, close: closeDatabase } = await openDatabase({ ...options, ...urls }, logger)
    cleanups.push(closeDatabase)
    const fakePersona = configuration.persona === null ? await startFake(cleanups) : null
    const engine = createEngine(configuration, { knex, logger, fakePersona })
    cleanups.push(reconcileNowAndThen(engine, configuration.reconcileSeconds))
    const authorize = createBearerAuthorize({
      tokens: configuration.apiToken,
      claimTokens: configuration.identityServiceToken ?? [],
    })
    return {
      engine,
      handlerOptions: { engine, authorize, logger, trustedProxies: configuration.trustedProxies },
      knex,
      fakePersona,
      setWebhookUrl: (url) => subscribe(fakePersona, url, configuration, logger),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Brings what webhooks did not, for as long as the service runs. Returns what ends it. */
function reconcileNowAndThen(engine: KycEngine, seconds: number): () => Promise<void> {
  if (seconds === 0) return async () => {}
  const stop = new AbortController()
  const running = engine.reconcileEvery({ everyMs: seconds * 1000, signal: stop.signal })
  return async () => {
    stop.abort()
    await running
  }
}

/** What the webhook of the fake is subscribed to: what happens to an inquiry once the server itself has created it. */
const ENABLED_EVENTS = [
  'started',
  'completed',
  'failed',
  'expired',
  'marked-for-review',
  'approved',
  'declined',
  'redacted',
].map((event) => `inquiry.${event}`)

async function startFake(cleanups: (() => Promise<unknown>)[]): Promise<FakePersonaServer> {
  const server = await startFakePersonaServer()
  cleanups.push(() => server.close())
  return server
}

function createEngine(
  configuration: Configuration,
  { knex, logger, fakePersona }: { knex: Knex; logger: Logger; fakePersona: FakePersonaServer | null },
): KycEngine {
  const fake = fakePersona === null ? null : { apiKey: fakePersona.fake.apiKey, baseUrl: fakePersona.baseUrl }
  const persona = configuration.persona ?? fake
  if (persona === null) throw new Error('There is neither a Persona nor a fake one.')
  const { webhookSecrets, webhookSecretFile } = configuration
  return createKycEngine({
    // A caller of ours waits for these calls, so they are short; what is not done then, its next call does.
    persona: createPersonaClient({ ...persona, timeoutMs: 5000, maxRetryWaitMs: 3000 }),
    storage: createKnexStorage({ knex }),
    templateId: configuration.templateId,
    webhookSecrets: webhookSecretFile === null ? webhookSecrets : () => readSecretFile(webhookSecretFile),
    encryptionKeys: configuration.encryptionKeys,
    logger,
  })
}

function subscribe(
  server: FakePersonaServer | null,
  url: string,
  { webhookSecrets }: Configuration,
  logger: Logger,
): void {
  if (server === null) return
  const [secrets] = webhookSecrets
  if (secrets === undefined) return
  server.fake.webhooks.subscribe({ url, secrets, auto: true, enabledEvents: ENABLED_EVENTS })
  logger.info({ baseUrl: server.baseUrl }, 'PERSONA_API_KEY is not set: a fake Persona stands in')
}
