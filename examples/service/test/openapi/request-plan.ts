import fc, { type Arbitrary } from 'fast-check'
import type { ApiDescription, Operation, Parameter } from '../../../../test-setup/openapi/api-description.js'
import { type EventPlan, eventPlans } from './event-plan.js'
import type { SchemaValues } from './schema-values.js'

/** A text of a request: a value of this name that an answer has told, or where there is none, a text of its own. */
export interface PlannedText {
  readonly text: string
  /** Which of the values known by then; null for the text itself. */
  readonly pick: number | null
}

/** The body of a request. */
export type PlannedBody =
  | { readonly kind: 'json'; readonly value: unknown; readonly pick: number | null }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: readonly number[] }
  | { readonly kind: 'large'; readonly length: number }
  | { readonly kind: 'event'; readonly event: EventPlan }

/** What a caller shows. */
export type Credential = 'full' | 'limited' | 'powerless' | 'wrong' | 'basic' | 'empty' | 'none'

/** Whether a body is signed, where an operation wants that. */
export type Signing = 'signed' | 'old' | 'other' | 'malformed' | 'none'

/** A request before it is known what the answers before it have told. */
export interface RequestPlan {
  readonly server: number
  readonly operationId: string
  /** Null for that of the operation. */
  readonly method: string | null
  readonly path: Readonly<Record<string, PlannedText>>
  readonly pathTwist: keyof typeof PATH_TWISTS
  readonly query: readonly (readonly [string, PlannedText])[]
  readonly headers: readonly (readonly [string, string])[]
  readonly body: PlannedBody | null
  readonly contentType: string | null
  readonly credential: Credential
  readonly signing: Signing
}

/** What may be done to a path. */
export const PATH_TWISTS = {
  none: (path: string) => path,
  trailingSlash: (path: string) => `${path}/`,
  doubleSlash: (path: string) => path.replace(/\/(?=[^/]*$)/, '//'),
  upperCase: (path: string) => path.toUpperCase(),
  encodedLetter: (path: string) => path.replace('c', '%63'),
  encodedSlash: (path: string) => path.replace(/\/(?=[^/]*$)/, '%2f'),
  dotSegment: (path: string) => `/x/..${path}`,
  semicolon: (path: string) => `${path};x=1`,
  tail: (path: string) => `${path}/more`,
} as const

const JSON_TYPE = 'application/json'

/** The header of a signature. */
export const SIGNATURE_HEADER = 'persona-signature'

const OTHER_TYPES = [
  `${JSON_TYPE}; charset=utf-8`,
  'APPLICATION/JSON',
  'application/problem+json',
  'application/jsonx',
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '*/*',
  ';',
]

const BROKEN_JSON = [
  '',
  '{',
  '{}}',
  "{'a':1}",
  '{"a":1,}',
  'NaN',
  '[1,2',
  '"\\ud800',
  '\ufeff{}',
  '{"a":1}\u0000',
  'true false',
]

/** In bytes: just above the limits of JSON and of webhooks. */
const LARGE = [65_536, 70_000, 1_048_576]

const OTHER_METHODS = ['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

/** Returns the plans of requests to every operation of a description. It knows nothing but the description. */
export function createRequestPlans(
  description: ApiDescription,
  valuesOf: (schema: Parameter['schema']) => SchemaValues,
): Arbitrary<RequestPlan> {
  return fc.oneof(
    ...description.operations.map((operation) => ({
      // There is nothing to ask about before something was made.
      weight: operation.method === 'POST' && !operation.path.includes('{') ? 4 : 1,
      arbitrary: toPlans(operation, valuesOf),
    })),
  )
}

function toPlans(
  operation: Operation,
  valuesOf: (schema: Parameter['schema']) => SchemaValues,
): Arbitrary<RequestPlan> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path')
  return fc.record({
    server: fc.nat({ max: 1 }),
    operationId: fc.constant(operation.id),
    method: mostly(fc.constant(null), fc.constantFrom(...OTHER_METHODS)),
    path: fc.record(Object.fromEntries(inPath.map(({ name, schema }) => [name, toPlannedText(valuesOf(schema))]))),
    pathTwist: mostly(
      fc.constant('none' as const),
      fc.constantFrom(...(Object.keys(PATH_TWISTS) as (keyof typeof PATH_TWISTS)[])),
    ),
    query: toQuery(operation, valuesOf),
    headers: toHeaders(operation, valuesOf),
    body: toBody(operation, valuesOf),
    contentType: mostly(fc.constant(JSON_TYPE), fc.constantFrom(null, ...OTHER_TYPES)),
    credential: mostly(
      fc.constant<Credential>('full'),
      fc.constantFrom<Credential[]>('limited', 'powerless', 'wrong', 'basic', 'empty', 'none'),
    ),
    signing: mostly(fc.constant<Signing>('signed'), fc.constantFrom<Signing[]>('old', 'other', 'malformed', 'none')),
  })
}

