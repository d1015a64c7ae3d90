import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** A JSON Schema, as a description holds it. */
export type Schema = Readonly<Record<string, unknown>>

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Schema
}

/** The body that an operation takes. */
export interface RequestBody {
  readonly required: boolean
  readonly contentType: string
  readonly schema: Schema
}

/** One operation of a description, its references followed but those of schemas. */
export interface Operation {
  readonly id: string
  readonly method: string
  /** Such as `/cases/{case_id}`. */
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly body: RequestBody | null
  /** True where a caller must show a credential. */
  readonly isGuarded: boolean
  readonly responses: Readonly<Record<string, DescribedResponse>>
}

interface DescribedResponse {
  readonly headers: Readonly<Record<string, Schema>>
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>
}

/** An answer as it came. */
export interface ApiAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** The path of a request among those of a description. */
export interface PathMatch {
  /** Null where the path has no such method. */
  readonly operation: Operation | null
  /** The methods that the path has. */
  readonly methods: readonly string[]
}

/** An OpenAPI 3.1 description, to make requests of and to hold answers against. */
export interface ApiDescription {
  readonly operations: readonly Operation[]
  /** The operation of a request; null for a path that is not described. HEAD is as GET. */
  match(method: string, path: string): PathMatch | null
  /** What of an answer is not as the description has it; nothing for a path that it does not have. */
  findFaults(method: string, path: string, answer: ApiAnswer): string[]
  isValid(schema: Schema, value: unknown): boolean
  /** The schema that a reference leads to; any other as it is. */
  resolve(schema: Schema): Schema
}

type Json = Readonly<Record<string, unknown>>

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** What an answer may say besides what is described: how it is carried, and what all answers say for safety. */
const UNDESCRIBED_HEADERS = new Set([
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-resource-policy',
  'date',
  'keep-alive',
  'referrer-policy',
  'strict-transport-security',
  'transfer-encoding',
  'x-content-type-options',
  'x-frame-options',
])

/** Reads a description. It must have no references to outside. */
export function readDescription(document: object): ApiDescription {
  const root = document as Json
  const operations = Object.entries(toRecord(root.paths)).flatMap(([path, item]) => readPathItem(root, path, item))
  const others = readResponses(root, root['x-other-responses'])
  const validate = createValidator(root)

  const templates = [...new Set(operations.map((operation) => operation.path))].map((template) => ({
    template,
    pattern: toPattern(template),
  }))

  const match = (method: string, path: string): PathMatch | null => {
    const found =
      templates.find(({ template }) => template === path) ?? templates.find(({ pattern }) => pattern.test(path))
    if (found === undefined) return null
    const ofPath = operations.filter((operation) => operation.path === found.template)
    const wanted = method === 'HEAD' ? 'GET' : method
    return {
      operation: ofPath.find((operation) => operation.method === wanted) ?? null,
      methods: ofPath.map((operation) => operation.method),
    }
  }
  return {
    operations,
    match,
    findFaults(method, path, answer) {
      const found = match(method, path)
      if (found === null) return []
      const responses = found.operation?.responses ?? others
      return [
        ...findResponseFaults(validate, responses[answer.status], { method, answer }),
        ...(answer.status === 405 ? findAllowFaults(found, answer) : []),
      ].map((fault) => `${method} ${found.operation?.path ?? path} ${answer.status}: ${fault}`)
    },
    isValid: (schema, value) => validate(schema, value).length === 0,
    resolve: (schema) => follow(root, schema),
  }
}

function readPathItem(root: Json, path: string, item: unknown): Operation[] {
  return METHODS.flatMap((method) => {
    const operation = toRecord(item)[method]
    return operation === undefined ? [] : [readOperation(root, { path, method, operation: toRecord(operation) })]
  })
}

function readOperation(root: Json, given: { path: string; method: string; operation: Json }): Operation {
  const { path, method, operation } = given
  const security = (operation.security ?? root.security ?? []) as readonly object[]
  return {
    id: String(operation.operationId),
    method: method.toUpperCase(),
    path,
    parameters: ((operation.parameters ?? []) as readonly Json[]).map(
      (parameter) => follow(root, parameter) as unknown as Parameter,
    ),
    body: operation.requestBody === undefined ? null : readBody(follow(root, toRecord(operation.requestBody))),
    isGuarded: security.length > 0 && security.every((requirement) => Object.keys(requirement).length > 0),
    responses: readResponses(root, operation.responses),
  }
}

function readBody({ required, content }: Json): RequestBody | null {
  const [entry] = Object.entries(toRecord(content))
  if (entry === undefined) return null
  const [contentType, media] = entry
  return { required: required === true, contentType, schema: toRecord(toRecord(media).schema) }
}

function readResponses(root: Json, responses: unknown): Record<string, DescribedResponse> {
  const entries = Object.entries(toRecord(responses)).map(([status, given]) => {
    const { headers, content } = follow(root, toRecord(given))
    const followed = Object.entries(toRecord(headers)).map(([name, header]) => [name, follow(root, toRecord(header))])
    return [status, { headers: Object.fromEntries(followed), content: content ?? {} }]
  })
  return Object.fromEntries(entries)
}

type Validate = (schema: Schema, value: unknown) => string[]

function createValidator(root: Json): Validate {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
  addFormats.default(ajv)
  const compiled = new Map<Schema, ValidateFunction>()
  return (schema, value) => {
    const validate = compiled.get(schema) ?? ajv.compile({ ...schema, components: root.components })
    compiled.set(schema, validate)
    validate(value)
    return (validate.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`)
  }
}

function findResponseFaults(
  validate: Validate,
  response: DescribedResponse | undefined,
  { method, answer }: { method: string; answer: ApiAnswer },
): string[] {
  if (response === undefined) return ['the status is not described']
  const media = response.content[answer.headers['content-type'] ?? '']
  if (media === undefined) return ['the content type is not described', ...findHeaderFaults(validate, response, answer)]
  return [
    ...findHeaderFaults(validate, response, answer),
    ...findBodyFaults(validate, media.schema, method, answer.text),
  ]
}

function findHeaderFaults(validate: Validate, { headers }: DescribedResponse, answer: ApiAnswer): string[] {
  const described = Object.entries(headers).flatMap(([name, { required, schema }]) => {
    const value = answer.headers[name.toLowerCase()]
    if (value === undefined) return required === true ? [`the header ${name} is missing`] : []
    const errors = validate(toRecord(schema), toRecord(schema).type === 'integer' ? Number(value) : value)
    return errors.map((error) => `the header ${name}${error}`)
  })
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const others = Object.keys(answer.headers).filter((name) => !names.has(name) && !UNDESCRIBED_HEADERS.has(name))
  return [...described, ...others.map((name) => `the header ${name} is not described`)]
}

function findBodyFaults(validate: Validate, schema: Schema, method: string, text: string): string[] {
  if (method === 'HEAD') return text === '' ? [] : ['the answer to HEAD has a body']
  try {
    return validate(schema, JSON.parse(text))
  } catch {
    return ['the body is not JSON']
  }
}

function findAllowFaults({ methods }: PathMatch, { headers }: ApiAnswer): string[] {
  const allowed = (headers.allow ?? '').split(', ').sort()
  return allowed.join() === [...methods].sort().join() ? [] : ['Allow does not list the methods of the path']
}

function follow(root: Json, value: Json): Json {
  if (typeof value.$ref !== 'string') return value
  const parts = value.$ref.slice(2).split('/')
  return follow(root, toRecord(parts.reduce<unknown>((at, part) => toRecord(at)[part], root)))
}

function toRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

function toPattern(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}
