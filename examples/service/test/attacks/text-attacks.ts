import { gzipSync } from 'node:zlib'
import { type Attack, toAttack, toPlay, toRawAttack } from './attack.js'
import { SENTINEL } from './attack-servers.js'
import { INJECTED_LINES, ODD_HEADERS } from './header-attacks.js'
import { put, recode, toQueryAttack } from './json-attacks.js'
import { rewriteCaseId } from './path-attacks.js'
import { type HeaderLine, toRequestBytes } from './request-draft.js'

/** Returns JSON text with these bytes in it. */
function quote(...bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from('"a'), Buffer.from(bytes), Buffer.from('b"')])
}

/** Returns UTF-16 with the high byte first. */
function toBigEndian(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

/** Bytes that are no UTF-8. */
export const INVALID_UTF8: readonly Attack[] = [
  put('a continuation byte alone', quote(0x80)),
  put('an overlong slash', quote(0xc0, 0xaf)),
  put('an overlong NUL', quote(0xc0, 0x80)),
  put('half a surrogate pair, as in CESU-8', quote(0xed, 0xa0, 0x80)),
  put('a surrogate pair, as in CESU-8', quote(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)),
  put('a character cut off', quote(0xe2, 0x82)),
  put('beyond Unicode', quote(0xf4, 0x90, 0x80, 0x80)),
  put('0xff', quote(0xff)),
  put('within', quote(0xe2, 0x82), 'inner'),
  put('half a surrogate pair, as an escape', '"a\\ud800b"'),
  toQueryAttack('%ff in the query', 'after', '%ff'),
  rewriteCaseId('%ff in the id', (id) => `${id}%ff`),
  ODD_HEADERS.latin1,
]

/** Marks of a byte order, and what they announce. */
export const BYTE_ORDER_MARKS: readonly Attack[] = [
  recode('of UTF-8', (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body])),
  recode('of UTF-8, twice', (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf]), body])),
  recode('of UTF-16, low byte first', (body) => Buffer.from(`\ufeff${body}`, 'utf16le')),
  recode('of UTF-16, high byte first', (body) => toBigEndian(`\ufeff${body}`)),
  recode('none, but charset=utf-16', (body) => toBigEndian(`${body}`), 'application/json; charset=utf-16'),
  recode('of UTF-7', (body) => Buffer.concat([Buffer.from('+/v8-'), body])),
]

/** The byte 0, raw and written in other ways. */
export const NULL_BYTES: readonly Attack[] = [
  put('\\u0000 in a text', '"a\\u0000b"'),
  put('\\u0000 within', '"a\\u0000b"', 'inner'),
  put('raw, in a text', quote(0)),
  recode('raw, behind the JSON', (body) => Buffer.concat([body, Buffer.from([0])])),
  recode('raw, and nothing else', () => Buffer.alloc(64)),
  toQueryAttack('%00 in the query', 'after', 'a%00b'),
  toQueryAttack('%00 in a cursor', 'after', '0.a%00b'),
  rewriteCaseId('%00 in the id', (id) => `${id}%00`),
  toAttack('%00 behind the path', ({ path }) => ({ path: `${path}%00` })),
  toRawAttack('raw, in the path', ({ path, draft }) => toRequestBytes(draft({ path: `${path}\0` }))),
  ODD_HEADERS.nul,
  ODD_HEADERS.nulName,
]

/** The end of a line where it is none. */
export const LINE_ENDS: readonly Attack[] = [
  put('\\r\\n in a text', '"a\\r\\nX-Injected: 1\\r\\n\\r\\n"'),
  put('\\r\\n within', '"a\\r\\nX-Injected: 1\\r\\n\\r\\n"', 'inner'),
  put('raw, in a text', '"a\r\nX-Injected: 1"'),
  toQueryAttack('%0d%0a in the query', 'after', '%0d%0aX-Injected:%201'),
  rewriteCaseId('%0d%0a in the id', (id) => `${id}%0d%0aX-Injected:%201`),
  toAttack('%0d%0a behind the path', ({ path }) => ({ path: `${path}%0d%0aX-Injected:%201` })),
  toRawAttack('a line of its own, by the path', ({ draft }) => {
    const { target, ...rest } = draft()
    return toRequestBytes({ ...rest, target: `${target} HTTP/1.1\r\nX-Injected: 1\r\nX-Rest: ` })
  }),
  ...INJECTED_LINES,
]

