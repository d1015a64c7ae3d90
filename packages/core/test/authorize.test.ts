import { describe, expect, it } from 'vitest'
import { createBearerAuthorize } from '../src/authorize.js'
import { ConfigurationError } from '../src/errors.js'
import { expectNoCanary } from './canaries.js'

const TOKEN = 'token-0123456789abcdef'

function ask(authorize: ReturnType<typeof createBearerAuthorize>, authorization?: string) {
  const headers = authorization === undefined ? {} : { authorization }
  const request = new Request('https://app.example/compliance/kyc', { headers })
  return authorize({ request, action: 'kyc:read', caseId: null })
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
    try {
      createBearerAuthorize({ tokens: 'canary-9f31c7' })
      expect.unreachable()
    } catch (error) {
      expectNoCanary(error, 'canary')
    }
  })
})
