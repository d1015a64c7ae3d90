import { type Attack, toAttack, toRawAttack } from './attack.js'
import { withMember } from './method-attacks.js'
import { type Target, toRequestBytes } from './request-draft.js'

/** Writes the path in another way. */
function rewrite(name: string, toPath: (path: string) => string): Attack {
  return toAttack(name, ({ path }) => ({ path: toPath(path) }))
}

/** Writes another id in place of the case's. */
export function rewriteCaseId(name: string, toId: (caseId: string) => string): Attack {
  return toAttack(name, (target) => ({ path: target.withCase(toId(target.caseId ?? '')).path }))
}

/** Adds a query that is no more than bytes. */
export function addToQuery(name: string, member: string | ((target: Target) => string)): Attack {
  return toAttack(name, (target) => ({
    query: withMember(target, typeof member === 'string' ? member : member(target)),
  }))
}

/** Repeats something often. */
function many(count: number, toItem: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => toItem(index)).join('&')
}

/** Other spellings of a path, which a guard before us may read in another way. */
export const PATH_TRICKS: readonly Attack[] = [
  rewrite('/x/..', (path) => `/x/..${path}`),
  rewrite('/.', (path) => `/.${path}`),
  rewrite('/. inside', (path) => path.replace(/(?<!^)\//, '/./')),
  rewrite('%2e%2e', (path) => `/x/%2e%2e${path}`),
  rewrite('%2E', (path) => `/%2E${path}`),
  rewrite('..;', (path) => `/x/..;${path}`),
  rewrite('%2f for a slash', (path) => path.replace(/(?<!^)\//, '%2f')),
  rewriteCaseId('%2f.. in the id', (id) => `${id}%2f..`),
  rewriteCaseId('%2e%2e%2f in the id', (id) => `%2e%2e%2f${id}`),
  rewrite('%5c for a slash', (path) => path.replace(/(?<!^)\//, '%5c')),
  rewrite('\\ for a slash', (path) => path.replace(/(?<!^)\//, '\\')),
  rewrite('a letter encoded', (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)),
  rewrite('a letter encoded twice', (path) =>
    path.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  ),
  rewriteCaseId('a digit of the id encoded', (id) =>
    id.replace(/^./, (digit) => `%${digit.charCodeAt(0).toString(16)}`),
  ),
  rewriteCaseId('the id in upper case, and a space', (id) => `${id.toUpperCase()}%20`),
  rewrite('two slashes at the start', (path) => `/${path}`),
  rewrite('two slashes inside', (path) => path.replace(/(?<!^)\//, '//')),
  rewrite('a slash at the end', (path) => `${path}/`),
  rewrite('a parameter ;a=b', (path) => `${path};a=b`),
  rewrite('a dot at the end', (path) => `${path}.`),
  rewrite('.json at the end', (path) => `${path}.json`),
  rewrite('%20 at the end', (path) => `${path}%20`),
  rewrite('a raw space at the end', (path) => `${path} `),
  rewrite('upper case', (path) => path.toUpperCase()),
  rewrite('another host: the absolute form', (path) => `http://other.example${path}`),
  rewrite('the absolute form of https', (path) => `https://other.example${path}`),
  rewrite('the absolute form, with a user', (path) => `http://operator:secret@other.example${path}`),
  rewrite('the absolute form of ftp', (path) => `ftp://other.example${path}`),
  toRawAttack('the form of an authority', ({ draft }) => toRequestBytes({ ...draft(), target: 'other.example:80' })),
  toRawAttack('*', ({ draft }) => toRequestBytes({ ...draft(), target: '*' })),
  toAttack('a fragment', ({ path, query }) => ({ path: `${path}${query === '' ? '' : `?${query}`}#x`, query: '' })),
  rewrite('raw Latin-1', (path) => `${path}\xe9`),
  rewrite('%c3%a9', (path) => `${path}%c3%a9`),
  rewrite('% and no digits', (path) => `${path}%zz`),
  rewriteCaseId('an id of 8 KiB', () => 'a'.repeat(8192)),
  rewrite('8 KiB of segments', (path) => `${path}${'/a'.repeat(4096)}`),
  addToQuery('a query of 8 KiB', `a=${'a'.repeat(8192)}`),
  addToQuery(
    'a query of 500 members',
    many(500, (index) => `a${index}`),
  ),
  addToQuery(
    'a query of 10,000 members',
    many(10_000, () => 'a'),
  ),
  addToQuery('one member twice', 'a=1&a=2'),
  addToQuery('one member of the route twice', ({ query }) => (query === '' ? 'limit=1&limit=1' : query)),
]
