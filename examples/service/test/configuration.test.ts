import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfiguration } from '../src/configuration.js'
import { readSecretFile } from '../src/webhook-secrets.js'

const FAKE = { COMPLIANCE_API_TOKEN: 'a-token-of-16-characters' }
const REAL = {
  ...FAKE,
  DATABASE_URL: 'postgres://app@localhost/kyc',
  PERSONA_API_KEY: 'persona_sandbox_1',
  PERSONA_WEBHOOK_SECRET: 'wbhsec_1',
  PERSONA_TEMPLATE_ID: 'itmpl_1',
}
const KEY = Buffer.alloc(32, 1).toString('base64')

describe('readConfiguration', () => {
  it('starts a fake Persona and an embedded PostgreSQL where nothing else is said', () => {
    const configuration = readConfiguration({ ...FAKE, PORT: '', DATABASE_URL: ' ', IDENTITY_SERVICE_TOKEN: '' })
    expect(configuration).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      databaseUrl: null,
      migrationDatabaseUrl: null,
      persona: null,
      identityServiceToken: null,
      logLevel: 'info',
      reconcileSeconds: 300,
      trustedProxies: [],
    })
  })

  it('reads everything', () => {
    const environment = {
      ...REAL,
      IDENTITY_SERVICE_TOKEN: 'another-token-of-16-characters',
      MIGRATION_DATABASE_URL: 'postgres://owner@localhost/kyc',
      HOST: '0.0.0.0',
      PORT: '9000',
      PERSONA_WEBHOOK_SECRET: 'wbhsec_new  wbhsec_old',
      PERSONA_ENVIRONMENT: 'sandbox',
      PERSONA_BASE_URL: 'http://localhost:1/api/v1',
      PERSONA_API_VERSION: '2025-10-27',
      KYC_ENCRYPTION_KEYS: `new:${KEY} old:${KEY}`,
      LOG_LEVEL: 'debug',
      KYC_RECONCILE_SECONDS: '60',
      TRUSTED_PROXIES: 'loopback 10.0.0.0/8',
    }
    expect(readConfiguration(environment)).toEqual({
      host: '0.0.0.0',
      port: 9000,
      databaseUrl: REAL.DATABASE_URL,
      migrationDatabaseUrl: 'postgres://owner@localhost/kyc',
      dataDirectory: null,
      persona: {
        apiKey: 'persona_sandbox_1',
        environment: 'sandbox',
        baseUrl: 'http://localhost:1/api/v1',
        apiVersion: '2025-10-27',
      },
      templateId: 'itmpl_1',
      webhookSecrets: ['wbhsec_new', 'wbhsec_old'],
      webhookSecretFile: null,
      apiToken: FAKE.COMPLIANCE_API_TOKEN,
      identityServiceToken: 'another-token-of-16-characters',
      encryptionKeys: [
        { id: 'new', key: KEY },
        { id: 'old', key: KEY },
      ],
      logLevel: 'debug',
      reconcileSeconds: 60,
      trustedProxies: ['loopback', '10.0.0.0/8'],
    })
  })

  it.each([
    [{ ...FAKE, COMPLIANCE_API_TOKEN: undefined }, /COMPLIANCE_API_TOKEN is not set.*openssl rand/],
    [{ COMPLIANCE_API_TOKEN: 'short' }, /COMPLIANCE_API_TOKEN must have 16/],
    [{ ...FAKE, IDENTITY_SERVICE_TOKEN: 'short' }, /IDENTITY_SERVICE_TOKEN must have 16/],
    [{ ...FAKE, IDENTITY_SERVICE_TOKEN: 'a-token with-a-space' }, /IDENTITY_SERVICE_TOKEN must have 16/],
    [
      { ...FAKE, IDENTITY_SERVICE_TOKEN: FAKE.COMPLIANCE_API_TOKEN },
      /IDENTITY_SERVICE_TOKEN is the same as COMPLIANCE_API_TOKEN/,
    ],
    [{ ...FAKE, PORT: 'http' }, /PORT must be a number/],
    [{ ...FAKE, PORT: '70000' }, /PORT/],
    [{ ...FAKE, DATABASE_URL: 'mysql://x' }, /DATABASE_URL must look like postgres/],
    [{ ...REAL, MIGRATION_DATABASE_URL: 'mysql://x' }, /MIGRATION_DATABASE_URL must look like postgres/],
    [
      { ...FAKE, MIGRATION_DATABASE_URL: REAL.DATABASE_URL },
      /DATABASE_URL is not set, but MIGRATION_DATABASE_URL is: give the URL that the app/,
    ],
    [{ ...FAKE, LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
    [{ ...REAL, PERSONA_WEBHOOK_SECRET: undefined }, /PERSONA_WEBHOOK_SECRET is not set.*dashboard/],
    [
      { ...REAL, PERSONA_WEBHOOK_SECRET: 'wbhsec_1 wbhsec_2 wbhsec_1' },
      /PERSONA_WEBHOOK_SECRET has the same secret twice/,
    ],
    [{ ...FAKE, PERSONA_WEBHOOK_SECRET: 'wbhsec_1 wbhsec_1' }, /PERSONA_WEBHOOK_SECRET has the same secret twice/],
    [
      { ...REAL, PERSONA_WEBHOOK_SECRET: 'wbhsec_1 wbhsec_of_the_fake_persona' },
      /PERSONA_WEBHOOK_SECRET has the secret of the fake Persona/,
    ],
    [
      { ...REAL, PERSONA_WEBHOOK_SECRET_FILE: '/nowhere' },
      /PERSONA_WEBHOOK_SECRET and PERSONA_WEBHOOK_SECRET_FILE are both set/,
    ],
    [{ ...REAL, PERSONA_TEMPLATE_ID: undefined }, /PERSONA_TEMPLATE_ID is not set.*dashboard/],
    [
      { ...REAL, PERSONA_ENVIRONMENT: 'production' },
      /PERSONA_ENVIRONMENT is production, but PERSONA_API_KEY is a sandbox key/,
    ],
    [{ ...REAL, PERSONA_ENVIRONMENT: 'staging' }, /PERSONA_ENVIRONMENT must be sandbox or production/],
    [{ ...REAL, PERSONA_BASE_URL: 'somewhere' }, /PERSONA_BASE_URL must be a URL/],
    [{ ...FAKE, PERSONA_BASE_URL: 'http://localhost' }, /PERSONA_BASE_URL is set, but PERSONA_API_KEY is not/],
    [{ ...FAKE, PERSONA_API_VERSION: '2025-12-08' }, /PERSONA_API_VERSION is set, but PERSONA_API_KEY is not/],
    [
      { ...FAKE, PERSONA_ENVIRONMENT: 'production' },
      /PERSONA_ENVIRONMENT=production is set, but PERSONA_API_KEY is not/,
    ],
    [{ ...FAKE, NODE_ENV: 'production' }, /PERSONA_API_KEY is not set: the fake/],
    [{ ...REAL, DATABASE_URL: undefined, NODE_ENV: 'production' }, /DATABASE_URL is not set/],
    [{ ...FAKE, KYC_ENCRYPTION_KEYS: KEY }, /KYC_ENCRYPTION_KEYS must be <key id>/],
    [{ ...FAKE, KYC_ENCRYPTION_KEYS: 'k1:c2hvcnQ=' }, /KYC_ENCRYPTION_KEYS must be <key id>/],
    [{ ...FAKE, KYC_ENCRYPTION_KEYS: `k:${KEY} k:${KEY}` }, /KYC_ENCRYPTION_KEYS has two keys of one id/],
  ])('refuses %j', (environment, message) => {
    expect(() => readConfiguration(environment)).toThrow(message)
  })

  it('names all mistakes at once, and none of the values', () => {
    const environment = {
      PORT: 'port-canary',
      DATABASE_URL: 'url-canary',
      COMPLIANCE_API_TOKEN: 'canary',
      IDENTITY_SERVICE_TOKEN: 'canary',
    }
    const names =
      /PORT.*DATABASE_URL.*COMPLIANCE_API_TOKEN.*IDENTITY_SERVICE_TOKEN.*IDENTITY_SERVICE_TOKEN is the same/s
    expect(() => readConfiguration(environment)).toThrow(names)
    expect(() => readConfiguration(environment)).not.toThrow(/canary/)
  })
})

