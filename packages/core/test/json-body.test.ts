import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseJsonBody, requireValid } from '../src/json-body.js'
import { HttpError } from '../src/problem.js'
import { initiateBody } from '../src/wire.js'
import { expectNoCanary } from './canaries.js'

const CANARY = 'canary-9f31c7'
const anything = z.unknown()
const encode = (text: string) => new TextEncoder().encode(text)

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

  it('may be nested 32 levels deep, and no deeper', () => {
    const nest = (levels: number) => encode(`${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`)
    expect(() => parseJsonBody(anything, nest(32))).not.toThrow()
    for (const levels of [34, 1000]) {
      expect(toProblem(() => parseJsonBody(anything, nest(levels)))).toMatchObject({
        status: 400,
        code: 'invalid_json',
      })
    }
  })

  it('does not count brackets inside strings', () => {
    const text = JSON.stringify({ a: `${'[{'.repeat(100)}\\"${'[{'.repeat(100)}` })
    expect(parseJsonBody(anything, encode(text))).toEqual(JSON.parse(text))
  })

  it('is the JSON that JSON.parse reads, or a 400', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(parseJsonBody(anything, encode(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('takes time in proportion to its length, also when a string in it never ends', () => {
    // A quadratic expression takes about ten seconds for this.
    const startedAt = performance.now()
    toProblem(() => parseJsonBody(anything, encode(`"${'\\"'.repeat(100_000)}`)))
    expect(performance.now() - startedAt).toBeLessThan(1000)
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

  it('let no key named __proto__ into any prototype', () => {
    const text = '{"user_id":"u","document_type":"d","personal_info":{"__proto__":{"polluted":1}}}'
    const { personal_info } = parseJsonBody(initiateBody, encode(text))
    expect(personal_info).not.toHaveProperty('polluted')
    expect('polluted' in {}).toBe(false)
    toProblem(() => parseJsonBody(initiateBody, encode(text.replace('"user_id"', '"__proto__":{"user_id":"u"},"x"'))))
  })
})
