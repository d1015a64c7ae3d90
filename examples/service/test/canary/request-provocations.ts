import { ConfigurationError, createMemoryRateLimiter } from '@persona-kyc/core'
import { createJwtAuthorize } from '@persona-kyc/core/jwt'
import { CANARIES, DOCUMENT_DATA, EVERYTHING, PERSONAL_INFO } from './canaries.js'
import type { WorldOptions } from './canary-world.js'
import type { Provocation } from './provocation.js'

const CASES = '/compliance/kyc'
const A_CASE = `${CASES}/${CANARIES.pathSegment}`
const QUERY = `q=${CANARIES.queryValue}&email=${encodeURIComponent(CANARIES.accountEmail)}`
const INITIATION = {
  user_id: CANARIES.userId,
  document_type: 'passport',
  document_data: DOCUMENT_DATA,
  personal_info: PERSONAL_INFO,
}

/** A token of another issuer, whose claims are personal. */
const JWT = [
  { alg: 'RS256', kid: CANARIES.signerKey },
  { sub: CANARIES.jwtSubject, email: CANARIES.accountEmail },
  CANARIES.signature,
]
  .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
  .join('.')

const withHandler = (handler: NonNullable<WorldOptions['handler']>) => (): WorldOptions => ({ handler })
const onePoint = () => createMemoryRateLimiter({ points: 1, durationMs: 60_000 })

