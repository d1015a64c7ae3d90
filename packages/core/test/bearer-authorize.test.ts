import { describe, expect, it } from 'vitest'
import { type Authorize, combineAuthorize, type KycAction, readBearerToken } from '../src/authorize.js'
import { type BearerToken, createBearerAuthorize, hashToken } from '../src/bearer-authorize.js'
import { ConfigurationError } from '../src/errors.js'
import { ROUTES } from '../src/routes.js'
import { type KycScope, USER_SCOPES } from '../src/scopes.js'
import { expectNoCanary } from './canaries.js'

const TOKEN = 'token-0123456789abcdef'
const CLAIM_TOKEN = 'claim-0123456789abcdef'
const EVERYTHING = { principal: 'bearer', cases: 'all' }

async function ask(authorize: Authorize, authorization?: string, action: KycAction = 'kyc:read') {
  const headers = authorization === undefined ? {} : { authorization }
  const request = new Request('https://app.example/compliance/kyc', { headers })
  const token = readBearerToken(request.headers.get('authorization'))
  return authorize({ request, token, action, caseId: null, findUserId: async () => null })
}

/** The error of options that are refused. */
function refuse(options: Parameters<typeof createBearerAuthorize>[0]): ConfigurationError {
  try {
    createBearerAuthorize(options)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
  }
  return expect.unreachable()
}

describe('createBearerAuthorize', () => {
  const authorize = createBearerAuthorize({ tokens: TOKEN })

  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`])('lets %j through', async (header) => {
    expect(await ask(authorize, header)).toEqual(EVERYTHING)
  })

  it.each([
    [undefined],
    [''],
    ['Bearer'],
    ['Bearer '],
    [TOKEN],
    [`Basic ${TOKEN}`],
    [`Bearer ${TOKEN}x`],
    [`Bearer ${TOKEN.slice(0, -1)}`],
    [`Bearer ${TOKEN.toUpperCase()}`],
    [`Bearer ${TOKEN} ${TOKEN}`],
    [`Bearer ${TOKEN}, Bearer ${TOKEN}`],
    [`Bearer ${'a'.repeat(10_000)}`],
  ])('does not let %j through', async (header) => {
    expect(await ask(authorize, header)).toBe('unauthenticated')
  })

  it('lets each of several tokens through', async () => {
    const several = createBearerAuthorize({ tokens: [TOKEN, 'another-token-0123456789'] })
    expect(await ask(several, `Bearer ${TOKEN}`)).toEqual(EVERYTHING)
    expect(await ask(several, 'Bearer another-token-0123456789')).toEqual(EVERYTHING)
    expect(await ask(several, `Bearer ${TOKEN}another-token-0123456789`)).toBe('unauthenticated')
  })

  it.each<[string, string | string[]]>([
    ['no token', []],
    ['an empty one', ''],
    ['one of 15 characters', 'a'.repeat(15)],
    ['one with a space', `${TOKEN} ${TOKEN}`],
    ['one good and one short', [TOKEN, 'short']],
  ])('is refused at once with %s', (_name, tokens) => {
    expect(() => createBearerAuthorize({ tokens })).toThrow(ConfigurationError)
  })

  it('never shows a token in its error', () => {
    expectNoCanary(refuse({ tokens: 'canary-9f31c7' }), 'canary')
  })
})

describe('claimTokens', () => {
  const authorize = createBearerAuthorize({ tokens: TOKEN, claimTokens: CLAIM_TOKEN })
  const claimable = { principal: 'identity-service', cases: 'claimable' }
  const none = { principal: 'identity-service', cases: 'none' }

  /** Every action: a new one must be decided here. */
  const EXPECTED: Record<KycAction, unknown> = {
    'kyc:initiate': none,
    'kyc:read': claimable,
    'kyc:list': claimable,
    'kyc:claim': claimable,
    'kyc:resume': none,
    'kyc:decide': none,
    'kyc:erase': none,
    'events:read': none,
    'audit:read': none,
    'health:read': none,
    'openapi:read': none,
  }
  const actions = Object.entries(EXPECTED) as [KycAction, unknown][]

  it.each(actions)('are answered for %s as decided', async (action, expected) => {
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`, action)).toEqual(expected)
    expect(await ask(authorize, `Bearer ${TOKEN}`, action)).toEqual(EVERYTHING)
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}x`, action)).toBe('unauthenticated')
  })

  it('are decided for every action of the routes', () => {
    for (const { action } of ROUTES) expect(action === null || action in EXPECTED).toBe(true)
  })

  it('are forbidden an action that is made up', async () => {
    for (const action of ['kyc:reads', 'KYC:READ', 'toString', '']) {
      expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`, action as KycAction)).toEqual(none)
    }
  })

  it('may be several', async () => {
    const several = createBearerAuthorize({ tokens: TOKEN, claimTokens: [CLAIM_TOKEN, 'another-token-0123456789'] })
    expect(await ask(several, `Bearer ${CLAIM_TOKEN}`)).toEqual(claimable)
    expect(await ask(several, 'Bearer another-token-0123456789')).toEqual(claimable)
    expect(await ask(several, `Bearer ${TOKEN}`)).toEqual(EVERYTHING)
  })

  it.each([undefined, []])('may be none: %j', async (claimTokens) => {
    const without = createBearerAuthorize({ tokens: TOKEN, claimTokens })
    expect(await ask(without, `Bearer ${CLAIM_TOKEN}`)).toBe('unauthenticated')
    expect(await ask(without, `Bearer ${TOKEN}`)).toEqual(EVERYTHING)
  })

  it.each<[string, string | string[], string | string[]]>([
    ['an empty one', TOKEN, ''],
    ['one of 15 characters', TOKEN, 'a'.repeat(15)],
    ['one with a space', TOKEN, `${CLAIM_TOKEN} x`],
    ['one good and one short', TOKEN, [CLAIM_TOKEN, 'short']],
    ['one that is in tokens too', TOKEN, TOKEN],
    ['one of several that is in tokens too', ['a-third-token-0123456789', TOKEN], [CLAIM_TOKEN, TOKEN]],
    ['no other token', [], CLAIM_TOKEN],
    ['one of claimTokens twice', TOKEN, [CLAIM_TOKEN, CLAIM_TOKEN]],
  ])('are refused at once with %s', (_name, tokens, claimTokens) => {
    expect(() => createBearerAuthorize({ tokens, claimTokens })).toThrow(ConfigurationError)
  })

  it('are never shown in an error', () => {
    const canary = 'canary-9f31c7-0123456789'
    expectNoCanary(refuse({ tokens: canary, claimTokens: canary }), 'canary')
    expectNoCanary(refuse({ tokens: TOKEN, claimTokens: 'canary-9f31c7' }), 'canary')
  })
})

