import * as z from 'zod'
import { isGuarded, listMethodProblems, listProblems, type RouteProblem } from './problem-codes.js'
import type { Route } from './routes.js'
import { namedSchemas, problemAnswer } from './wire.js'

type JsonSchema = Readonly<Record<string, unknown>>

/** The parts that operations share, by kind and name. */
type Components = Record<'schemas' | 'parameters' | 'headers' | 'responses', Record<string, object>>

const INFO = {
  title: 'KYC API',
  version: '1',
  description:
    'KYC cases verified with Persona. Every error is a problem (RFC 9457) with a stable `code`. HEAD works where GET ' +
    'does; another method than those of a path is 405 `method_not_allowed`, with `Allow`.',
  license: { name: 'MIT', identifier: 'MIT' },
}

const TAGS = {
  audit: 'Who asked for what',
  cases: 'One person’s verification each',
  claims: 'The on-chain claims of verified cases',
  decisions: 'Manual controls, passed to Persona',
  events: 'What happened to cases',
  webhooks: 'What Persona calls, and whether the service works',
}

// The order in which a linter wants the methods of one path.
const METHODS = ['GET', 'POST', 'PUT', 'DELETE']

/** Returns the OpenAPI 3.1 description of these routes, made from the schemas that validate them. */
export function createOpenApi(routes: readonly Route[]): object {
  const components: Components = { schemas: toNamedSchemas(routes), parameters: {}, headers: {}, responses: {} }
  const paths = [...new Set(routes.map(({ path }) => path))].map((path) => [
    path.replaceAll(/:(\w+)/g, '{$1}'),
    toPathItem(
      components,
      routes.filter((route) => route.path === path),
    ),
  ])
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '..', description: 'Where this description is, without its last two segments' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(paths),
    'x-other-responses': { ...toProblems(components, listMethodProblems()), 405: toMethodNotAllowed(components) },
    components: { ...components, securitySchemes: { bearer: BEARER } },
  }
}

const BEARER = { type: 'http', scheme: 'bearer', description: 'Or what else the app’s `authorize` asks for' }

function toPathItem(components: Components, routes: readonly Route[]): object {
  const sorted = [...routes].sort((one, other) => METHODS.indexOf(one.method) - METHODS.indexOf(other.method))
  return Object.fromEntries(sorted.map((route) => [route.method.toLowerCase(), toOperation(components, route)]))
}

function toOperation(components: Components, route: Route): object {
  return {
    operationId: toOperationId(route),
    tags: [toTag(route)],
    summary: route.summary,
    description: toCallers(route),
    parameters: toParameters(route).map((parameter) =>
      share(components, 'parameters', `${parameter.in}.${parameter.name}`, parameter),
    ),
    security: toSecurity(route),
    ...(route.bodySchema !== undefined && { requestBody: toRequestBody(route, route.bodySchema) }),
    responses: { ...toAnswers(components, route), ...toProblems(components, listProblems(route)) },
  }
}

/** An empty requirement means that nobody has to show anything. */
function toSecurity(route: Route): object[] {
  if (isGuarded(route)) return [{ bearer: [] }]
  return route.action === null ? [] : [{}, { bearer: [] }]
}

function toOperationId({ method, path }: Route): string {
  const words = path.split('/').filter((part) => part !== '')
  return [method.toLowerCase(), ...words.map((word) => word.replaceAll(/[^a-z]+/g, '-').replace(/^-/, ''))].join('-')
}

function toTag({ path, action }: Route): keyof typeof TAGS {
  if (path.startsWith('/webhooks/')) return 'webhooks'
  if (action === 'kyc:claim') return 'claims'
  if (action === 'kyc:decide') return 'decisions'
  if (action === 'audit:read') return 'audit'
  return action === 'events:read' ? 'events' : 'cases'
}

function toCallers(route: Route): string {
  const { action, body, keepsTo } = route
  if (body === 'raw') return 'For Persona, which signs the bytes of the body.'
  if (action === null) return 'For everybody.'
  if (!isGuarded(route)) return `For everybody; who may do \`${action}\` is told more.`
  return `For callers who may do \`${action}\`${LIMITS[keepsTo ?? '']}.`
}

/** About which cases a caller may call a route who may not see all of them. */
const LIMITS: Readonly<Record<string, string>> = {
  '': ' on all cases',
  claimable: ', on all cases or the claimable ones',
  own: ', on all cases or their own',
  either: ', on all cases, the claimable ones or their own',
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
}

const CASE_ID = {
  name: 'case_id',
  in: 'path',
  required: true,
  description: 'The id of a case.',
  schema: { type: 'string', minLength: 1 },
  example: '504e4a9e-beab-4149-9c61-1d264ff02182',
} as const

function toParameters({ path, querySchema, headerSchema }: Route): Parameter[] {
  const inPath = path.includes(':case_id') ? [CASE_ID] : []
  return [...inPath, ...toNamed('query', querySchema), ...toNamed('header', headerSchema)]
}

