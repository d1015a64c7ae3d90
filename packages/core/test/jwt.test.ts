import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Authorization, KycAction } from '../src/authorize.js'
import { ConfigurationError, isKycError } from '../src/errors.js'
import { createJwtAuthorize, type JwtAuthorizeOptions } from '../src/jwt.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { toCpuMs } from './cpu-time.js'
import { createPlainHandler, HEALTH, KYC } from './plain-handler.js'
import {
  type Algorithm,
  createIssuerKey,
  encodePart,
  type IssuerKey,
  sendJson,
  signBytes,
  signSymmetric,
  signToken,
  startKeyServer,
} from './token-issuer.js'

const ISSUER = 'https://login.example/'
const AUDIENCE = 'https://kyc.example'
const NOW = Date.UTC(2026, 0, 2)
const CANARY = 'canary-9f31c7'
const seconds = NOW / 1000

const KEYS: Record<Algorithm, IssuerKey> = {
  RS256: createIssuerKey('RS256', 'rsa'),
  PS256: createIssuerKey('PS256', 'pss'),
  ES256: createIssuerKey('ES256', 'ec'),
  EdDSA: createIssuerKey('EdDSA', 'ed'),
}
const KEY = KEYS.ES256
const ATTACKER = createIssuerKey('ES256', 'ec')
const WEAK = createIssuerKey('RS256', 'weak', 1024)

const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'user_1', exp: seconds + 60, scope: 'kyc:read' }
const CALLER: Authorization = { principal: 'user_1', cases: 'all' }

let server: Awaited<ReturnType<typeof startKeyServer>>
beforeAll(async () => {
  server = await startKeyServer()
})
beforeEach(() => {
  server.state.asked = 0
  server.publish(...Object.values(KEYS).map(({ jwk }) => jwk))
})
afterAll(() => server.stop())

function create(options: Partial<JwtAuthorizeOptions> = {}) {
  return createJwtAuthorize({ jwksUrl: server.url, issuer: ISSUER, audience: AUDIENCE, now: () => NOW, ...options })
}

/** Asks as the routes do. */
async function ask(token: string | null, { action = 'kyc:read', ...options }: Asked = {}): Promise<Authorization> {
  return askAgain(create(options), token, action)
}

type Asked = Partial<JwtAuthorizeOptions> & { readonly action?: KycAction }

async function askAgain(authorize: ReturnType<typeof create>, token: string | null, action: KycAction = 'kyc:read') {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  const request = new Request('https://app.example/compliance/kyc', { headers })
  const given = { request, token, action, caseId: null, findUserId: async () => null }
  return authorize(given)
}

const withClaims = (claims: object, header?: object) => signToken(KEY, { header, claims: { ...CLAIMS, ...claims } })
const withHeader = (header: object) =>
  signToken(KEY, { header: { alg: 'ES256', kid: 'ec', ...header }, claims: CLAIMS })
const without = (name: string) => withClaims({ [name]: undefined })

describe('a token that is accepted', () => {
  it.each(Object.values(KEYS))('is signed with $alg', async (key) => {
    expect(await ask(signToken(key, { claims: CLAIMS }))).toEqual(CALLER)
  })

  it.each<[string, string]>([
    ['has a list of audiences', withClaims({ aud: ['https://other.example', AUDIENCE] })],
    ['ends in a second', withClaims({ exp: seconds + 1 })],
    ['ended within the tolerance', withClaims({ exp: seconds - 4 })],
    ['begins now', withClaims({ nbf: seconds })],
    ['begins within the tolerance', withClaims({ nbf: seconds + 5 })],
    ['has a fraction of a second', withClaims({ exp: seconds + 0.5, nbf: seconds - 0.5 })],
    ['was issued long ago', withClaims({ iat: 0 })],
    ['has the type of a token', withHeader({ typ: 'JWT' })],
    ['has the type of an access token', withHeader({ typ: 'at+jwt' })],
    ['has that type in full and in upper case', withHeader({ typ: 'application/AT+JWT' })],
    ['has header members that say nothing', withHeader({ foo: 'bar', cty: 'x' })],
  ])('%s', async (_name, token) => {
    expect(await ask(token)).toEqual(CALLER)
  })

  it('may be of one of several issuers, and for one of several audiences', async () => {
    const options = { issuer: ['https://a.example', ISSUER], audience: ['https://b.example', AUDIENCE] }
    expect(await ask(withClaims({}), options)).toEqual(CALLER)
    expect(await ask(withClaims({ iss: 'https://a.example', aud: ['https://b.example'] }), options)).toEqual(CALLER)
    expect(await ask(withClaims({ iss: 'https://b.example' }), options)).toBe('unauthenticated')
  })

  it('ends by the clock that is given, with the tolerance that is given', async () => {
    const token = withClaims({ exp: seconds })
    expect(await ask(token, { clockToleranceSeconds: 0, now: () => NOW - 1 })).toEqual(CALLER)
    expect(await ask(token, { clockToleranceSeconds: 0 })).toBe('unauthenticated')
    expect(await ask(token, { clockToleranceSeconds: 300, now: () => NOW + 299_000 })).toEqual(CALLER)
    expect(await ask(token, { clockToleranceSeconds: 300, now: () => NOW + 300_000 })).toBe('unauthenticated')
  })

  it('ends by the clock of the machine by default', async () => {
    const later = Math.floor(Date.now() / 1000)
    expect(await ask(withClaims({ exp: later + 60 }), { now: undefined })).toEqual(CALLER)
    expect(await ask(withClaims({ exp: later - 60 }), { now: undefined })).toBe('unauthenticated')
  })

  it('with a member twice is what the last one says, as its issuer signed it', async () => {
    const text = JSON.stringify(CLAIMS)
    expect(await ask(signToken(KEY, { claims: text.replace('{', '{"sub":"admin",') }))).toEqual(CALLER)
    expect(await ask(signToken(KEY, { claims: text.replace('}', `,"exp":${seconds - 60}}`) }))).toBe('unauthenticated')
  })
})

