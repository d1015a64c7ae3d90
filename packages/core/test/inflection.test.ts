import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getMember, isJsonObject, type JsonObject, type JsonValue, toCamelKeys } from '../src/inflection.js'
import { INFLECTIONS, inflect } from './event-bodies.js'

describe('toCamelKeys', () => {
  it('makes camelCase of kebab, snake and camel', () => {
    const value = { 'created-at': 1, updated_at: 2, deletedAt: 3, status: 4, 'a-b_c-d': 5 }
    expect(toCamelKeys(value)).toEqual({ createdAt: 1, updatedAt: 2, deletedAt: 3, status: 4, aBCD: 5 })
  })

  it('reaches into lists and objects', () => {
    expect(toCamelKeys([{ 'a-b': [{ 'c-d': null }] }])).toEqual([{ aB: [{ cD: null }] }])
  })

  it('leaves values alone', () => {
    expect(toCamelKeys({ type: 'inquiry-template', 'some-key': 'some-value' })).toEqual({
      type: 'inquiry-template',
      someKey: 'some-value',
    })
  })

  it('leaves whatever is inside fields as it is', () => {
    const fields = { 'name-first': { 'raw-value': 1 }, address_street_1: [{ 'x-y': 1 }] }
    expect(toCamelKeys({ 'some-attributes': { fields } })).toEqual({ someAttributes: { fields } })
  })

  it('keeps a key named __proto__ an ordinary key', () => {
    const value = JSON.parse('{"__proto__":{"a-b":1},"constructor":{"c-d":2}}') as JsonValue
    const camel = toCamelKeys(value)
    expect(Object.getPrototypeOf(camel)).toBe(Object.prototype)
    expect(Object.keys(camel as JsonObject)).toContain('constructor')
    expect(JSON.stringify(camel)).toContain('{"aB":1}')
    expect('aB' in {}).toBe(false)
  })

  it('stops at 64 levels, so that no depth overflows the stack', () => {
    const nest = (levels: number): JsonValue => (levels === 0 ? { 'a-b': 1 } : [nest(levels - 1)])
    expect(toCamelKeys(nest(63))).toEqual(JSON.parse(JSON.stringify(nest(63)).replace('a-b', 'aB')))
    expect(toCamelKeys(nest(64))).toEqual(nest(64))
    expect(() => toCamelKeys(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as JsonValue)).not.toThrow()
  })

  it('takes time in proportion to the length of a key', () => {
    // A quadratic expression takes seconds for this key, a linear one a millisecond.
    const startedAt = performance.now()
    toCamelKeys({ ['-'.repeat(100_000)]: 1 })
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })

  it('makes the same of every inflection', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcxyz'), minLength: 1, maxLength: 6 })
    const key = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('-'))
    const { tree } = fc.letrec<{ tree: JsonValue }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<JsonValue>(null, 1, 'some-text', true),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        const [kebab, ...others] = INFLECTIONS.map((inflection) => toCamelKeys(inflect(value, inflection)))
        for (const other of others) expect(other).toEqual(kebab)
        expect(kebab).toEqual(inflect(value, 'camel'))
        expect(toCamelKeys(kebab ?? null)).toEqual(kebab)
      }),
    )
  })
})

describe('getMember', () => {
  it.each(['created-at', 'created_at', 'createdAt'])('finds created-at as %s', (key) => {
    expect(getMember({ [key]: 'now' }, 'created-at')).toBe('now')
  })

  it('finds null, and undefined where there is nothing', () => {
    expect(getMember({ 'created-at': null }, 'created-at')).toBeNull()
    expect(getMember({}, 'created-at')).toBeUndefined()
  })

  it('finds nothing that is inherited', () => {
    expect(getMember({}, 'constructor')).toBeUndefined()
    expect(getMember({}, 'to-string')).toBeUndefined()
  })
})

describe('isJsonObject', () => {
  it('is true for objects only', () => {
    expect([{}, { a: 1 }].every(isJsonObject)).toBe(true)
    expect([null, undefined, [], 'a', 1, true].some(isJsonObject)).toBe(false)
  })
})
