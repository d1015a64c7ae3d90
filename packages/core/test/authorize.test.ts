import { describe, expect, it } from 'vitest'
import { createBearerAuthorize, type KycAction } from '../src/authorize.js'
import { ConfigurationError } from '../src/errors.js'
import { ROUTES } from '../src/routes.js'
import { expectNoCanary } from './canaries.js'

const TOKEN = 'token-0123456789abcdef'
const CLAIM_TOKEN = 'claim-0123456789abcdef'

function ask(
  authorize: ReturnType<typeof createBearerAuthorize>,
  authorization?: string,
  action: KycAction = 'kyc:read',
) {
  const headers = authorization === undefined ? {} : { authorization }
  const request = new Request('https://app.example/compliance/kyc', { headers })
  return authorize({ request, action, caseId: null })
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
    expect(await ask(authorize, header)).toEqual({ principal: 'bearer' })
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
    expect(await ask(several, `Bearer ${TOKEN}`)).toEqual({ principal: 'bearer' })
    expect(await ask(several, 'Bearer another-token-0123456789')).toEqual({ principal: 'bearer' })
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

  /** Every action: a new one must be decided here. */
  const EXPECTED: Record<KycAction, unknown> = {
    'kyc:initiate': 'forbidden',
    'kyc:read': claimable,
    'kyc:list': claimable,
    'kyc:claim': claimable,
    'kyc:resume': 'forbidden',
    'kyc:decide': 'forbidden',
    'kyc:erase': 'forbidden',
    'events:read': 'forbidden',
    'openapi:read': 'forbidden',
  }
  const actions = Object.entries(EXPECTED) as [KycAction, unknown][]

  it.each(actions)('are answered for %s as decided', async (action, expected) => {
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`, action)).toEqual(expected)
    expect(await ask(authorize, `Bearer ${TOKEN}`, action)).toEqual({ principal: 'bearer' })
    expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}x`, action)).toBe('unauthenticated')
  })

  it('are decided for every action of the routes', () => {
    for (const { action } of ROUTES) expect(action === null || action in EXPECTED).toBe(true)
  })

  it('are forbidden an action that is made up', async () => {
    for (const action of ['kyc:reads', 'KYC:READ', 'toString', '']) {
      expect(await ask(authorize, `Bearer ${CLAIM_TOKEN}`, action as KycAction)).toBe('forbidden')
    }
  })

  it('may be several', async () => {
    const several = createBearerAuthorize({ tokens: TOKEN, claimTokens: [CLAIM_TOKEN, 'another-token-0123456789'] })
    expect(await ask(several, `Bearer ${CLAIM_TOKEN}`)).toEqual(claimable)
    expect(await ask(several, 'Bearer another-token-0123456789')).toEqual(claimable)
    expect(await ask(several, `Bearer ${TOKEN}`)).toEqual({ principal: 'bearer' })
  })

  it.each([undefined, []])('may be none: %j', async (claimTokens) => {
    const without = createBearerAuthorize({ tokens: TOKEN, claimTokens })
    expect(await ask(without, `Bearer ${CLAIM_TOKEN}`)).toBe('unauthenticated')
    expect(await ask(without, `Bearer ${TOKEN}`)).toEqual({ principal: 'bearer' })
  })

  it.each<[string, string | string[], string | string[]]>([
    ['an empty one', TOKEN, ''],
    ['one of 15 characters', TOKEN, 'a'.repeat(15)],
    ['one with a space', TOKEN, `${CLAIM_TOKEN} x`],
    ['one good and one short', TOKEN, [CLAIM_TOKEN, 'short']],
    ['one that is in tokens too', TOKEN, TOKEN],
    ['one of several that is in tokens too', ['a-third-token-0123456789', TOKEN], [CLAIM_TOKEN, TOKEN]],
    ['no other token', [], CLAIM_TOKEN],
  ])('are refused at once with %s', (_name, tokens, claimTokens) => {
    expect(() => createBearerAuthorize({ tokens, claimTokens })).toThrow(ConfigurationError)
  })

  it('are never shown in an error', () => {
    const canary = 'canary-9f31c7-0123456789'
    expectNoCanary(refuse({ tokens: canary, claimTokens: canary }), 'canary')
    expectNoCanary(refuse({ tokens: TOKEN, claimTokens: 'canary-9f31c7' }), 'canary')
  })
})