describe('a token that is refused', () => {
  const { publicKey } = KEYS.RS256
  const pem = publicKey.export({ format: 'pem', type: 'spki' })
  const hs = { alg: 'HS256', kid: 'rsa' }
  const [header = '', payload = '', signature = ''] = withClaims({}).split('.')
  const unsigned = (alg: unknown) => `${encodePart({ alg, kid: 'ec' })}.${payload}`

  it.each<[string, string | null]>([
    ['is none', null],
    ['is empty', ''],
    ['is a word', 'token-0123456789abcdef'],
    ['is dots', '..'],
    ['has one part', header],
    ['has two parts', `${header}.${payload}`],
    ['has four parts', `${header}.${payload}.${signature}.${signature}`],
    ['is encrypted', `${encodePart({ alg: 'dir', enc: 'A128GCM' })}..aaaa.bbbb.cccc`],
    ['has a header that is no JSON', `${encodePart('{"alg":')}.${payload}.${signature}`],
    ['has a header that is a list', `${encodePart([])}.${payload}.${signature}`],
    ['has a header that is no Base64', `{"alg":"ES256"}.${payload}.${signature}`],
    ['has an empty header', `${encodePart({})}.${payload}.${signature}`],

    ['has ended', withClaims({ exp: seconds - 5 })],
    ['ended long ago', withClaims({ exp: 0 })],
    ['ends at a time that is a text', withClaims({ exp: String(seconds + 60) })],
    ['ends at a time that is null', withClaims({ exp: null })],
    ['never ends', without('exp')],
    ['has not begun', withClaims({ nbf: seconds + 6 })],
    ['begins at a time that is a text', withClaims({ nbf: '0' })],
    ['has no issuer', without('iss')],
    ['has another issuer', withClaims({ iss: 'https://evil.example/' })],
    ['has an issuer that only starts so', withClaims({ iss: `${ISSUER}evil` })],
    ['has the issuer without its slash', withClaims({ iss: ISSUER.slice(0, -1) })],
    ['has the issuer in a list', withClaims({ iss: [ISSUER] })],
    ['has no audience', without('aud')],
    ['has another audience', withClaims({ aud: 'https://other.example' })],
    ['has other audiences', withClaims({ aud: ['https://other.example', `${AUDIENCE}/`] })],
    ['has an empty list of audiences', withClaims({ aud: [] })],
    ['has an audience within an object', withClaims({ aud: { 0: AUDIENCE } })],
    ['belongs to nobody', without('sub')],
    ['belongs to a number', withClaims({ sub: 1 })],
    ['belongs to null', withClaims({ sub: null })],
    ['has claims that are a list', signToken(KEY, { claims: [CLAIMS] })],
    ['has claims that are a text', signToken(KEY, { claims: '"claims"' })],
    ['has claims that are null', signToken(KEY, { claims: 'null' })],
    ['has claims that are no JSON', signToken(KEY, { claims: `${JSON.stringify(CLAIMS)},` })],

    ['is signed by nobody', `${unsigned('none')}.`],
    ['is signed by nobody, in upper case', `${unsigned('NONE')}.`],
    ['is signed by nobody, in mixed case', `${unsigned('nOnE')}.`],
    ['is signed by nobody, with a signature', `${unsigned('none')}.${signature}`],
    ['is signed by nobody, whatever it says', `${header}.${payload}.`],
    ['has no algorithm', `${unsigned(undefined)}.${signature}`],
    ['has an empty algorithm', `${unsigned('')}.${signature}`],
    ['has an algorithm that every object has', `${unsigned('constructor')}.${signature}`],
    ['has a list of algorithms', `${unsigned(['ES256'])}.${signature}`],
    ['has an algorithm in lower case', `${unsigned('es256')}.${signature}`],
    ['has the algorithm of another key', `${unsigned('RS256')}.${signature}`],
    ['is signed with the public key’s PEM as a secret', signSymmetric(pem, { header: hs, claims: CLAIMS })],
    ['is signed with that without its line break', signSymmetric(String(pem).trim(), { header: hs, claims: CLAIMS })],
    [
      'is signed with the public key’s DER as a secret',
      signSymmetric(publicKey.export({ format: 'der', type: 'spki' }), { header: hs, claims: CLAIMS }),
    ],
    [
      'is signed with the public key’s JWK as a secret',
      signSymmetric(JSON.stringify(KEYS.RS256.jwk), { header: hs, claims: CLAIMS }),
    ],
    [
      'is signed with the public key’s modulus as a secret',
      signSymmetric(Buffer.from(String(KEYS.RS256.jwk.n), 'base64url'), { header: hs, claims: CLAIMS }),
    ],
    ['is signed with nothing as a secret', signSymmetric('', { header: hs, claims: CLAIMS })],
    ['is signed by RSA and says PSS', signToken(KEYS.RS256, { header: { alg: 'PS256', kid: 'rsa' }, claims: CLAIMS })],
    [
      'is signed by an attacker’s key of the same name',
      signToken(ATTACKER, { header: { alg: 'ES256', kid: 'ec' }, claims: CLAIMS }),
    ],
    ['has a signature in DER', toDerToken()],
    ['has a signature of zeros', `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`],
    ['has the signature of another token', `${header}.${payload}.${withClaims({ sub: 'user_2' }).split('.')[2]}`],
    ['has other claims than were signed', `${header}.${encodePart({ ...CLAIMS, sub: 'admin' })}.${signature}`],
    [
      'has another header than was signed',
      `${encodePart({ alg: 'ES256', kid: 'ec', typ: 'JWT' })}.${payload}.${signature}`,
    ],
    ['is of a key that nobody knows', signToken(KEY, { header: { alg: 'ES256', kid: 'other' }, claims: CLAIMS })],
    ['is of a key whose name is a path', signToken(KEY, { header: { alg: 'ES256', kid: '../../ec' }, claims: CLAIMS })],
    ['is of a key whose name is a list', signToken(KEY, { header: { alg: 'ES256', kid: ['ec'] }, claims: CLAIMS })],
    ['is of a key whose name is null', signToken(KEY, { header: { alg: 'ES256', kid: null }, claims: CLAIMS })],

    ['has a member that must be understood', withHeader({ crit: ['exp'], exp: seconds + 60 })],
    ['has such a member that is not there', withHeader({ crit: ['foo'] })],
    ['has an empty list of them', withHeader({ crit: [] })],
    ['has a list of them that is a text', withHeader({ crit: 'exp', exp: 1 })],
    ['has claims that are not encoded', toUnencodedToken({ b64: false, crit: ['b64'] })],
    ['has claims that are not encoded, and does not say so', toUnencodedToken({ b64: false })],
    ['is of the type of a logout', withHeader({ typ: 'logout+jwt' })],
    ['is of the type of an event', withHeader({ typ: 'secevent+jwt' })],
    ['is of the type of a proof', withHeader({ typ: 'dpop+jwt' })],
    ['is of a type that is a list', withHeader({ typ: ['JWT'] })],
    ['is of an empty type', withHeader({ typ: '' })],
  ])('%s', async (_name, token) => {
    expect(await ask(token)).toBe('unauthenticated')
  })

  it.each<[string, object]>([
    ['jwk', { jwk: ATTACKER.jwk }],
    ['jwk with another name', { jwk: { ...ATTACKER.jwk, kid: 'attacker' }, kid: 'attacker' }],
    ['x5c', { x5c: [ATTACKER.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }],
  ])('brings the attacker’s key with it: %s', async (_name, header) => {
    const token = signToken(ATTACKER, { header: { alg: 'ES256', kid: 'ec', ...header }, claims: CLAIMS })
    expect(await ask(token)).toBe('unauthenticated')
  })

  it.each(['jku', 'x5u'])('names the attacker’s keys by %s, where nobody asks for them', async (name) => {
    const evil = await startKeyServer([ATTACKER.jwk])
    try {
      for (const kid of ['ec', 'attacker']) {
        const token = signToken(ATTACKER, { header: { alg: 'ES256', kid, [name]: evil.url }, claims: CLAIMS })
        expect(await ask(token)).toBe('unauthenticated')
      }
      expect(evil.state.asked).toBe(0)
    } finally {
      await evil.stop()
    }
  })

  it('has no name of its key, where there are several, and is accepted where there is one', async () => {
    const token = signToken(KEY, { header: { alg: 'ES256' }, claims: CLAIMS })
    server.publish(KEY.jwk, createIssuerKey('ES256', 'second').jwk)
    expect(await ask(token)).toBe('unauthenticated')
    server.publish(KEY.jwk, KEYS.RS256.jwk)
    expect(await ask(token)).toEqual(CALLER)
    const foreign = signToken(ATTACKER, { header: { alg: 'ES256' }, claims: CLAIMS })
    expect(await ask(foreign)).toBe('unauthenticated')
  })

  it('is signed by a key that is published for something else', async () => {
    const token = signToken(KEY, { claims: CLAIMS })
    for (const member of [{ use: 'enc' }, { key_ops: ['sign'] }, { alg: 'ES384' }]) {
      server.publish({ ...KEY.jwk, ...member })
      expect(await ask(token)).toBe('unauthenticated')
    }
  })

  it('is signed by a key that is too short', async () => {
    server.publish(WEAK.jwk)
    expect(await ask(signToken(WEAK, { claims: CLAIMS }))).toBe('unauthenticated')
  })

  it('is signed with an algorithm that is left out of the options', async () => {
    const options = { algorithms: ['ES256'] }
    expect(await ask(signToken(KEYS.ES256, { claims: CLAIMS }), options)).toEqual(CALLER)
    for (const alg of ['RS256', 'PS256', 'EdDSA'] as const) {
      expect(await ask(signToken(KEYS[alg], { claims: CLAIMS }), options)).toBe('unauthenticated')
    }
  })

  it('was changed anywhere', async () => {
    const token = withClaims({})
    const authorize = create()
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'AQgw0-_.=! é'), async (place, char) => {
        const changed = token.slice(0, place) + char + token.slice(place + 1)
        const decode = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex')
        // The last character of a signature has bits that say nothing.
        fc.pre(changed !== token && (place < token.length - 1 || decode(changed) !== decode(token)))
        expect(await askAgain(authorize, changed)).toBe('unauthenticated')
      }),
      { numRuns: 500 },
    )
  })

  it('is huge, in bounded time', async () => {
    const big = 'a'.repeat(300_000)
    const tokens = [
      big,
      `${big}.${big}.${big}`,
      `${header}.${big}.${signature}`,
      '.'.repeat(300_000),
      `${header}.${payload}.${big}`,
    ]
    const asked: Promise<Authorization>[] = []
    const authorize = create()
    expect(toCpuMs(() => void asked.push(...tokens.map((token) => askAgain(authorize, token))))).toBeLessThan(5000)
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['unauthenticated']))
  })

  it('asks for no keys where it cannot be a token', async () => {
    for (const token of [
      null,
      '',
      'word',
      `${unsigned('none')}.`,
      `${unsigned('HS256')}.${signature}`,
      `${payload}..`,
    ]) {
      expect(await ask(token)).toBe('unauthenticated')
    }
    expect(server.state.asked).toBe(0)
  })
})

