import {
  constructEvent,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  createSignatureVerifier,
  type KycErrorCode,
  parseEvent,
  type SignatureRejection,
  signWebhook,
} from '@persona-kyc/core'
import { createJwtAuthorize } from '@persona-kyc/core/jwt'
import { createFakePersona } from '@persona-kyc/testing'
import { requireKnownFlags as requireFlagsOfClaims } from '../../../../packages/claims/src/usage.js'
import { requireKnownFlags as requireFlagsOfCli } from '../../../../packages/cli/src/usage.js'
import { parseJsonBody } from '../../../../packages/core/src/json-body.js'
import { readRouteBody } from '../../../../packages/core/src/route-body.js'
import { ROUTES } from '../../../../packages/core/src/routes.js'
import { initiateBody } from '../../../../packages/core/src/wire.js'
import { CANARIES, DOCUMENT_DATA, EVERYTHING, PERSONAL_INFO } from './canaries.js'
import { createEchoingPersona } from './echoing-persona.js'
import type { FailingCall } from './failing-call.js'
import { MALFORMED } from './webhook-provocations.js'

const bytes = Buffer.from(EVERYTHING)
const NOW_SECONDS = 1_800_000_000
const LATER = NOW_SECONDS + 10_000
const INITIATION = {
  documentType: 'passport',
  documentData: DOCUMENT_DATA,
  idempotencyKey: CANARIES.idempotencyKey,
  personalInfo: PERSONAL_INFO,
  userId: CANARIES.userId,
}

function createEngine() {
  const { fetch, failNext } = createEchoingPersona(createFakePersona({ apiKey: CANARIES.apiKey }))
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: CANARIES.apiKey, fetch, retries: 0 }),
    storage: createMemoryStorage(),
    templateId: 'itmpl_nest',
    webhookSecrets: CANARIES.webhookSecret,
  })
  return { engine, failNext, initiate: () => engine.initiateKyc(INITIATION) }
}

/** Makes a case, and does something with it. */
const withCase = async (work: (parts: ReturnType<typeof createEngine>, caseId: string) => unknown) => {
  const parts = createEngine()
  const { kycCase } = await parts.initiate()
  return work(parts, kycCase.id)
}

const toSignature = (timestampSeconds: number) =>
  signWebhook({ body: bytes, secrets: CANARIES.webhookSecret, timestampSeconds })

const SIGNATURES: Readonly<Record<SignatureRejection, () => Promise<string | null>>> = {
  future: () => toSignature(LATER),
  malformed: async () => `t=${CANARIES.accountEmail},v1=${CANARIES.signature}`,
  mismatch: async () => `t=${NOW_SECONDS},v1=${CANARIES.signature}`,
  missing: async () => null,
  stale: () => toSignature(1),
}

const ARGUMENTS: Readonly<Record<string, () => unknown>> = {
  'a user that cannot be stored': () => createEngine().engine.initiateKyc({ ...INITIATION, userId: `${EVERYTHING}\0` }),
  'a document type that is too long': () =>
    createEngine().engine.initiateKyc({ ...INITIATION, documentType: EVERYTHING }),
  'a limit that is none': () => createEngine().engine.listCases({ limit: EVERYTHING as never }),
  'a cursor of nobody': () => createEngine().engine.readFeed({ after: EVERYTHING }),
  'a consumer that is none': () => createEngine().engine.follow(CANARIES.name, () => {}),
  'a decision that is none': () =>
    withCase(({ engine }, id) => engine.decideCase(id, { comment: CANARIES.comment, decision: EVERYTHING as never })),
  'a URL in place of an id of Persona': () =>
    createPersonaClient({ apiKey: CANARIES.apiKey }).inquiries.retrieve(CANARIES.oneTimeLink),
}