/** What is wrong with a request, or with who sends it. */
export const REQUEST_PROVOCATIONS: readonly Provocation[] = [
  {
    code: 'argument_invalid',
    name: 'a cursor of nobody in the feed',
    play: ({ ask }) => ask('GET', `/compliance/events?after=${CANARIES.queryValue}`),
  },
  {
    code: 'authorization_unavailable',
    name: 'the keys of the tokens cannot be fetched',
    options: withHandler({
      authorize: createJwtAuthorize({
        audience: CANARIES.jwtSubject,
        issuer: 'https://login.example/',
        // fetch itself refuses this port.
        jwksUrl: `http://127.0.0.1:1/${CANARIES.pathSegment}?key=${CANARIES.queryValue}`,
      }),
    }),
    play: ({ ask }) => ask('GET', A_CASE, { headers: { authorization: `Bearer ${JWT}` } }),
  },
  {
    code: 'body_interrupted',
    name: 'a caller goes away in the middle of a body',
    play: ({ ask }) => ask('POST', CASES, { body: INITIATION, bodyEnd: 'breaks' }),
  },
  {
    code: 'body_timeout',
    name: 'a body that does not go on',
    options: withHandler({ bodyTimeoutMs: 20 }),
    play: ({ ask }) => ask('POST', CASES, { body: INITIATION, bodyEnd: 'hangs' }),
  },
  {
    code: 'body_too_large',
    name: 'a body above the limit',
    options: withHandler({ maxBodyBytes: 100 }),
    play: ({ ask }) => ask('POST', CASES, { body: INITIATION }),
  },
  {
    code: 'body_too_large',
    name: 'a body above the limit that a parser has read',
    error: 'body_too_large',
    options: () => ({ handler: { maxBodyBytes: 100 }, hasParser: true }),
    play: ({ ask }) => ask('POST', CASES, { body: INITIATION, headers: { 'transfer-encoding': 'chunked' } }),
  },
  {
    code: 'configuration_invalid',
    name: 'authorize is set up wrongly',
    error: 'configuration_invalid',
    options: withHandler({
      authorize() {
        return createJwtAuthorize({ audience: '', issuer: '', jwksUrl: CANARIES.rpcKey })({} as never)
      },
    }),
    play: ({ ask }) => ask('GET', A_CASE),
  },
  {
    code: 'configuration_invalid',
    name: 'an app throws an error of ours on top of one of its own',
    options: withHandler({
      authorize() {
        const cause = new Error(EVERYTHING)
        throw new ConfigurationError({ problem: 'It is set up wrongly.', fix: 'Mend it.', cause })
      },
    }),
    play: ({ ask }) => ask('POST', CASES, { body: INITIATION }),
  },
  {
    code: 'forbidden',
    name: 'a caller who may not',
    options: withHandler({ authorize: () => 'forbidden' }),
    play: ({ ask }) => ask('PUT', `${A_CASE}/claim`, { body: INITIATION }),
  },
  {
    code: 'forbidden',
    name: 'a caller who may start verifications of their own only',
    options: withHandler({ authorize: () => ({ cases: 'own', principal: 'somebody', userId: 'somebody' }) }),
    play: ({ initiate }) => initiate(),
  },
  {
    code: 'headers_too_large',
    name: 'headers above the limit',
    options: withHandler({ maxHeaderLength: 50 }),
    play: ({ ask }) => ask('GET', A_CASE),
  },
  {
    code: 'https_required',
    name: 'a request in clear',
    options: withHandler({ requireHttps: true }),
    play: ({ ask }) => ask('POST', `${CASES}?${QUERY}`, { body: INITIATION }),
  },
  {
    code: 'internal_error',
    name: 'authorize fails with what it was told',
    options: withHandler({
      async authorize({ request, token }) {
        const cause = new TypeError(`${EVERYTHING} ${token}`)
        throw Object.assign(new Error(`${request.url} ${token} ${EVERYTHING}`, { cause }), { request, token })
      },
    }),
    play: ({ ask }) => ask('POST', `${CASES}?${QUERY}`, { body: INITIATION }),
  },
  {
    code: 'internal_error',
    name: 'authorize throws what is no error',
    options: withHandler({ authorize: () => Promise.reject(EVERYTHING) }),
    play: ({ ask }) => ask('GET', A_CASE),
  },
  {
    code: 'invalid_json',
    name: 'a body that is cut off',
    play: ({ ask }) => ask('POST', CASES, { body: JSON.stringify(INITIATION).slice(0, -1) }),
  },
  {
    code: 'invalid_json',
    name: 'a body with a prototype',
    play: ({ ask }) => ask('POST', CASES, { body: `{"__proto__": ${JSON.stringify(INITIATION)}}` }),
  },
  {
    code: 'invalid_json',
    name: 'a body that is nested too deep',
    play: ({ ask }) => ask('POST', CASES, { body: `${'['.repeat(40)}${JSON.stringify(EVERYTHING)}${']'.repeat(40)}` }),
  },
  {
    code: 'invalid_request',
    name: 'members that are unknown, and values of another type',
    play: ({ ask }) =>
      ask('POST', CASES, {
        body: { ...INITIATION, user_id: PERSONAL_INFO, document_type: EVERYTHING, [CANARIES.accountEmail]: EVERYTHING },
      }),
  },
  {
    code: 'invalid_request',
    name: 'a claim that is none',
    play: ({ ask }) =>
      ask('PUT', `${A_CASE}/claim`, { body: { kyc_claim_id: [EVERYTHING], [CANARIES.name]: CANARIES.name } }),
  },
  {
    code: 'invalid_request',
    name: 'a query that is unknown',
    play: ({ ask }) => ask('GET', `${CASES}?${QUERY}&status=${CANARIES.queryValue}`),
  },
  {
    code: 'invalid_request',
    name: 'a query that is given twice',
    play: ({ ask }) => ask('GET', `${CASES}?after=${CANARIES.queryValue}&after=${CANARIES.phone}&${QUERY}&${QUERY}`),
  },
  {
    code: 'invalid_request',
    name: 'an idempotency key that is too long',
    play: ({ ask }) =>
      ask('POST', CASES, { body: INITIATION, headers: { 'idempotency-key': CANARIES.idempotencyKey.repeat(12) } }),
  },
  {
    code: 'method_not_allowed',
    name: 'a method that the path does not have',
    play: ({ ask }) => ask('PATCH', `${CASES}?${QUERY}`, { body: INITIATION }),
  },
  {
    code: 'not_found',
    name: 'a path of nobody',
    isFor: ({ ownsAllPaths }) => ownsAllPaths,
    play: ({ ask }) => ask('POST', `/${CANARIES.pathSegment}?${QUERY}`, { body: INITIATION }),
  },
  {
    code: 'rate_limited',
    name: 'a second start of one caller',
    options: () => ({ handler: { rateLimits: { initiatePerPrincipal: onePoint() } } }),
    async play({ initiate }) {
      await initiate()
      return initiate()
    },
  },
  {
    code: 'unauthenticated',
    name: 'a token of nobody',
    play: ({ ask }) => ask('GET', A_CASE, { headers: { authorization: `Bearer ${CANARIES.wrongToken}` } }),
  },
  {
    code: 'unauthenticated',
    name: 'a name and a password',
    play: ({ ask }) =>
      ask('DELETE', A_CASE, {
        headers: {
          authorization: `Basic ${Buffer.from(`${CANARIES.userId}:${CANARIES.wrongToken}`).toString('base64')}`,
        },
      }),
  },
  {
    code: 'unsupported_media_type',
    name: 'a form',
    play: ({ ask }) =>
      ask('POST', CASES, {
        body: QUERY,
        headers: { 'content-type': `multipart/form-data; boundary=${CANARIES.queryValue}` },
      }),
  },
  {
    code: 'url_too_long',
    name: 'a URL above the limit',
    options: withHandler({ maxUrlLength: 40 }),
    play: ({ ask }) => ask('GET', `${A_CASE}?${QUERY}`),
  },
]