/** The signature as most libraries of X.509 write it. */
function toDerToken(): string {
  const [header = '', payload = '', signature = ''] = withClaims({}).split('.')
  const raw = Buffer.from(signature, 'base64url')
  const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, bytes.length + 1, 0]), bytes])
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
  return `${header}.${payload}.${Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64url')}`
}

/** RFC 7797, which a JWT must not use. */
function toUnencodedToken(header: object): string {
  const input = `${encodePart({ alg: 'ES256', kid: 'ec', ...header })}.${JSON.stringify(CLAIMS).replaceAll('.', '')}`
  return `${input}.${signBytes(KEY, Buffer.from(input)).toString('base64url')}`
}

describe('the scopes of a token', () => {
  const none: Authorization = { principal: 'user_1', cases: 'none' }
  const own: Authorization = { principal: 'user_1', cases: 'own', userId: 'user_1' }
  const claimable: Authorization = { principal: 'user_1', cases: 'claimable' }

  it.each<[string, object, Authorization]>([
    ['a text', { scope: 'kyc:list kyc:read' }, CALLER],
    ['a list', { scope: ['kyc:list', 'kyc:read'] }, CALLER],
    ['scp, as a text', { scope: undefined, scp: 'kyc:read' }, CALLER],
    ['scp, as a list', { scope: undefined, scp: ['kyc:read'] }, CALLER],
    ['scope rather than scp', { scope: 'kyc:list', scp: 'kyc:read' }, none],
    ['an empty scope rather than scp', { scope: '', scp: 'kyc:read' }, none],
    ['none', { scope: undefined }, none],
    ['null', { scope: null }, none],
    ['a number', { scope: 1 }, none],
    ['true', { scope: true }, none],
    ['an object', { scope: { 'kyc:read': true } }, none],
    ['a list of lists', { scope: [['kyc:read']] }, none],
    ['a list of one text of several', { scope: ['kyc:list kyc:read'] }, none],
    ['others', { scope: 'openid profile read kyc kyc: kyc:*' }, none],
    ['another action', { scope: 'kyc:list kyc:decide' }, none],
    ['something in upper case', { scope: 'KYC:READ' }, none],
    ['something with a comma', { scope: 'kyc:read,kyc:list' }, none],
    ['something with a line break', { scope: 'kyc:read\nkyc:list' }, none],
    ['something that only starts so', { scope: 'kyc:readable kyc:read:all' }, none],
    ['own cases', { scope: 'kyc:read:own' }, own],
    ['claimable cases', { scope: 'kyc:read:claimable' }, claimable],
    ['claimable and own cases', { scope: 'kyc:read:own kyc:read:claimable' }, claimable],
    ['own and all cases', { scope: 'kyc:read:own kyc:read' }, CALLER],
    ['a star', { scope: '*' }, none],
    ['a star in a list', { scope: ['*'] }, none],
    ['a star beside a scope', { scope: '* kyc:read:own' }, own],
  ])('may be %s', async (_name, claims, expected) => {
    expect(await ask(withClaims(claims))).toEqual(expected)
  })

  it('let nobody do everything, whatever toCaller makes of them', async () => {
    const toCaller = () => ({ principal: 'admin', userId: null, scopes: ['*', 'kyc:list'] })
    expect(await ask(withClaims({}), { toCaller })).toEqual({ principal: 'admin', cases: 'none' })
    expect(await ask(withClaims({}), { toCaller, action: 'kyc:list' })).toEqual({ principal: 'admin', cases: 'all' })
  })

  it('are those of toCaller, which may refuse', async () => {
    const toCaller: JwtAuthorizeOptions['toCaller'] = ({ azp, roles }) =>
      azp === 'shop' ? { principal: String(azp), userId: 'user_9', scopes: roles as string[] } : null
    const token = withClaims({ azp: 'shop', roles: ['kyc:read:own'] })
    expect(await ask(token, { toCaller })).toEqual({ principal: 'shop', cases: 'own', userId: 'user_9' })
    expect(await ask(withClaims({ azp: 'other' }), { toCaller })).toBe('unauthenticated')
  })

  it('are asked of toCaller for valid tokens only, with their claims', async () => {
    const toCaller = vi.fn(() => null)
    for (const token of [withClaims({ exp: 0 }), withClaims({ aud: 'x' }), `${withClaims({}).slice(0, -9)}AAAAAAAAA`]) {
      await ask(token, { toCaller })
    }
    for (const name of ['sub', 'exp', 'iss', 'aud']) await ask(without(name), { toCaller })
    expect(toCaller).not.toHaveBeenCalled()
    await ask(withClaims({ azp: 'shop' }), { toCaller })
    expect(toCaller).toHaveBeenCalledExactlyOnceWith({ ...CLAIMS, azp: 'shop' })
  })
})