const CASES: readonly (readonly [KycErrorCode, () => unknown])[] = [
  ['case_not_found', () => createEngine().engine.getCase(EVERYTHING)],
  ['case_erased', () => withCase(async ({ engine }, id) => engine.eraseCase(id).then(() => engine.resumeCase(id)))],
  [
    'case_not_verified',
    () =>
      withCase(({ engine }, id) =>
        engine.updateClaim(id, { kycClaimId: CANARIES.comment, kycClaimTxHash: CANARIES.signature }),
      ),
  ],
]

const COMMAND_LINES: Readonly<Record<string, readonly string[]>> = {
  'an argument too many': [EVERYTHING],
  'a URL of a database in place of a variable': [`postgres://kyc:${CANARIES.databasePassword}@host.example/kyc`],
  'a flag that there is not, with a value': [`--key=${EVERYTHING}`],
  'a short flag with a value behind it': [`-p${CANARIES.databasePassword}`],
}

/** What fails by itself, whatever leads there. */
export const ENGINE_CALLS: readonly FailingCall[] = [
  ...Object.entries(ARGUMENTS).map(([name, call]) => ({ code: 'argument_invalid' as const, name, call })),
  ...CASES.map(([code, call]) => ({ code, name: 'an engine that is asked', call })),
  ...Object.entries(SIGNATURES).map(([reason, toHeader]) => ({
    code: 'signature_invalid' as const,
    errorName: 'SignatureError',
    name: 'a delivery',
    reason,
    call: async () =>
      constructEvent({
        body: bytes,
        now: () => NOW_SECONDS * 1000,
        secrets: CANARIES.webhookSecret,
        signature: await toHeader(),
      }),
  })),
  ...Object.entries(MALFORMED).map(([name, body]) => ({
    code: 'event_malformed' as const,
    errorName: 'EventError',
    name,
    call: () => parseEvent(Buffer.from(body)),
  })),
  {
    code: 'secrets_unavailable',
    name: 'a function of webhook secrets that rejects',
    async call() {
      const secrets = () => Promise.reject(Object.assign(new Error(EVERYTHING), { code: EVERYTHING }))
      await createSignatureVerifier({ secrets })({ body: bytes, signature: await toSignature(NOW_SECONDS) })
    },
  },
  {
    code: 'authorization_unavailable',
    name: 'keys of tokens that cannot be fetched',
    call: () =>
      createJwtAuthorize({
        audience: CANARIES.jwtSubject,
        issuer: CANARIES.queryValue,
        // fetch itself refuses this port.
        jwksUrl: `http://127.0.0.1:1/${CANARIES.pathSegment}?key=${CANARIES.queryValue}`,
      })({ token: `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.e30` } as never),
  },
  ...(['body_too_large', 'raw_body_unavailable'] as const).map((code) => ({
    code,
    name: 'a body that was read before',
    call: () =>
      readRouteBody(
        { maxBodyBytes: 1, maxWebhookBytes: 1 } as never,
        new Request('https://kyc.example', {
          headers: { 'persona-signature': `t=1,v1=${CANARIES.signature}` },
        }) as never,
        { consumed: { EVERYTHING }, route: findRoute(code === 'body_too_large' ? 'json' : 'raw') },
      ),
  })),
  {
    code: null,
    errorName: 'HttpError',
    name: 'a body that is not valid',
    call: () => parseJsonBody(initiateBody, Buffer.from(JSON.stringify({ user_id: PERSONAL_INFO, [EVERYTHING]: 1 }))),
  },
  ...Object.entries(COMMAND_LINES).flatMap(([name, args]) => [
    { code: null, errorName: 'UsageError', name: `persona-kyc: ${name}`, call: () => requireFlagsOfCli({}, args) },
    {
      code: null,
      errorName: 'UsageError',
      name: `persona-kyc-claims: ${name}`,
      call: () => requireFlagsOfClaims({}, args),
    },
  ]),
]

function findRoute(kind: 'json' | 'raw') {
  const route = ROUTES.find(({ body }) => body === kind)
  if (route === undefined) throw new Error(`There is no route with a body of ${kind}.`)
  return route
}
