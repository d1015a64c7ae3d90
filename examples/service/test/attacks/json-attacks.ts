import { type Attack, toAttack } from './attack.js'
import type { Texts } from './attack-rows.js'
import { ODD_HEADERS } from './header-attacks.js'
import { addToQuery, rewriteCaseId } from './path-attacks.js'
import type { Target } from './request-draft.js'

/** Puts raw JSON in place of a text of the body. */
export function put(name: string, raw: string | Buffer, place: keyof Texts = 'text'): Attack {
  return toAttack(name, (target) => ({ body: target.toBodyWith(place, raw) }))
}

/** Adds a member to the object that the body is. */
function addMember(name: string, member: string): Attack {
  return toAttack(name, (target) => ({ body: target.toBody().toString().replace('{', `{${member},`) }))
}

/** Changes the bytes of the body. */
export function recode(name: string, toBytes: (body: Buffer) => Buffer, contentType?: string): Attack {
  return toAttack(name, (target: Target) => ({
    body: toBytes(target.toBody()),
    ...(contentType !== undefined && { contentType }),
  }))
}

const POLLUTED = '{"polluted":"yes","isAdmin":true}'

/** Members that reach for the prototype of whatever they are copied to. */
export const POLLUTIONS: readonly Attack[] = [
  addMember('__proto__', `"__proto__":${POLLUTED}`),
  addMember('__proto__, as an escape', `"\\u005f_proto__":${POLLUTED}`),
  put('__proto__ within', `{"a":[{"__proto__":${POLLUTED}}]}`, 'inner'),
  put('__proto__ in place of a text', `{"__proto__":${POLLUTED}}`),
  addMember('constructor.prototype', `"constructor":{"prototype":${POLLUTED}}`),
  put('constructor.prototype within', `{"constructor":{"prototype":${POLLUTED}}}`, 'inner'),
  addMember('hasOwnProperty, toString and toJSON', '"hasOwnProperty":1,"toString":1,"toJSON":1'),
  addToQuery('__proto__ in the query', '__proto__=polluted'),
  addToQuery('__proto__[polluted] in the query', '__proto__[polluted]=yes'),
  addToQuery('constructor[prototype] in the query', 'constructor[prototype][polluted]=yes'),
  rewriteCaseId('__proto__ as the id', () => '__proto__'),
  rewriteCaseId('constructor as the id', () => 'constructor'),
  ODD_HEADERS.proto,
]

function toDeepObject(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
}

function toDeepArray(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`
}

/** JSON that is deep. The body itself is one level, or two where an object of the caller's own is in it. */
export const DEEP_JSON: readonly Attack[] = [
  put('33 objects', toDeepObject(33), 'inner'),
  put('33 arrays', toDeepArray(33), 'inner'),
  put('33 arrays in place of a text', toDeepArray(33)),
  put('1,000 objects', toDeepObject(1000), 'inner'),
  put('1,000 arrays', toDeepArray(1000), 'inner'),
  put('10,000 arrays', toDeepArray(10_000), 'inner'),
  put('100,000 objects', toDeepObject(100_000), 'inner'),
  put('100,000 arrays', toDeepArray(100_000), 'inner'),
  put('100,000 arrays that never end', '['.repeat(100_000), 'inner'),
]

const DIGITS = '9'.repeat(400)

/** Numbers that JavaScript or PostgreSQL cannot hold. */
export const HUGE_NUMBERS: readonly Attack[] = [
  put('1e999 for a text', '1e999'),
  put('-0 for a text', '-0'),
  put('2^53+1 for a text', '9007199254740993'),
  put('400 digits for a text', DIGITS),
  put('1e999 within', '[1e999,-0,9007199254740993,1e-999]', 'inner'),
  put('400 digits within', DIGITS, 'inner'),
  toQueryAttack('limit=1e999', 'limit', '1e999'),
  toQueryAttack('limit=-0', 'limit', '-0'),
  toQueryAttack('limit=2^53+1', 'limit', '9007199254740993'),
  toQueryAttack('limit of 400 digits', 'limit', DIGITS),
  toQueryAttack('limit=0x1', 'limit', '0x1'),
  toQueryAttack('limit=1e0', 'limit', '1e0'),
  toQueryAttack('limit=%201', 'limit', '%201'),
  toQueryAttack('limit= and nothing', 'limit', ''),
  toQueryAttack('a cursor of 400 digits', 'after', `${DIGITS}.a`),
  toAttack('Content-Length of 400 digits', (target) => ({
    body: target.toBody(),
    framing: [['Content-Length', DIGITS]],
  })),
  toAttack('Content-Length=-1', (target) => ({ body: target.toBody(), framing: [['Content-Length', '-1']] })),
  toAttack('Content-Length=0x10', (target) => ({ body: target.toBody(), framing: [['Content-Length', '0x10']] })),
  toAttack('Content-Length=+5', (target) => ({ body: target.toBody(), framing: [['Content-Length', '+5']] })),
  toAttack('telemetry of 400 digits', () => ({
    headers: [
      ['Persona-Webhook-Attempts-Made', DIGITS],
      ['Persona-Webhook-Attempts-Left', '1e9'],
      ['Persona-Webhook-First-Attempted-At', DIGITS],
    ],
  })),
]

/** Another value of a member of the query, where the query has it already, or beside it. */
export function toQueryAttack(name: string, member: string, value: string): Attack {
  return toAttack(name, ({ query }) => {
    const others = query.split('&').filter((part) => part !== '' && !part.startsWith(`${member}=`))
    return { query: [...others, `${member}=${value}`].join('&') }
  })
}
