import type { Authorization, KycAction } from './authorize.js'

/**
 * What a token lets its bearer do: an action on all cases, or on the claimable or the own ones only. `*` lets every
 * action through.
 */
export type KycScope = '*' | KycAction | ClaimScope | UserScope

/** The scopes of the Identity Service: it reads and lists claimable cases, and writes their claims. */
export type ClaimScope = 'kyc:read:claimable' | 'kyc:list:claimable' | 'kyc:claim:claimable'

/** The scopes of a user's own token. */
export type UserScope = 'kyc:initiate:own' | 'kyc:read:own' | 'kyc:resume:own'

/** What the Identity Service needs. */
export const CLAIM_SCOPES: readonly ClaimScope[] = ['kyc:read:claimable', 'kyc:list:claimable', 'kyc:claim:claimable']

/** What the page of a user needs who verifies themselves: read and resume their own cases. */
export const USER_SCOPES: readonly UserScope[] = ['kyc:read:own', 'kyc:resume:own']

const ACTIONS: readonly KycAction[] = [
  'kyc:initiate',
  'kyc:read',
  'kyc:list',
  'kyc:claim',
  'kyc:resume',
  'kyc:decide',
  'kyc:erase',
  'events:read',
  'audit:read',
  'health:read',
  'openapi:read',
]

const SCOPES: ReadonlySet<string> = new Set([
  '*',
  ...ACTIONS,
  ...CLAIM_SCOPES,
  ...USER_SCOPES,
  'kyc:initiate:own',
] satisfies KycScope[])

/** True for a scope that this version knows. */
export function isKycScope(scope: string): scope is KycScope {
  return SCOPES.has(scope)
}

/** Who shows a token, and what it lets them do. */
export interface ScopedCaller {
  readonly principal: string
  readonly scopes: readonly string[]
  /** Whose cases are the own ones; null where no scope of theirs is about own cases. */
  readonly userId: string | null
}

/** What the caller's scopes say about an action: the widest of them counts, and one that is unknown says nothing. */
export function toScopedAuthorization({ principal, scopes, userId }: ScopedCaller, action: KycAction): Authorization {
  // An app without types may give a text, which includes whatever is a part of it: kyc:read is one of kyc:read:own.
  const has = (scope: string) => Array.isArray(scopes) && scopes.includes(scope)
  if (has('*') || has(action)) return { principal, cases: 'all' }
  const isScope = (scope: string) => SCOPES.has(scope) && has(scope)
  if (isScope(`${action}:claimable`)) return { principal, cases: 'claimable' }
  if (userId !== null && isScope(`${action}:own`)) return { principal, cases: 'own', userId }
  return { principal, cases: 'none' }
}