/** Mostly the first, so that most requests have one thing wrong with them at most. */
function mostly<First, Second>(usual: Arbitrary<First>, odd: Arbitrary<Second>): Arbitrary<First | Second> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd })
}

function toPlannedText({ valid, odd }: SchemaValues): Arbitrary<PlannedText> {
  const text = mostly(valid, odd).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
  return fc.record({ text, pick: mostly(fc.nat({ max: 99 }), fc.constant(null)) })
}

function toQuery(
  operation: Operation,
  valuesOf: (schema: Parameter['schema']) => SchemaValues,
): Arbitrary<RequestPlan['query']> {
  const members = operation.parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, required, schema }) => {
      const entry = fc.tuple(fc.constant(name), toPlannedText(valuesOf(schema)))
      const absent = fc.constant(null)
      return required ? mostly(entry, absent) : fc.oneof(absent, entry)
    })
  const names = fc.constantFrom(
    ...operation.parameters.map(({ name }) => name),
    '__proto__',
    'constructor',
    'bogus',
    '',
  )
  const more = fc.array(
    fc.tuple(
      names,
      fc.constantFrom('', '1', 'x', '0x10', '1e2', ' 5').map((text) => ({ text, pick: null })),
    ),
    { minLength: 1, maxLength: 2 },
  )
  return fc
    .tuple(fc.tuple(...members), mostly(fc.constant([]), more))
    .map(([listed, others]) => [...listed.filter((entry) => entry !== null), ...others])
}

/** Of what may stand in a header: visible ASCII and Latin-1. */
function toHeaders(
  operation: Operation,
  valuesOf: (schema: Parameter['schema']) => SchemaValues,
): Arbitrary<RequestPlan['headers']> {
  const members = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name, schema }) => {
      const text = mostly(valuesOf(schema).valid, valuesOf(schema).odd).map((value) =>
        String(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ''),
      )
      return fc.option(fc.tuple(fc.constant(name), text), { nil: null })
    })
  return fc.tuple(...members).map((entries) => entries.filter((entry) => entry !== null))
}

function toBody(
  operation: Operation,
  valuesOf: (schema: Parameter['schema']) => SchemaValues,
): Arbitrary<PlannedBody | null> {
  const { body } = operation
  if (body === null) return mostly(fc.constant(null), fc.constant<PlannedBody>({ kind: 'text', text: '{}' }))
  const { valid, odd } = valuesOf(body.schema)
  const toJson = (value: Arbitrary<unknown>) =>
    fc.record({ kind: fc.constant('json' as const), value, pick: fc.option(fc.nat({ max: 99 }), { nil: null }) })
  const others: Arbitrary<PlannedBody | null> = fc.oneof(
    { weight: 6, arbitrary: toJson(odd) },
    { weight: 3, arbitrary: fc.constantFrom(...BROKEN_JSON).map((text) => ({ kind: 'text' as const, text })) },
    {
      weight: 2,
      arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ kind: 'bytes' as const, bytes: [...bytes] })),
    },
    { weight: 1, arbitrary: fc.constantFrom(...LARGE).map((length) => ({ kind: 'large' as const, length })) },
    { weight: 1, arbitrary: fc.constant(null) },
  )
  const usual = fc.oneof(
    toJson(valid),
    ...(isSigned(operation)
      ? [{ weight: 9, arbitrary: eventPlans.map((event) => ({ kind: 'event' as const, event })) }]
      : []),
  )
  return fc.oneof({ weight: 7, arbitrary: usual }, { weight: 3, arbitrary: others })
}

/** True for an operation whose caller signs the body: no document can say how. */
export function isSigned({ parameters }: Operation): boolean {
  return parameters.some(({ name }) => name === SIGNATURE_HEADER)
}