const FORM = 'user_id=user_canary_new&document_type=passport'
const BOUNDARY = 'the-boundary'
const MULTIPART = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nx\r\n--${BOUNDARY}--\r\n`

/** 16 MiB of zeros, as JSON text, in 16 KiB. */
const BOMB = gzipSync(Buffer.from(`{"a":"${'0'.repeat(16 * 1024 * 1024)}"}`))

/** What is said of the body, and not so. */
export const MEDIA_TYPES: readonly Attack[] = [
  toAttack('a form', () => ({ contentType: 'application/x-www-form-urlencoded', body: FORM })),
  toAttack('multipart', () => ({ contentType: `multipart/form-data; boundary=${BOUNDARY}`, body: MULTIPART })),
  recode('JSON as a form', (body) => body, 'application/x-www-form-urlencoded'),
  recode('JSON as text', (body) => body, 'text/plain'),
  recode('JSON as text, and JSON a parameter', (body) => body, 'text/plain; application/json'),
  recode('JSON as XML', (body) => body, 'application/xml'),
  recode('JSON as a relative of JSON', (body) => body, 'application/jsonp'),
  toAttack('JSON as nothing', (target) => ({ body: target.toBody(), contentType: null })),
  toAttack('an empty body', () => ({ body: '' })),
  toAttack('a body of spaces', () => ({ body: ' \r\n\t ' })),
  toAttack('null', () => ({ body: 'null' })),
  toAttack('an array of the right one', (target) => ({ body: `[${target.toBody()}]` })),
  toAttack('a text', () => ({ body: '"text"' })),
  toAttack('two of them', (target) => ({ body: `${target.toBody()}${target.toBody()}` })),
  recode('gzip', (body) => gzipSync(body)),
  toAttack('gzip, and its name', (target) => ({
    body: gzipSync(target.toBody()),
    headers: [['Content-Encoding', 'gzip']],
  })),
  toAttack('a bomb of gzip', () => ({ body: BOMB, headers: [['Content-Encoding', 'gzip']] })),
  toAttack('a bomb of gzip as Transfer-Encoding', () => ({
    body: BOMB,
    framing: [['Transfer-Encoding', 'gzip, chunked']],
  })),
]

/** Names another version of HTTP. Nothing follows: such a connection ends with its answer. */
function speak(version: string): Attack {
  return toPlay(version, (target, { client }) => client.send(toRequestBytes(target.draft({ version }))))
}

/** Asks for another protocol. The server may drop what comes with it, so the sentinel waits for the answer. */
function upgrade(name: string, headers: readonly HeaderLine[]): Attack {
  return toPlay(name, async (target, { client }) => {
    client.send(toRequestBytes(target.draft({ headers })))
    await client.receive(/(\}|<\/html>)\s*$/)
    client.send(SENTINEL)
  })
}

/** What is no HTTP/1.1, or asks for another protocol. */
export const PROTOCOLS: readonly Attack[] = [
  speak('HTTP/1.0'),
  toRawAttack('HTTP/0.9', ({ method, path }) => `${method} ${path}\r\n\r\n`),
  toAttack('HTTP/1.2', () => ({ version: 'HTTP/1.2' })),
  speak('HTTP/2.0'),
  toRawAttack('the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'),
  toRawAttack('the hello of TLS', () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'),
  toRawAttack('no Host', ({ draft }) => {
    const { headers, ...rest } = draft()
    return toRequestBytes({ ...rest, headers: headers.filter(([name]) => name !== 'Host') })
  }),
  toRawAttack('a Host that is none', ({ draft }) => {
    const { headers, ...rest } = draft()
    const others = headers.filter(([name]) => name !== 'Host')
    return toRequestBytes({ ...rest, headers: [['Host', 'evil.example/@other.example:99999'], ...others] })
  }),
  toAttack('Expect: 100-continue', () => ({ headers: [['Expect', '100-continue']] })),
  toAttack('Expect: 100-continue, by nobody', () => ({ headers: [['Expect', '100-continue']] }), { caller: 'nobody' }),
  toAttack('Expect what nobody knows', () => ({ headers: [['Expect', 'the-spanish-inquisition']] })),
  upgrade('Upgrade to a WebSocket', [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['Sec-WebSocket-Version', '13'],
  ]),
  upgrade('Upgrade to h2c', [
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
  ]),
]
