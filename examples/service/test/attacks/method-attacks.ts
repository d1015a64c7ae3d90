import { type Attack, toAttack, toRawAttack } from './attack.js'
import { ATTACKED_ROUTES } from './attack-rows.js'
import { type Target, toRequestBytes } from './request-draft.js'

/** The methods that routes have, the most harmful first. */
const METHODS = ['DELETE', 'PUT', 'POST', 'GET'] as const

/** A method that the path has not. */
function toOtherMethod({ row }: Target): string {
  const taken = ATTACKED_ROUTES.filter(({ path }) => path === row.route.path).map(({ method }) => method)
  return METHODS.find((method) => !taken.includes(method)) ?? 'PATCH'
}

/** A method that a route of this path or of another one has. */
function toHarmfulMethod({ method }: Target): string {
  return method === 'DELETE' ? 'PUT' : 'DELETE'
}

function toMethodAttack(method: string): Attack {
  return toAttack(method, () => ({ method }))
}

/** Adds a member to a query. */
export function withMember({ query }: Target, member: string): string {
  return query === '' ? member : `${query}&${member}`
}

/** The request says that it is another one. */
export const METHOD_OVERRIDES: readonly Attack[] = [
  toAttack('X-HTTP-Method-Override', (target) => ({
    headers: [['X-HTTP-Method-Override', toHarmfulMethod(target)]],
  })),
  toAttack('X-Method-Override and X-HTTP-Method', (target) => ({
    headers: [
      ['X-Method-Override', toHarmfulMethod(target)],
      ['X-HTTP-Method', toHarmfulMethod(target)],
    ],
  })),
  toAttack('PATCH, overridden', (target) => ({
    method: 'PATCH',
    headers: [['X-HTTP-Method-Override', target.method]],
  })),
  toAttack('another method, overridden', (target) => ({
    method: toOtherMethod(target),
    headers: [['X-HTTP-Method-Override', target.method]],
  })),
  toAttack('_method in the query', (target) => ({ query: withMember(target, `_method=${toHarmfulMethod(target)}`) })),
  toAttack('_method in the body', (target) => ({
    body: JSON.stringify({ ...JSON.parse(target.toBody().toString()), _method: toHarmfulMethod(target) }),
  })),
  toAttack('_method in a form', (target) => ({
    contentType: 'application/x-www-form-urlencoded',
    body: `_method=${toHarmfulMethod(target)}`,
  })),
  toRawAttack('the method in lower case', ({ method, draft }) =>
    toRequestBytes({ ...draft(), method: method.toLowerCase() }),
  ),
  toRawAttack('a method that nobody knows', ({ draft }) => toRequestBytes({ ...draft(), method: 'FROBNICATE' })),
  toMethodAttack('OPTIONS'),
  toMethodAttack('PATCH'),
  toMethodAttack('PROPFIND'),
  toMethodAttack('M-SEARCH'),
  toMethodAttack('TRACE'),
  toMethodAttack('CONNECT'),
  toMethodAttack('HEAD'),
]