function toNamed(place: 'query' | 'header', members: z.ZodObject | undefined): Parameter[] {
  return Object.entries(members?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = toParameterSchema(toSchema(schema as z.ZodType, 'input'))
    return { name, in: place, required: !z.safeParse(schema, undefined).success, description, schema: rest }
  })
}

/** A URL has no null: a parameter whose default that is may be left out, and that is all. */
function toParameterSchema(schema: JsonSchema): JsonSchema {
  const { anyOf, default: fallback, ...rest } = schema
  return fallback === null && Array.isArray(anyOf) ? { ...anyOf[0], ...rest } : schema
}

/** A body that may be empty may be left out. */
function toRequestBody({ body }: Route, schema: z.ZodType): object {
  return {
    required: body === 'raw' || !schema.safeParse({}).success,
    content: { 'application/json': { schema: toReference(schema, 'input') } },
  }
}

function toAnswers(components: Components, { answers }: Route): Record<string, object> {
  const entries = Object.entries(answers).map(([status, schema]) => [
    status,
    {
      description: `${TITLES[status] ?? ''}${schema.description ?? ''}`,
      headers: toHeaders(components, []),
      content: { 'application/json': { schema: toReference(schema, 'output') } },
    },
  ])
  return Object.fromEntries(entries)
}

const TITLES: Readonly<Record<string, string>> = { 201: 'A new one. ', 503: 'Not at the moment. ' }

function toProblems(components: Components, problems: readonly RouteProblem[]): Record<string, object> {
  const statuses = [...new Set(problems.map(({ status }) => status))]
  return Object.fromEntries(
    statuses.map((status) => {
      const possible = problems.filter((problem) => problem.status === status)
      const name = possible.map(({ code }) => toPascalCase(code)).join('Or')
      return [status, share(components, 'responses', name, toProblem(components, status, possible))]
    }),
  )
}

function toPascalCase(code: string): string {
  return code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function toProblem(components: Components, status: number, problems: readonly Omit<RouteProblem, 'status'>[]) {
  const codes = [...new Set(problems.map(({ code }) => code))]
  const schema = {
    allOf: [toReference(problemAnswer, 'output'), { properties: { status: { const: status }, code: { enum: codes } } }],
  }
  return {
    description: problems.map(({ code, meaning }) => `\`${code}\`: ${meaning}`).join('; '),
    headers: toHeaders(components, [
      ...(codes.includes('unauthenticated') ? (['WWW-Authenticate'] as const) : []),
      ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ]),
    content: { 'application/problem+json': { schema } },
  }
}

function toMethodNotAllowed(components: Components): object {
  const { headers, ...rest } = toProblem(components, 405, [
    { code: 'method_not_allowed', meaning: '`Allow` says which the path has' },
  ])
  return { ...rest, headers: { ...headers, Allow: ALLOW } }
}

const ALLOW = { required: true, description: 'The methods that the path has.', schema: { type: 'string' } }

const HEADERS = {
  'Cache-Control': { description: 'Nothing is to be kept.', schema: { const: 'no-store' } },
  'WWW-Authenticate': { description: 'How to authenticate (RFC 6750).', schema: { type: 'string' } },
  'Retry-After': { description: 'When to come again, in seconds.', schema: { type: 'integer', minimum: 0 } },
}

function toHeaders(components: Components, names: readonly (keyof typeof HEADERS)[]): object {
  const entries = (['Cache-Control', ...names] as const).map((name) => [
    name,
    share(components, 'headers', name, { required: true, ...HEADERS[name] }),
  ])
  return Object.fromEntries(entries)
}

/** Puts a part among the components, and returns a reference to it; the part itself where its name stands for another. */
function share(components: Components, kind: keyof Components, name: string, part: object): object {
  const shared = components[kind]
  shared[name] ??= part
  return JSON.stringify(shared[name]) === JSON.stringify(part) ? { $ref: `#/components/${kind}/${name}` } : part
}

function toNamedSchemas(routes: readonly Route[]): Record<string, JsonSchema> {
  const bodies = new Set(routes.map(({ bodySchema }) => bodySchema && namedSchemas.get(bodySchema)?.id))
  const inputs = z.toJSONSchema(namedSchemas, { ...OPTIONS, io: 'input' }).schemas
  const outputs = z.toJSONSchema(namedSchemas, { ...OPTIONS, io: 'output' }).schemas
  const entries = Object.entries(outputs).map(([name, output]) => [
    name,
    withoutIds((bodies.has(name) && inputs[name]) || output),
  ])
  return Object.fromEntries(entries)
}

const OPTIONS = {
  target: 'draft-2020-12',
  uri: (id: string) => `#/components/schemas/${id}`,
  override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) {
    // A format says it shorter, and every number of JavaScript ends there.
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  },
} as const

function toReference(schema: z.ZodType, io: 'input' | 'output'): object {
  const name = namedSchemas.get(schema)?.id
  return name === undefined ? toSchema(schema, io) : { $ref: OPTIONS.uri(name) }
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { uri, ...options } = OPTIONS
  return withoutIds(z.toJSONSchema(schema, { ...options, io }))
}

function withoutIds({ $schema, $id, ...rest }: JsonSchema): JsonSchema {
  return rest
}
