import { type Attack, toAttack, toRawAttack } from './attack.js'
import { SECRETS } from './attack-stage.js'
import { type HeaderLine, type Target, toRequestBytes } from './request-draft.js'

const RIGHT: HeaderLine = ['Authorization', `Bearer ${SECRETS.operator}`]
const WRONG: HeaderLine = ['Authorization', `Bearer ${SECRETS.wrong}`]

/** The signatures of the body, the webhook's or what would be one. */
function toSignatures({ stage, draft }: Target): { readonly right: HeaderLine; readonly wrong: HeaderLine } {
  const body = draft().body ?? Buffer.alloc(0)
  return {
    right: ['Persona-Signature', stage.sign(body)],
    wrong: ['Persona-Signature', stage.sign(body, { secret: SECRETS.wrong })],
  }
}

/** Sends signatures beside what the caller shows, or in its place where the route asks for one. */
function withSignatures(target: Target, signatures: readonly HeaderLine[]) {
  return target.row.route.body === 'raw' ? { authentication: signatures } : { headers: signatures }
}

/** Shows tokens in place of one, or beside the signature. */
function withTokens(target: Target, tokens: readonly HeaderLine[]) {
  return target.row.route.body === 'raw' ? { headers: tokens } : { authentication: tokens }
}

/** The request with a body, whose framing is another one; a route that takes no body is given one. */
function frame(framing: (length: string) => readonly HeaderLine[]): (target: Target) => Buffer {
  return (target) => {
    const body = target.toBody()
    return toRequestBytes(target.draft({ body, framing: framing(String(body.length)) }))
  }
}

