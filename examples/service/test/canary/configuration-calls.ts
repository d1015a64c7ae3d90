import {
  createBearerAuthorize,
  createCipher,
  createKycApi,
  createKycEngine,
  createKycHandler,
  createMemoryStorage,
  createPersonaClient,
  createStatusPolicy,
  hashToken,
  type KycEngine,
  type KycEngineOptions,
} from '@persona-kyc/core'
import { createJwtAuthorize } from '@persona-kyc/core/jwt'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { CANARIES, EVERYTHING } from './canaries.js'
import type { FailingCall } from './failing-call.js'

/** An app without types, or whose variables are mixed up, may give anything. */
const anything = EVERYTHING as never
const URL_WITH_PASSWORD = `://${CANARIES.userId}:${CANARIES.databasePassword}@host.example/${CANARIES.pathSegment}`

const toClient = (options: object) => createPersonaClient({ apiKey: CANARIES.apiKey, ...options })
const toEngine = (options: Partial<KycEngineOptions>) =>
  createKycEngine({
    persona: toClient({}),
    storage: createMemoryStorage(),
    templateId: 'itmpl_nest',
    webhookSecrets: CANARIES.webhookSecret,
    ...options,
  })
const toHandler = (options: object) =>
  createKycHandler({ engine: { logger: console } as unknown as KycEngine, authorize: () => 'forbidden', ...options })
const toJwt = (options: object) =>
  createJwtAuthorize({ audience: 'kyc', issuer: 'https://login.example', jwksUrl: 'https://login.example', ...options })
const toApi = (options: object) => createKycApi({ baseUrl: 'https://kyc.example', ...options })

const CALLS: Readonly<Record<string, () => unknown>> = {
  'an API key with a space': () => toClient({ apiKey: `${CANARIES.apiKey} ` }),
  'an API key of the other environment': () => toClient({ environment: 'production' }),
  'an API key in place of its environment': () => toClient({ environment: CANARIES.apiKey }),
  'an API version that is none': () => toClient({ apiVersion: EVERYTHING }),
  'a base URL of no web': () => toClient({ baseUrl: `ftp${URL_WITH_PASSWORD}` }),
  'a timeout that is none': () => toClient({ timeoutMs: anything }),
  'an encryption key that is too short': () => createCipher([{ id: 'nest', key: CANARIES.encryptionKey.slice(4) }]),
  'an encryption key that is no base64': () => createCipher([{ id: 'nest', key: EVERYTHING }]),
  'an encryption key in place of its id': () => createCipher([{ id: CANARIES.encryptionKey, key: 'nest' }]),
  'two encryption keys of one id': () => createCipher([1, 2].map(() => ({ id: 'nest', key: CANARIES.encryptionKey }))),
  'no template': () => toEngine({ templateId: ' ' }),
  'a status policy that there is not': () => toEngine({ statusPolicy: anything }),
  'a status table without verdicts': () => createStatusPolicy({ approved: anything }),
  'an empty webhook secret beside another': () => toEngine({ webhookSecrets: [CANARIES.webhookSecret, ''] }),
  'a function of webhook secrets that throws': () =>
    toEngine({
      webhookSecrets() {
        throw new Error(EVERYTHING)
      },
    }),
  'a replay window that is none': () => toEngine({ toleranceSeconds: anything }),
  'an authorize that is none': () => toHandler({ authorize: EVERYTHING }),
  'a base path that is none': () => toHandler({ basePath: EVERYTHING }),
  'a limit that is none': () => toHandler({ maxBodyBytes: EVERYTHING }),
  'a proxy that is none': () => toHandler({ trustedProxies: [CANARIES.phone] }),
  'a range of webhooks that is none': () => toHandler({ webhookAddresses: [`${CANARIES.clientAddress}/99`] }),
  'a bearer token with spaces': () => createBearerAuthorize({ tokens: EVERYTHING }),
  'a bearer token that is too short': () => createBearerAuthorize({ tokens: CANARIES.birthdate }),
  'a bearer token twice': () => createBearerAuthorize({ tokens: [CANARIES.bearerToken, CANARIES.bearerToken] }),
  'a bearer token in place of its hash': () =>
    createBearerAuthorize({ tokens: [{ principal: 'ops', hash: CANARIES.bearerToken, scopes: ['*'] }] }),
  'a bearer token of nobody': () =>
    createBearerAuthorize({
      tokens: [{ principal: EVERYTHING, hash: `sha256:${CANARIES.signature}`, scopes: ['*'] }],
    }),
  'a bearer token of an unknown scope': () =>
    createBearerAuthorize({
      tokens: [{ principal: 'ops', hash: `sha256:${CANARIES.signature}`, scopes: [anything] }],
    }),
  'a token with spaces to be hashed': () => hashToken(EVERYTHING),
  'keys of tokens behind a password': () => toJwt({ jwksUrl: `https${URL_WITH_PASSWORD}` }),
  'keys of tokens nowhere': () => toJwt({ jwksUrl: EVERYTHING }),
  'an algorithm that is none': () => toJwt({ algorithms: [EVERYTHING] }),
  'a KYC API behind a password': () => toApi({ baseUrl: `https${URL_WITH_PASSWORD}` }),
  'a KYC API in clear': () => toApi({ baseUrl: `http://kyc.example/${CANARIES.pathSegment}` }),
  'a token of the KYC API with spaces': () => toApi({ token: EVERYTHING }),
  'a database that is not PostgreSQL': () =>
    createKnexStorage({ knex: { client: { config: { connection: `mysql${URL_WITH_PASSWORD}` } } } as never }),
  'a schema that is none': () =>
    createKnexStorage({ knex: { client: { dialect: 'postgresql' } } as never, schema: EVERYTHING }),
}

/** Options that cannot be used. */
export const CONFIGURATION_CALLS: readonly FailingCall[] = Object.entries(CALLS).map(([name, call]) => ({
  code: 'configuration_invalid',
  errorName: 'ConfigurationError',
  name,
  call,
}))