describe('over HTTP', () => {
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  it('a user’s token is for their own cases', async () => {
    const { call, engine } = createPlainHandler({ authorize: create() })
    const start = async (userId: string) => (await engine.initiateKyc({ userId, documentType: 'passport' })).kycCase.id
    const [own, others] = [await start('user_1'), await start('user_2')]
    const token = bearer(withClaims({ scope: 'kyc:read:own kyc:initiate:own' }))
    expect((await call('GET', `${KYC}/${own}`, token)).json).toMatchObject({ case_id: own, user_id: 'user_1' })
    expect((await call('GET', `${KYC}/${others}`, token)).status).toBe(404)
    expect((await call('POST', `${KYC}/${own}/resume`, token)).status).toBe(403)
    expect((await call('GET', KYC, token)).status).toBe(403)
    const initiate = (user_id: string) => call('POST', KYC, { ...token, body: { user_id, document_type: 'passport' } })
    expect((await initiate('user_1')).status).toBe(200)
    expect((await initiate('user_2')).status).toBe(403)
  })

  it.each<[string, unknown]>([
    ['is empty', ''],
    ['is longer than 255 characters', 'a'.repeat(256)],
    ['has a line break', 'user\n1'],
    ['has a NUL', 'user\0'],
    ['has half a surrogate pair', 'user\ud800'],
  ])('a token is 401 whose sub %s', async (_name, sub) => {
    const { call } = createPlainHandler({ authorize: create() })
    for (const scope of ['kyc:list', 'kyc:read:own']) {
      expect((await call('GET', KYC, bearer(withClaims({ sub, scope })))).status).toBe(401)
    }
  })

  it('a token is taken whose sub has 255 characters', async () => {
    const { call } = createPlainHandler({ authorize: create() })
    const token = withClaims({ sub: '渡'.repeat(255), scope: 'kyc:list' })
    expect((await call('GET', KYC, bearer(token))).status).toBe(200)
  })

  it('a toCaller that fails, or has no types, lets nobody in', async () => {
    const callers = [
      () => {
        throw new Error(CANARY)
      },
      () => undefined,
      () => ({}),
      async () => ({ principal: 'x', userId: null, scopes: ['kyc:list'] }),
      () => ({ principal: 'x', userId: null, scopes: 'kyc:list' }),
    ]
    for (const toCaller of callers) {
      const authorize = create({ toCaller: toCaller as unknown as JwtAuthorizeOptions['toCaller'] })
      const { call, handlerLogger } = createPlainHandler({ authorize })
      const { status, text } = await call('GET', KYC, bearer(withClaims({ scope: 'kyc:list' })))
      expect([401, 403, 500]).toContain(status)
      expectNoCanary([text, handlerLogger.entries], CANARY)
    }
  })

  it('nothing of a token is in an answer or in the log', async () => {
    const { call, handlerLogger, logger } = createPlainHandler({ authorize: create() })
    const secret = { email: CANARY, exp: seconds + 60 }
    const tokens = [
      withClaims({ ...secret, exp: 0 }),
      withClaims({ ...secret, aud: CANARY }),
      withClaims({ ...secret, iss: CANARY }),
      withClaims({ ...secret, nbf: CANARY }),
      withClaims({ ...secret, scope: CANARY }),
      signToken(ATTACKER, { header: { alg: 'ES256', kid: 'ec' }, claims: { ...CLAIMS, ...secret } }),
      signToken(KEY, { header: { alg: CANARY, kid: CANARY }, claims: secret }),
      signToken(KEY, { header: { alg: 'ES256', kid: CANARY }, claims: secret }),
      signToken(KEY, { header: CANARY, claims: CANARY }),
    ]
    for (const token of tokens) {
      const { status, text, headers } = await call('GET', KYC, bearer(token))
      expect([401, 403]).toContain(status)
      const shown = [text, [...headers], handlerLogger.entries, logger.entries]
      expectNoCanary(shown, CANARY, encodePart(secret).slice(2, 20), ...token.split('.').slice(1))
    }
    server.state.answer = (_, response) => response.writeHead(500).end(CANARY)
    const down = createPlainHandler({ authorize: create() })
    const { text } = await down.call('GET', KYC, bearer(withClaims(secret)))
    expectNoCanary([text, down.handlerLogger.entries], CANARY, ...withClaims(secret).split('.').slice(0, 2))
  })
})