describe('PERSONA_WEBHOOK_SECRET_FILE', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'persona-kyc-canary-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  /** Reads the configuration with a file of that text. */
  async function readWith(text: string, environment: Record<string, string | undefined> = REAL) {
    const path = join(directory, 'secret')
    await writeFile(path, text)
    const given = { ...environment, PERSONA_WEBHOOK_SECRET: undefined, PERSONA_WEBHOOK_SECRET_FILE: path }
    return { path, read: () => readConfiguration(given) }
  }

  it.each([
    ['wbhsec_1', ['wbhsec_1']],
    ['wbhsec_1\n', ['wbhsec_1']],
    ['\ufeffwbhsec_1\r\nwbhsec_2\r\n', ['wbhsec_1', 'wbhsec_2']],
    [' \twbhsec_1  wbhsec_2', ['wbhsec_1', 'wbhsec_2']],
  ])('may hold %j', async (text, secrets) => {
    const { path, read } = await readWith(text)
    expect(read()).toMatchObject({ webhookSecrets: secrets, webhookSecretFile: { path, isReal: true } })
    expect(readSecretFile({ path, isReal: true })).toEqual(secrets)
  })

  it('may be what the fake Persona signs with', async () => {
    const { read } = await readWith('wbhsec_of_the_fake_persona', FAKE)
    expect(read()).toMatchObject({ persona: null, webhookSecrets: ['wbhsec_of_the_fake_persona'] })
  })

  it.each([
    ['', /PERSONA_WEBHOOK_SECRET_FILE names an empty file.*wbhsec_/],
    [' \n', /PERSONA_WEBHOOK_SECRET_FILE names an empty file/],
    ['wbhsec_canary wbhsec_canary', /PERSONA_WEBHOOK_SECRET_FILE has the same secret twice/],
    ['wbhsec_canary wbhsec_of_the_fake_persona', /PERSONA_WEBHOOK_SECRET_FILE has the secret of the fake Persona/],
  ])('refuses to start with %j', async (text, message) => {
    const { path, read } = await readWith(text)
    expect(read).toThrow(message)
    expect(read).not.toThrow(/canary/)
    expect(() => readSecretFile({ path, isReal: true })).toThrow(message)
    expect(() => readSecretFile({ path, isReal: true })).not.toThrow(/canary/)
  })

  it.each([
    ['is missing', () => join(directory, 'nowhere'), 'ENOENT'],
    ['is a directory', () => directory, 'EISDIR'],
  ])('refuses to start where it %s', (_name, toPath, code) => {
    const given = { ...REAL, PERSONA_WEBHOOK_SECRET: undefined, PERSONA_WEBHOOK_SECRET_FILE: toPath() }
    const message = `PERSONA_WEBHOOK_SECRET_FILE names a file that cannot be read (${code})`
    expect(() => readConfiguration(given)).toThrow(message)
    expect(() => readConfiguration(given)).not.toThrow(/canary/)
  })
})
