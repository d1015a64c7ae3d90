import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Authorization, KycAction } from '../src/authorize.js'
import { ROUTES } from '../src/routes.js'
import { CLAIM_SCOPES, isKycScope, type ScopedCaller, toScopedAuthorization, USER_SCOPES } from '../src/scopes.js'

const NONE: Authorization = { principal: 'p', cases: 'none' }
const ALL: Authorization = { principal: 'p', cases: 'all' }
const CLAIMABLE: Authorization = { principal: 'p', cases: 'claimable' }
const OWN: Authorization = { principal: 'p', cases: 'own', userId: 'user_1' }

/** Which limits an action can keep to: a new action must be decided here. */
const LIMITS: Record<KycAction, readonly string[]> = {
  'kyc:initiate': ['own'],
  'kyc:read': ['own', 'claimable'],
  'kyc:list': ['claimable'],
  'kyc:claim': ['claimable'],
  'kyc:resume': ['own'],
  'kyc:decide': [],
  'kyc:erase': [],
  'events:read': [],
  'audit:read': [],
  'health:read': [],
  'openapi:read': [],
}
const ACTIONS = Object.keys(LIMITS) as KycAction[]
const KNOWN = [
  '*',
  ...Object.entries(LIMITS).flatMap(([action, limits]) => [action, ...limits.map((one) => `${action}:${one}`)]),
]

const ask = (scopes: unknown, action: KycAction = 'kyc:read', userId: string | null = 'user_1') =>
  toScopedAuthorization({ principal: 'p', userId, scopes: scopes as ScopedCaller['scopes'] }, action)

describe('a scope', () => {
  it('is known where its action can keep to its limit', () => {
    const limits = ['', ':own', ':claimable', ':all', ':none', ':']
    const candidates = ACTIONS.flatMap((action) => limits.map((limit) => `${action}${limit}`))
    expect(['*', ...candidates].filter(isKycScope).sort()).toEqual([...KNOWN].sort())
    const strange = [
      '',
      ' ',
      '**',
      'kyc',
      'kyc:',
      'kyc:*',
      'KYC:READ',
      'kyc:read ',
      'constructor',
      'toString',
      '__proto__',
    ]
    expect(strange.filter(isKycScope)).toEqual([])
  })

  it('keeps to what a route of its action keeps to', () => {
    for (const { action, keepsTo } of ROUTES) {
      if (action === null || keepsTo === undefined) continue
      const limits = keepsTo === 'either' ? ['own', 'claimable'] : [keepsTo]
      expect([action, [...LIMITS[action]].sort()]).toEqual([action, limits.sort()])
    }
    expect(ROUTES.flatMap(({ action }) => action ?? []).filter((action) => !(action in LIMITS))).toEqual([])
  })

  it('is of the Identity Service, or of a user, and known', () => {
    expect(CLAIM_SCOPES).toEqual(['kyc:read:claimable', 'kyc:list:claimable', 'kyc:claim:claimable'])
    expect(USER_SCOPES).toEqual(['kyc:read:own', 'kyc:resume:own'])
  })
})

describe('scopes', () => {
  it.each<[string, readonly string[], Authorization]>([
    ['none', [], NONE],
    ['everything', ['*'], ALL],
    ['the action', ['kyc:read'], ALL],
    ['another action', ['kyc:list', 'kyc:erase'], NONE],
    ['own cases', ['kyc:read:own'], OWN],
    ['claimable cases', ['kyc:read:claimable'], CLAIMABLE],
    ['the widest of all', ['kyc:read:own', 'kyc:read:claimable', 'kyc:read'], ALL],
    ['the widest of two', ['kyc:read:own', 'kyc:read:claimable'], CLAIMABLE],
    ['unknown ones', ['kyc:*', 'kyc', 'read', 'kyc:read:all', 'kyc:read:', 'kyc:readable'], NONE],
    ['several in one', ['kyc:list kyc:read'], NONE],
  ])('let through what they say: %s', (_name, scopes, expected) => {
    expect(ask(scopes)).toEqual(expected)
  })

  it('let an action keep to no limit that it cannot keep to', () => {
    for (const action of ACTIONS) {
      for (const limit of ['own', 'claimable']) {
        const expected = LIMITS[action].includes(limit) ? limit : 'none'
        expect([action, ask([`${action}:${limit}`], action)]).toMatchObject([action, { cases: expected }])
      }
    }
  })

  it('of own cases say nothing where nobody knows whose they are', () => {
    expect(ask(['kyc:read:own'], 'kyc:read', null)).toEqual(NONE)
    expect(ask(['kyc:read:own', 'kyc:read'], 'kyc:read', null)).toEqual(ALL)
  })

  it('that are a text, as in an app without types, say nothing', () => {
    for (const scopes of [
      'kyc:read',
      'kyc:read:own',
      '*',
      'kyc:readable',
      undefined,
      null,
      1,
      {},
      { includes: () => true },
    ]) {
      expect(ask(scopes)).toEqual(NONE)
    }
  })

  it('let an action through only by itself, a limit of it, or the star', () => {
    const scope = fc.oneof(fc.constantFrom(...KNOWN), fc.string())
    fc.assert(
      fc.property(fc.array(scope), fc.constantFrom(...ACTIONS), (scopes, action) => {
        const answer = ask(scopes, action)
        const named = ['*', action, ...LIMITS[action].map((limit) => `${action}:${limit}`)]
        const isNamed = named.some((one) => scopes.includes(one))
        expect(answer).toMatchObject({
          principal: 'p',
          cases: isNamed ? expect.stringMatching(/^(all|own|claimable)$/) : 'none',
        })
      }),
    )
  })

  it('answer for an action that is made up with nothing', () => {
    for (const action of ['', 'toString', 'kyc:reads', 'KYC:READ', 'kyc:read:own']) {
      expect(
        ask(
          KNOWN.filter((one) => one !== '*' && one !== 'kyc:read:own'),
          action as KycAction,
        ),
      ).toEqual(NONE)
    }
  })
})