describe('a token that is kept by its hash', () => {
  const SCOPES: KycScope[] = ['kyc:read', 'kyc:initiate']
  const now = Date.UTC(2026, 0, 1)

  /** OpenSSL's word for it: printf %s token-0123456789abcdef | openssl dgst -sha256 */
  const HASH = 'sha256:3282c594dbdb33e245d995adcdafee3e13621a72aac16fda816cfb23cdc868c0'

  async function start(token: Partial<BearerToken> = {}) {
    const hash = await hashToken(TOKEN)
    return createBearerAuthorize({
      tokens: [{ principal: 'shop', hash, scopes: SCOPES, ...token }],
      now: () => now,
    })
  }

  it('has the hash that OpenSSL makes', async () => {
    expect(await hashToken(TOKEN)).toBe(HASH)
  })

  it('lets its scopes through, and nothing else', async () => {
    const authorize = await start()
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:read')).toEqual({ principal: 'shop', cases: 'all' })
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:erase')).toEqual({ principal: 'shop', cases: 'none' })
  })

  it('is not shown by its hash', async () => {
    const authorize = await start()
    expect(await ask(authorize, `Bearer ${await hashToken(TOKEN)}`)).toBe('unauthenticated')
    const hash = await hashToken(TOKEN)
    expect(() => createBearerAuthorize({ tokens: hash })).toThrow(ConfigurationError)
  })

  it('ends when it expires', async () => {
    const header = `Bearer ${TOKEN}`
    expect(await ask(await start({ expiresAt: new Date(now) }), header)).toBe('unauthenticated')
    expect(await ask(await start({ expiresAt: new Date(now + 1) }), header)).toEqual({
      principal: 'shop',
      cases: 'all',
    })
  })

  it('is for the own cases of its user', async () => {
    const authorize = await start({ principal: 'user:1', userId: 'user_1', scopes: [...USER_SCOPES] })
    const own = { principal: 'user:1', cases: 'own', userId: 'user_1' }
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:read')).toEqual(own)
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:resume')).toEqual(own)
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:list')).toEqual({ principal: 'user:1', cases: 'none' })
  })

  it('may be found elsewhere, by its hash', async () => {
    const hash = await hashToken(TOKEN)
    const asked: string[] = []
    const authorize = createBearerAuthorize({
      findToken(wanted) {
        asked.push(wanted)
        return wanted === hash ? { principal: 'found', hash, scopes: ['*'] } : null
      },
    })
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:erase')).toEqual({ principal: 'found', cases: 'all' })
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`)).toBe('unauthenticated')
    expect(asked).toEqual([hash, await hashToken(CLAIM_TOKEN)])
  })

  it('rejects where one was found that says nothing usable', async () => {
    const hash = await hashToken(TOKEN)
    for (const found of [
      { principal: '' },
      { scopes: 'kyc:read' },
      { scopes: [] },
      { expiresAt: null },
      { hash: '' },
    ]) {
      const token = { principal: 'found', hash, scopes: ['kyc:read'], ...found } as BearerToken
      await expect(ask(createBearerAuthorize({ findToken: () => token }), `Bearer ${TOKEN}`)).rejects.toThrow(
        ConfigurationError,
      )
    }
  })

  it('is not another one that was found in its place', async () => {
    const other = { principal: 'other', hash: await hashToken(CLAIM_TOKEN), scopes: ['*'] as const }
    const authorize = createBearerAuthorize({ findToken: () => other })
    expect(await ask(authorize, `Bearer ${TOKEN}`)).toBe('unauthenticated')
  })

  it.each<[string, Partial<BearerToken>]>([
    ['a hash in clear', { hash: TOKEN }],
    ['a hash of another length', { hash: 'sha256:00' }],
    ['no scope', { scopes: [] }],
    ['an unknown scope', { scopes: ['kyc:everything' as KycScope] }],
    ['a scope that no action can keep to', { scopes: ['kyc:erase:own' as KycScope] }],
    ['scopes that are a text', { scopes: 'kyc:read' as unknown as KycScope[] }],
    ['own cases of nobody', { scopes: ['kyc:read:own'] }],
    ['own cases of a user without a name', { scopes: ['kyc:read:own'], userId: '' }],
    ['a user of more than 255 characters', { userId: 'u'.repeat(256) }],
    ['nobody who shows it', { principal: '' }],
    ['somebody whose name is no text', { principal: 7 as unknown as string }],
    ['somebody with a line break', { principal: 'shop\n' }],
    ['somebody of more than 255 characters', { principal: 's'.repeat(256) }],
    ['an end that is a text', { expiresAt: '2030-01-01' as unknown as Date }],
    ['an end that is null', { expiresAt: null as unknown as Date }],
    ['an end that is no time', { expiresAt: new Date('never') }],
  ])('is refused at once with %s', async (_name, token) => {
    await expect(start(token)).rejects.toThrow(ConfigurationError)
  })
})

describe('combineAuthorize', () => {
  const first = createBearerAuthorize({ tokens: TOKEN })
  const second = createBearerAuthorize({ tokens: 'unused-0123456789abcdef', claimTokens: CLAIM_TOKEN })

  it('asks the next one about a caller that the one before does not know', async () => {
    const authorize = combineAuthorize(first, second)
    expect(await ask(authorize, `Bearer ${TOKEN}`, 'kyc:erase')).toEqual(EVERYTHING)
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`, 'kyc:read')).toMatchObject({ cases: 'claimable' })
    expect(await ask(authorize, 'Bearer nobody-0123456789')).toBe('unauthenticated')
  })

  it('takes the first word about one that is known, also a refusal', async () => {
    for (const answer of ['forbidden', { principal: 'known', cases: 'none' }] as const) {
      expect(
        await ask(
          combineAuthorize(() => answer, first),
          `Bearer ${TOKEN}`,
        ),
      ).toEqual(answer)
    }
  })

  it('rejects where one does, and asks no other', async () => {
    const failing = () => Promise.reject(new Error('down'))
    await expect(ask(combineAuthorize(failing, first), `Bearer ${TOKEN}`)).rejects.toThrow('down')
  })
})
