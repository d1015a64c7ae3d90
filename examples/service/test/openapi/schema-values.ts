import fc, { type Arbitrary } from 'fast-check'
import type { ApiDescription, Schema } from '../../../../test-setup/openapi/api-description.js'

/** Values of one schema: those that it takes, and those that are like them but for something. */
export interface SchemaValues {
  readonly valid: Arbitrary<unknown>
  readonly odd: Arbitrary<unknown>
}

const ODD_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\u007f',
  'a\u0085b',
  '\ud800',
  'Z\u0341\u0347',
  '\u202e\u200b\ufeff',
  '👩‍👩‍👧‍👦',
  '\'";--',
  '../../etc/passwd',
  '%00%2f',
  '__proto__',
  'null',
  'x'.repeat(5000),
]

const ODD_NUMBERS = [0, -1, -0, 0.5, 501, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, 1e308, 5e-324]

const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'user_id', 'User_id', '', 'a.b', 'é', '\u0000']

/** Unlike in a literal, the name is that of a member. */
const POLLUTING = Object.fromEntries([['__proto__', { user_id: 'polluted' }]])

/** Of all of Unicode but halves of surrogate pairs. fast-check's own unit for that takes seconds to set up. */
const anyCharacter = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code))

/** Any JSON, and more of what programs stumble over. */
const anything: Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom<unknown[]>(null, true, false, [], {}, [[]], [null], POLLUTING) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 30, max: 40 }).map(nest) },
)

/** Returns what makes values of the schemas of a description. */
export function createSchemaValues(description: ApiDescription): (schema: Schema) => SchemaValues {
  const made = new Map<Schema, SchemaValues>()
  return (schema) => {
    const values = made.get(schema) ?? toValues(description, schema)
    made.set(schema, values)
    return values
  }
}

function toValues(description: ApiDescription, schema: Schema): SchemaValues {
  const valid = toValid(description, schema).filter((value) => description.isValid(schema, value))
  return {
    valid,
    odd: fc.oneof(
      anything,
      valid.chain((value) => spoil(description, schema, value)),
    ),
  }
}

function toValid(description: ApiDescription, given: Schema): Arbitrary<unknown> {
  const schema = description.resolve(given)
  const { type, anyOf, const: only } = schema
  if (only !== undefined) return fc.constant(only)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum)
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((part: Schema) => toValid(description, part)))
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => toValid(description, { ...schema, type: one })))
  if (type === 'string') return toText(schema)
  if (type === 'integer') return toInteger(schema)
  if (type === 'object') return toObject(description, schema)
  if (type === 'boolean') return fc.boolean()
  if (type === undefined) return fc.jsonValue({ maxDepth: 2 })
  throw new Error(`There are no values of the type ${String(type)} yet.`)
}

/** Texts of all lengths that are allowed, the shortest and the longest among them. */
function toText({ minLength, maxLength }: Schema): Arbitrary<string> {
  const min = Number(minLength ?? 0)
  const max = Number(maxLength ?? 300)
  const ofLength = (length: number) => fc.string({ unit: 'grapheme-ascii', minLength: length, maxLength: length })
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c').map((letter) => letter.padEnd(min, letter)) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: min, maxLength: Math.min(max, 20) }) },
    { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength: min, maxLength: Math.min(max, 20) }) },
    { weight: 1, arbitrary: ofLength(min) },
    { weight: 1, arbitrary: ofLength(max) },
  )
}

function toInteger({ minimum = -1000, maximum = 1000 }: Schema): Arbitrary<number> {
  const bounds = { min: Number(minimum), max: Number(maximum) }
  return fc.oneof(fc.integer(bounds), fc.constantFrom(bounds.min, bounds.max))
}

function toObject(description: ApiDescription, schema: Schema): Arbitrary<object> {
  const { properties = {}, required = [], additionalProperties } = schema
  const names = required as string[]
  const members = Object.entries(properties as Record<string, Schema>).map(([name, member]) => [
    name,
    names.includes(name) ? toValid(description, member) : fc.option(toValid(description, member), { nil: undefined }),
  ])
  const others =
    additionalProperties === false ? fc.constant({}) : fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
  return fc
    .tuple(fc.record(Object.fromEntries(members)), others)
    .map(([listed, other]) =>
      Object.fromEntries(Object.entries({ ...other, ...listed }).filter(([, value]) => value !== undefined)),
    )
}

/** A value with one thing about it changed. */
function spoil(description: ApiDescription, schema: Schema, value: unknown): Arbitrary<unknown> {
  if (typeof value === 'string') return spoilText(description.resolve(schema), value)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fc.constantFrom<unknown[]>([value], `${value}`, null)
  const names = Object.keys(value)
  return fc.oneof(
    fc.constantFrom(...names, '').map((name) => withMember(value, name, undefined)),
    fc
      .tuple(fc.constantFrom(...names, ...ODD_NAMES), anything)
      .map(([name, member]) => withMember(value, name, member)),
    fc.constant([value]),
  )
}

function spoilText({ maxLength = 300 }: Schema, text: string): Arbitrary<unknown> {
  return fc.constantFrom<unknown[]>(
    '',
    text.padEnd(Number(maxLength) + 1, 'x'),
    '👋'.repeat(Number(maxLength)),
    `${text}\u0000`,
    [text],
  )
}

/** Unlike an assignment, also for the name `__proto__`. Undefined takes the member away. */
function withMember(value: object, name: string, member: unknown): object {
  const others = Object.entries(value).filter(([other]) => other !== name)
  return Object.fromEntries(member === undefined ? others : [...others, [name, member]])
}

function nest(depth: number): unknown {
  return Array.from({ length: depth }).reduce((inner) => [inner], {})
}
