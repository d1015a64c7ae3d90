import { type Attack, toAttack } from './attack.js'
import { NO_CASE, SECRETS, toHash } from './attack-stage.js'
import { type HeaderLine, type Target, toAuthentication } from './request-draft.js'

const byNobody = { caller: 'nobody' } as const

/** What the operator shows to a route, as the value of its header. */
function toShown({ stage, row, draft }: Target): string {
  return toAuthentication(stage, row, 'operator', draft().body)[0]?.[1] ?? ''
}

/** The header by which a route knows its caller, with another value. */
function show(
  value: (shown: string) => string,
): (target: Target) => { readonly authentication: readonly HeaderLine[] } {
  return (target) => {
    const name = target.row.route.body === 'raw' ? 'Persona-Signature' : 'Authorization'
    return { authentication: [[name, value(toShown(target))]] }
  }
}

/** Who shows nothing, or not where it counts. */
export const MISSING_TOKENS: readonly Attack[] = [
  toAttack('no header at all', () => ({}), byNobody),
  toAttack(
    'an empty header',
    show(() => ''),
    byNobody,
  ),
  toAttack(
    'Bearer, and no token',
    show(() => 'Bearer'),
    byNobody,
  ),
  toAttack(
    'the token as a member of the query',
    ({ query }) => ({ query: [query, `access_token=${SECRETS.operator}`].filter(Boolean).join('&') }),
    byNobody,
  ),
  toAttack(
    'the token in a cookie',
    () => ({ headers: [['Cookie', `authorization=Bearer ${SECRETS.operator}`]] }),
    byNobody,
  ),
  toAttack(
    'the token as a password of Basic',
    () => ({
      authentication: [['Authorization', `Basic ${Buffer.from(`operator:${SECRETS.operator}`).toString('base64')}`]],
    }),
    byNobody,
  ),
  toAttack(
    'the token in Proxy-Authorization',
    () => ({
      authentication: [['Proxy-Authorization', `Bearer ${SECRETS.operator}`]],
    }),
    byNobody,
  ),
]

/** Who shows something else. */
export const WRONG_TOKENS: readonly Attack[] = [
  toAttack('another one of the same length', () => ({}), { caller: 'wrong' }),
  toAttack(
    'one more character',
    show((shown) => `${shown}0`),
    byNobody,
  ),
  toAttack(
    'one character less',
    show((shown) => shown.slice(0, -1)),
    byNobody,
  ),
  toAttack(
    'the last character another one',
    show((shown) => shown.slice(0, -1) + (shown.endsWith('0') ? '1' : '0')),
    byNobody,
  ),
  toAttack(
    'the hash of the token',
    () => ({
      authentication: [['Authorization', `Bearer ${toHash(SECRETS.operator)}`]],
    }),
    byNobody,
  ),
  toAttack(
    'two tokens in one header',
    () => ({
      authentication: [['Authorization', `Bearer ${SECRETS.wrong}, Bearer ${SECRETS.operator}`]],
    }),
    byNobody,
  ),
  toAttack(
    'two words after Bearer',
    () => ({
      authentication: [['Authorization', `Bearer ${SECRETS.operator} ${SECRETS.operator}`]],
    }),
    byNobody,
  ),
  toAttack(
    'a no-break space behind the token',
    () => ({
      authentication: [['Authorization', `Bearer ${SECRETS.operator}\xa0`]],
    }),
    byNobody,
  ),
  toAttack(
    'what other routes ask for',
    ({ stage, row, draft }) => ({
      authentication:
        row.route.body === 'raw'
          ? [['Authorization', `Bearer ${SECRETS.operator}`]]
          : [['Persona-Signature', stage.sign(draft().body ?? Buffer.alloc(0))]],
    }),
    byNobody,
  ),
]

/** Who shows what was right once. */
export const EXPIRED_TOKENS: readonly Attack[] = [toAttack('since this moment', () => ({}), { caller: 'expired' })]

/** Who may do something else. */
export const OTHER_SCOPES: readonly Attack[] = [
  toAttack('the scope to read the audit trail', () => ({}), { caller: 'auditor' }),
  toAttack('the scope to list cases', () => ({}), { caller: 'lister' }),
]

/** Who may see other cases. Each is answered as if there were no such case. */
export const OTHER_CASES: readonly Attack[] = [
  toAttack('to another user', () => ({}), { caller: 'user' }),
  toAttack('of nobody, to that user', (target) => ({ path: target.withCase(NO_CASE).path }), {
    caller: 'user',
    sameAs: 'to another user',
  }),
  toAttack('to the Identity Service', (target) => ({ path: target.withCase(target.row.pendingCaseId).path }), {
    caller: 'identity-service',
  }),
  toAttack('of nobody, to that service', (target) => ({ path: target.withCase(NO_CASE).path }), {
    caller: 'identity-service',
    sameAs: 'to the Identity Service',
  }),
]