/** The same with the body as one chunk. */
function frameChunks(framing: (length: string) => readonly HeaderLine[]): (target: Target) => Buffer {
  return (target) => {
    const body = target.toBody()
    const head = toRequestBytes({ ...target.draft({ body, framing: framing(String(body.length)) }), body: null })
    return Buffer.concat([head, Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
  }
}

/** The head with a line of its own in front of the others. */
function withLine(line: string): (target: Target) => Buffer {
  return (target) => {
    const [requestLine, ...rest] = toRequestBytes(target.draft()).toString('latin1').split('\r\n')
    return Buffer.from([requestLine, line, ...rest].join('\r\n'), 'latin1')
  }
}

const CHUNKED: HeaderLine = ['Transfer-Encoding', 'chunked']

/** Headers that are there twice, or that two readers may read in two ways. */
export const DUPLICATE_HEADERS: readonly Attack[] = [
  toAttack('Authorization, wrong one first', (target) => withTokens(target, [WRONG, RIGHT])),
  toAttack('Authorization, right one first', (target) => withTokens(target, [RIGHT, WRONG])),
  toAttack('Authorization, right one twice', (target) => withTokens(target, [RIGHT, RIGHT])),
  toAttack('Authorization behind 2,000 headers', (target) =>
    withTokens(target, [...Array.from({ length: 2000 }, (): HeaderLine => ['a', '']), RIGHT]),
  ),
  toAttack('Persona-Signature, wrong one first', (target) => {
    const { right, wrong } = toSignatures(target)
    return withSignatures(target, [wrong, right])
  }),
  toAttack('Persona-Signature, right one first', (target) => {
    const { right, wrong } = toSignatures(target)
    return withSignatures(target, [right, wrong])
  }),
  toAttack('Persona-Signature, right one ninth', (target) => {
    const { right, wrong } = toSignatures(target)
    return withSignatures(target, [...Array(8).fill(wrong), right])
  }),
  toRawAttack(
    'Content-Length, twice the same',
    frame((length) => [
      ['Content-Length', length],
      ['Content-Length', length],
    ]),
  ),
  toRawAttack(
    'Content-Length, two of them',
    frame((length) => [
      ['Content-Length', length],
      ['Content-Length', '0'],
    ]),
  ),
  toRawAttack(
    'Content-Length, a list',
    frame((length) => [['Content-Length', `${length}, ${length}`]]),
  ),
  toRawAttack(
    'Content-Length and chunked',
    frameChunks((length) => [['Content-Length', length], CHUNKED]),
  ),
  toRawAttack(
    'chunked and Content-Length',
    frameChunks((length) => [CHUNKED, ['Content-Length', length]]),
  ),
  toRawAttack(
    'chunked, and identity',
    frameChunks(() => [['Transfer-Encoding', 'chunked, identity']]),
  ),
  toRawAttack(
    'chunked, and identity in another',
    frameChunks(() => [CHUNKED, ['Transfer-Encoding', 'identity']]),
  ),
  toRawAttack(
    'an unknown Transfer-Encoding',
    frameChunks(() => [['Transfer-Encoding', 'xchunked']]),
  ),
  toRawAttack(
    'chunked behind a vertical tab',
    frameChunks(() => [['Transfer-Encoding', '\x0bchunked']]),
  ),
  toRawAttack(
    'chunked, a space before the colon',
    frameChunks(() => [['Transfer-Encoding ', 'chunked']]),
  ),
  toAttack('Content-Type, first JSON', () => ({ headers: [['Content-Type', 'text/plain']] })),
  toAttack('Content-Type, first a form', () => ({
    contentType: 'application/x-www-form-urlencoded',
    headers: [['Content-Type', 'application/json']],
  })),
  toAttack('Host', () => ({ headers: [['Host', 'other.example']] })),
  toAttack('Idempotency-Key', () => ({
    headers: [
      ['Idempotency-Key', 'key-canary-2'],
      ['Idempotency-Key', 'key-canary-3'],
    ],
  })),
  toAttack('X-Original-URL and the like', () => ({
    headers: [
      ['X-Original-URL', '/webhooks/persona/health'],
      ['X-Rewrite-URL', '/webhooks/persona/health'],
      ['X-Forwarded-Prefix', '/admin'],
      ['X-Forwarded-Host', 'other.example'],
      ['Forwarded', 'host=other.example;proto=https'],
    ],
  })),
  toRawAttack('a folded header', withLine('X-Folded: one\r\n two')),
  toRawAttack('a space before the colon', withLine('X-Spaced : one')),
  toRawAttack('a space in the name', withLine('X Spaced: one')),
  toRawAttack('a line without a colon', withLine('Authorization')),
  toRawAttack('a line without a name', withLine(': one')),
]

/** What is written into the head by a value that holds the end of a line. */
export const INJECTED_LINES: readonly Attack[] = [
  toRawAttack('raw CR in a header', withLine('X-Odd: one\rX-Injected: 1')),
  toRawAttack('raw LF in a header', withLine('X-Odd: one\nX-Injected: 1')),
  toRawAttack('LF for all line ends', (target) =>
    Buffer.from(toRequestBytes(target.draft()).toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  ),
  toRawAttack('CR for all line ends', (target) =>
    Buffer.from(toRequestBytes(target.draft()).toString('latin1').replaceAll('\r\n', '\r'), 'latin1'),
  ),
  toAttack('%0d%0a in Idempotency-Key', () => ({ headers: [['Idempotency-Key', 'a%0d%0aX-Injected: 1']] })),
]

/** A head that holds what is no text. */
export const ODD_HEADERS: {
  readonly nul: Attack
  readonly nulName: Attack
  readonly latin1: Attack
  readonly proto: Attack
} = {
  nul: toRawAttack('raw, in a header', withLine('X-Odd: a\0b')),
  nulName: toRawAttack('raw, in the name of a header', withLine('X-O\0dd: b')),
  latin1: toAttack('raw, in Idempotency-Key', () => ({ headers: [['Idempotency-Key', '\xff\xfe\x80']] })),
  proto: toAttack('a header __proto__', () => ({
    headers: [
      ['__proto__', 'polluted'],
      ['constructor', 'polluted'],
      ['hasOwnProperty', 'polluted'],
    ],
  })),
}