describe('keys that cannot be fetched', () => {
  const ANSWERS: [string, (typeof server)['state']['answer']][] = [
    ['are a 500', (_, response) => response.writeHead(500).end(JSON.stringify({ keys: [KEY.jwk] }))],
    ['are a 404', (_, response) => response.writeHead(404).end(JSON.stringify({ keys: [KEY.jwk] }))],
    ['are a 201', (_, response) => response.writeHead(201).end(JSON.stringify({ keys: [KEY.jwk] }))],
    ['are a 204', (_, response) => response.writeHead(204).end()],
    ['are a page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>')],
    ['are empty', (_, response) => response.writeHead(200).end()],
    ['are null', (_, response) => sendJson(response, null)],
    ['are a list', (_, response) => sendJson(response, [KEY.jwk])],
    ['are an object', (_, response) => sendJson(response, { keys: { 0: KEY.jwk } })],
    ['are texts', (_, response) => sendJson(response, { keys: ['key'] })],
    [
      'are cut off',
      (_, response) => response.writeHead(200, { 'content-length': 1000 }).write('{"keys":[', () => response.destroy()),
    ],
    ['are no UTF-8 JSON', (_, response) => response.writeHead(200).end(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['hang before they begin', () => {}],
    ['hang within', (_, response) => void response.writeHead(200).write('{"keys":[')],
    ['are a connection that breaks', (request) => request.socket.destroy()],
    ['are one that cannot be read', (_, response) => sendJson(response, { keys: [{ ...KEY.jwk, x: 'AA' }] })],
    ['are private ones', (_, response) => sendJson(response, { keys: [{ ...KEY.jwk, d: 'AA' }] })],
  ]

  it.each(ANSWERS)('let nobody in: they %s', async (_name, answer) => {
    server.state.answer = answer
    const error = await toRejection(ask(withClaims({}), { jwksTimeoutMs: 100 }))
    expect(isKycError(error) && error.code).toBe('authorization_unavailable')
    const { call, storage, handlerLogger } = createPlainHandler({ authorize: create({ jwksTimeoutMs: 100 }) })
    const spies = (['listCases', 'appendAudit'] as const).map((name) => vi.spyOn(storage, name))
    const headers = { authorization: `Bearer ${withClaims({ scope: 'kyc:list' })}` }
    const { status, json, headers: sent } = await call('GET', KYC, { headers })
    expect([status, json.code, sent.get('retry-after')]).toEqual([503, 'authorization_unavailable', '5'])
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
    expect(handlerLogger.entries).toMatchObject([{ level: 'error', fields: { code: 'authorization_unavailable' } }])
  })

  it('are waited for as long as said, and 5 seconds by default', async () => {
    const responses: ServerResponse[] = []
    server.state.answer = (_, response) => void responses.push(response)
    const short = toRejection(ask(withClaims({}), { jwksTimeoutMs: 50 })).then(() => 'short')
    const long = toRejection(ask(withClaims({}))).then(() => 'long')
    expect(await Promise.race([long, short])).toBe('short')
    for (const response of responses) response.destroy()
    await long
  })

  it('let nobody in where nobody listens', async () => {
    const gone = await startKeyServer()
    await gone.stop()
    const error = await toRejection(ask(withClaims({}), { jwksUrl: gone.url }))
    expect(isKycError(error) && error.code).toBe('authorization_unavailable')
  })

  it.each([301, 302, 303, 307, 308])('are not looked for elsewhere: %i', async (status) => {
    const evil = await startKeyServer([ATTACKER.jwk, KEY.jwk])
    try {
      server.state.answer = (_, response) => response.writeHead(status, { location: evil.url }).end()
      const error = await toRejection(ask(withClaims({})))
      expect(isKycError(error) && error.code).toBe('authorization_unavailable')
      expect(evil.state.asked).toBe(0)
    } finally {
      await evil.stop()
    }
  })

  it('are not read to their end where there is none', async () => {
    const sent = { bytes: 0 }
    const closed = new Promise((resolve) => {
      server.state.answer = (_, response) => {
        const chunk = Buffer.alloc(65_536, ' ')
        const send = () => {
          if (response.destroyed) return
          sent.bytes += chunk.length
          response.write(chunk)
        }
        response.writeHead(200, { 'content-type': 'application/json' })
        response.on('drain', send).on('close', () => resolve(null))
        send()
      }
    })
    // No end of time ends the connection either.
    const error = await toRejection(ask(withClaims({}), { jwksTimeoutMs: 2 ** 31 - 1 }))
    expect(isKycError(error) && error.code).toBe('authorization_unavailable')
    await closed
    expect(sent.bytes).toBeGreaterThan(1024 * 1024)
    // What is on its way in the buffers between is no more than some megabytes.
    expect(sent.bytes).toBeLessThan(20_000_000)
  })

  it('may be a megabyte, and no more', async () => {
    const pad = (length: number) => {
      const text = JSON.stringify({ keys: [KEY.jwk] })
      server.state.answer = (_, response) => response.writeHead(200).end(text.padEnd(length))
    }
    pad(1024 * 1024)
    expect(await ask(withClaims({}))).toEqual(CALLER)
    pad(1024 * 1024 + 1)
    await expect(ask(withClaims({}))).rejects.toMatchObject({ code: 'authorization_unavailable' })
  })

  it('say nothing of a token that is none', async () => {
    server.state.answer = (_, response) => response.writeHead(500).end()
    expect(await ask('token-0123456789abcdef')).toBe('unauthenticated')
    expect(await ask(null)).toBe('unauthenticated')
  })

  it('leave the health of the service to be read as by a stranger', async () => {
    server.state.answer = (_, response) => response.writeHead(500).end()
    const { call } = createPlainHandler({ authorize: create() })
    const headers = { authorization: `Bearer ${withClaims({ scope: 'health:read' })}` }
    const { status, json } = await call('GET', HEALTH, { headers })
    expect([status, json]).toEqual([200, { status: 'ok' }])
  })

  it('are asked for again with the next token', async () => {
    const authorize = create()
    server.state.answer = (_, response) => response.writeHead(500).end()
    await toRejection(askAgain(authorize, withClaims({})))
    server.publish(KEY.jwk)
    expect(await askAgain(authorize, withClaims({}))).toEqual(CALLER)
  })

  it('may be sent as any type, as those that lie in a bucket are', async () => {
    server.state.answer = (_, response) =>
      response.writeHead(200, { 'content-type': 'binary/octet-stream' }).end(JSON.stringify({ keys: [KEY.jwk] }))
    expect(await ask(withClaims({}))).toEqual(CALLER)
  })
})

describe('keys that are kept', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms)
  const token = withClaims({})
  const fresh = createIssuerKey('ES256', 'fresh')
  const freshToken = signToken(fresh, { claims: CLAIMS })

  it('are fetched once for 50 requests at once, and not before the first', async () => {
    const authorize = create()
    expect(server.state.asked).toBe(0)
    const answers = await Promise.all(Array.from({ length: 50 }, () => askAgain(authorize, token)))
    expect(answers).toEqual(Array(50).fill(CALLER))
    expect(server.state.asked).toBe(1)
    expect(await askAgain(authorize, token)).toEqual(CALLER)
    expect(server.state.asked).toBe(1)
  })

  it('are fetched again for one that is new, at most every 30 seconds', async () => {
    const authorize = create()
    await askAgain(authorize, token)
    server.publish(KEY.jwk, fresh.jwk)
    later(29_999)
    expect(await askAgain(authorize, freshToken)).toBe('unauthenticated')
    expect(server.state.asked).toBe(1)
    later(1)
    const answers = await Promise.all(Array.from({ length: 50 }, () => askAgain(authorize, freshToken)))
    expect(answers).toEqual(Array(50).fill(CALLER))
    expect(server.state.asked).toBe(2)
  })

  it('are not fetched for each token of a key that nobody has', async () => {
    const authorize = create()
    for (let sent = 0; sent < 50; sent += 1) {
      const header = { alg: 'ES256', kid: `made-up-${sent}` }
      expect(await askAgain(authorize, signToken(ATTACKER, { header, claims: CLAIMS }))).toBe('unauthenticated')
    }
    expect(server.state.asked).toBe(1)
  })

  it('count for ten minutes after the issuer has withdrawn them', async () => {
    const authorize = create()
    await askAgain(authorize, token)
    server.publish(fresh.jwk)
    later(599_999)
    expect(await askAgain(authorize, token)).toEqual(CALLER)
    later(1)
    expect(await askAgain(authorize, token)).toBe('unauthenticated')
  })

  it('count for ten minutes while the issuer is down, for tokens of keys that are known', async () => {
    const authorize = create()
    await askAgain(authorize, token)
    server.state.answer = (_, response) => response.writeHead(500).end()
    later(599_999)
    expect(await askAgain(authorize, token)).toEqual(CALLER)
    await expect(askAgain(authorize, freshToken)).rejects.toMatchObject({ code: 'authorization_unavailable' })
    later(1)
    await expect(askAgain(authorize, token)).rejects.toMatchObject({ code: 'authorization_unavailable' })
  })
})

