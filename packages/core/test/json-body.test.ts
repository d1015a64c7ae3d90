import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseJsonBody, requireValid } from '../src/json-body.js'
import { HttpError } from '../src/problem.js'
import { initiateBody } from '../src/wire.js'
import { expectNoCanary } from './canaries.js'
import { toCpuMs } from './cpu-time.js'

const CANARY = 'canary-9f31c7'
const anything = z.unknown()
const encode = (text: string) => new TextEncoder().encode(text)

function hasMember(text: string, name: string): boolean {
  let isThere = false
  JSON.parse(text, (key, value) => {
    isThere ||= key === name
    return value
  })
  return isThere
}

function toProblem(run: () => unknown): HttpError['problem'] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    expectNoCanary(error, CANARY)
    return error.problem
  }
  return expect.unreachable()
}

describe('a JSON body', () => {
  it('is read', () => {
    expect(parseJsonBody(anything, encode('{"a":[1,"zoë",null]}'))).toEqual({ a: [1, 'zoë', null] })
  })

  it.each([
    ['empty', ''],
    ['cut off', `{"a":"${CANARY}"`],
    ['a word', CANARY],
    ['followed by more', `{} ${CANARY}`],
    ['a string that does not end', `"${CANARY}`],
    ['only brackets that close', ']]]]'],
  ])('is a 400 when it is %s', (_name, text) => {
    expect(toProblem(() => parseJsonBody(anything, encode(text)))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it('is a 400 when it is no UTF-8', () => {
    const bytes = new Uint8Array([...encode(`"${CANARY}`), 0xff, 0x22])
    expect(toProblem(() => parseJsonBody(anything, bytes))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it.each<[string, Uint8Array]>([
    ['a byte order mark', encode('\ufeff{}')],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
    ['UTF-16 without a mark', new Uint8Array([0x7b, 0x00, 0x7d, 0x00])],
    ['an overlong slash', new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
    ['half a surrogate pair', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a NUL behind it', encode('{}\0')],
  ])('is a 400 with %s', (_name, bytes) => {
    expect(toProblem(() => parseJsonBody(anything, bytes))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it('may hold a byte order mark in a text', () => {
    expect(parseJsonBody(anything, encode('["\ufeff"]'))).toEqual(['\ufeff'])
  })

  it.each<[string, string, string]>([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
    ['both', '[{"a":', '}]'],
  ])('may be nested 32 levels deep, and no deeper: %s', (_name, open, close) => {
    const perUnit = open.length === 6 ? 2 : 1
    const nest = (levels: number) => {
      const units = levels / perUnit
      return encode(`${open.repeat(units)}${levels % perUnit === 0 ? '1' : '[]'}${close.repeat(units)}`)
    }
    expect(() => parseJsonBody(anything, nest(32))).not.toThrow()
    for (const levels of [33, 34, 1000]) {
      const { status, code } = toProblem(() => parseJsonBody(anything, nest(levels)))
      expect([levels, status, code]).toEqual([levels, 400, 'invalid_json'])
    }
  })

  it('counts an empty list or object as a level', () => {
    for (const inner of ['[]', '{}']) {
      const nest = (levels: number) => encode(`${'['.repeat(levels - 1)}${inner}${']'.repeat(levels - 1)}`)
      expect(() => parseJsonBody(anything, nest(32))).not.toThrow()
      expect(toProblem(() => parseJsonBody(anything, nest(33))).code).toBe('invalid_json')
    }
  })

  it.each<[string, string]>([
    ['that open lists', '['.repeat(1_000_000)],
    ['that open objects', '{"a":'.repeat(1_000_000)],
    ['that close', ']'.repeat(1_000_000)],
    ['that do not fit', `${'['.repeat(1_000_000)}}`],
    ['that fit', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    ['in an object', `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`],
  ])('of a million brackets %s is a 400, and overflows no stack', (_name, text) => {
    expect(toProblem(() => parseJsonBody(anything, encode(text)))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it.each([
    '{"__proto__":1}',
    '{"__proto__":null}',
    '{"__proto__":{"polluted":1}}',
    '{"a":{"__proto__":{"polluted":1}}}',
    '{"a":[[{"b":0},{"__proto__":[]}]]}',
    '[{"__proto__":"x"}]',
    '{"\\u005f\\u005fproto\\u005f\\u005f":1}',
    '{"\\u005f_proto__":{"polluted":1}}',
    '{"a":{"__pr\\u006fto__":1}}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":1,"__proto__":{"a":2},"b":3}',
  ])('is a 400 with a member named __proto__ anywhere: %s', (text) => {
    expect(toProblem(() => parseJsonBody(anything, encode(text)))).toMatchObject({ status: 400, code: 'invalid_json' })
    expect('polluted' in {}).toBe(false)
  })

  it.each(['["__proto__"]', '{"a":"__proto__"}', '{"__proto":1,"proto__":2,"___proto___":3,"__Proto__":4}'])(
    'may hold what only looks like that: %s',
    (text) => {
      expect(JSON.stringify(parseJsonBody(anything, encode(text)))).toBe(text)
    },
  )

  it('may name the members that every object has, which stay data', () => {
    const personal_info = { constructor: { prototype: { polluted: 1 } }, toString: 1, hasOwnProperty: null }
    const body = { user_id: 'u', document_type: 'd', personal_info }
    expect(parseJsonBody(initiateBody, encode(JSON.stringify(body)))).toEqual(body)
    expect('polluted' in {}).toBe(false)
  })

  it('does not count brackets inside strings', () => {
    const text = JSON.stringify({ a: `${'[{'.repeat(100)}\\"${'[{'.repeat(100)}` })
    expect(parseJsonBody(anything, encode(text))).toEqual(JSON.parse(text))
  })

  it('is the JSON that JSON.parse reads, or a 400', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        if (hasMember(text, '__proto__')) {
          expect(toProblem(() => parseJsonBody(anything, encode(text)))).toMatchObject({ code: 'invalid_json' })
        } else expect(parseJsonBody(anything, encode(text))).toEqual(JSON.parse(text))
      }),
      { examples: [['{"__proto__":{}}'], ['[{"a":{"__proto__":1}}]']] },
    )
  })

  // Whatever is quadratic takes minutes for a megabyte.
  it.each<[string, string]>([
    ['a string that never ends', `"${'\\"'.repeat(500_000)}`],
    ['a string of escapes', `"${'\\u005f'.repeat(170_000)}"`],
    ['a list that is long', `[${'1,'.repeat(500_000)}1]`],
    ['lists in a list', `[${'[],'.repeat(330_000)}[]]`],
    ['members', `{${Array.from({ length: 90_000 }, (_, index) => `"k${index}":1`).join()}}`],
    ['one member again and again', `{${'"a":1,'.repeat(170_000)}"a":1}`],
    ['brackets', '['.repeat(1_000_000)],
    ['spaces', `${' '.repeat(1_000_000)}1`],
    ['a number', '1'.repeat(1_000_000)],
    ['no UTF-8', '\ud800'.repeat(330_000)],
  ])('takes time in proportion to its length: a megabyte of %s', (_name, text) => {
    const bytes = encode(text)
    const cpuMs = toCpuMs(() => {
      try {
        parseJsonBody(anything, bytes)
      } catch (error) {
        if (!(error instanceof HttpError)) throw error
      }
    })
    expect(cpuMs).toBeLessThan(5000)
  })
})

describe('the errors of an invalid request', () => {
  it('say where it is wrong, never what stood there', () => {
    const body = { user_id: '', document_type: 5, document_data: CANARY, [CANARY]: CANARY }
    const problem = toProblem(() => requireValid(initiateBody, body))
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(problem.errors).toEqual(
      expect.arrayContaining([
        { pointer: '/user_id', code: 'too_small' },
        { pointer: '/document_type', code: 'invalid_type' },
        { pointer: '/document_data', code: 'invalid_type' },
        { pointer: '', code: 'unrecognized_keys' },
      ]),
    )
  })

  it('escape pointers as RFC 6901 says', () => {
    const schema = z.object({ 'a/b~c': z.object({ list: z.array(z.number()) }) })
    const problem = toProblem(() => requireValid(schema, { 'a/b~c': { list: [1, 'x'] } }))
    expect(problem.errors).toEqual([{ pointer: '/a~1b~0c/list/1', code: 'invalid_type' }])
  })

  it('are at most 20', () => {
    const problem = toProblem(() =>
      requireValid(
        z.array(z.number()),
        Array.from({ length: 100 }, () => 'x'),
      ),
    )
    expect(problem.errors).toHaveLength(20)
  })

  it.each(['\0', 'a\u0001', '\u007f', '\ud800', 'x'.repeat(256)])('refuse the user id %j', (user_id) => {
    const problem = toProblem(() => requireValid(initiateBody, { user_id, document_type: 'passport' }))
    expect(problem.errors?.[0]?.pointer).toBe('/user_id')
  })

  it.each(['渡辺-42', '😀', 'a b', "x'; drop table", '__proto__'])('let the user id %j pass', (user_id) => {
    const body = { user_id, document_type: 'passport' }
    expect(requireValid(initiateBody, body)).toEqual(body)
  })
})