describe('createJwtAuthorize', () => {
  it.each<[string, Partial<Record<keyof JwtAuthorizeOptions, unknown>>]>([
    ['keys in clear', { jwksUrl: 'http://login.example/jwks' }],
    ['keys in clear of a network of one’s own', { jwksUrl: 'http://10.0.0.1/jwks' }],
    ['keys in clear of what only looks like this machine', { jwksUrl: 'http://localhost.example/jwks' }],
    ['keys by another protocol', { jwksUrl: 'ftp://login.example/jwks' }],
    ['keys by another protocol of this machine', { jwksUrl: 'ftp://localhost/jwks' }],
    ['keys in a file', { jwksUrl: 'file:///jwks.json' }],
    ['keys in the URL', { jwksUrl: 'data:application/json,{"keys":[]}' }],
    ['a path', { jwksUrl: '/jwks' }],
    ['an empty URL', { jwksUrl: '' }],
    ['no URL', { jwksUrl: undefined }],
    ['a password in the URL', { jwksUrl: `https://user:${CANARY}@login.example/jwks` }],
    ['a user in the URL', { jwksUrl: new URL('https://user@login.example/jwks') }],
    ['no issuer', { issuer: undefined }],
    ['an empty issuer', { issuer: '' }],
    ['an empty list of issuers', { issuer: [] }],
    ['an empty issuer in a list', { issuer: [ISSUER, ''] }],
    ['an issuer that is a number', { issuer: [1] }],
    ['an issuer that is an object', { issuer: {} }],
    ['no audience', { audience: undefined }],
    ['an empty audience', { audience: '' }],
    ['an empty list of audiences', { audience: [] }],
    ['an empty audience in a list', { audience: [''] }],
    ['an audience that is a number', { audience: 1 }],
    ['a symmetric algorithm', { algorithms: ['HS256'] }],
    ['a symmetric algorithm among others', { algorithms: ['RS256', 'HS512'] }],
    ['no signature', { algorithms: ['none'] }],
    ['an unknown algorithm', { algorithms: ['ES256K'] }],
    ['an algorithm in lower case', { algorithms: ['es256'] }],
    ['an algorithm of encryption', { algorithms: ['RSA-OAEP'] }],
    ['no algorithm', { algorithms: [] }],
    ['algorithms that are no list', { algorithms: 'RS256' }],
    ['a tolerance of no number', { clockToleranceSeconds: Number.NaN }],
    ['an endless tolerance', { clockToleranceSeconds: Number.POSITIVE_INFINITY }],
    ['a negative tolerance', { clockToleranceSeconds: -1 }],
    ['a tolerance in milliseconds', { clockToleranceSeconds: 5000 }],
    ['a tolerance that is a text', { clockToleranceSeconds: '10 years' }],
    ['a timeout of no number', { jwksTimeoutMs: Number.NaN }],
    ['an endless timeout', { jwksTimeoutMs: Number.POSITIVE_INFINITY }],
    ['no time', { jwksTimeoutMs: 0 }],
    ['a timeout longer than a timer takes', { jwksTimeoutMs: 2 ** 31 }],
  ])('is refused at once with %s', (_name, options) => {
    const error = (() => {
      try {
        create(options as Partial<JwtAuthorizeOptions>)
      } catch (thrown) {
        return thrown
      }
      return expect.unreachable()
    })()
    expect(error).toBeInstanceOf(ConfigurationError)
    expectNoCanary(error, CANARY)
  })

  it.each(['https://login.example/jwks', 'http://localhost:1/jwks', 'http://127.0.0.1:1/', 'http://[::1]:1/jwks'])(
    'takes the keys of %s',
    (jwksUrl) => {
      expect(create({ jwksUrl })).toBeTypeOf('function')
      expect(create({ jwksUrl: new URL(jwksUrl) })).toBeTypeOf('function')
    },
  )
})
