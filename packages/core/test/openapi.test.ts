import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { ROUTES } from '../src/routes.js'
import { createTestHandler } from './test-handler.js'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: object
}

interface Response {
  readonly description: string
  readonly headers: object
  readonly content: Record<string, { schema: ProblemSchema }>
}

interface ProblemSchema {
  readonly allOf?: readonly [object, { readonly properties: { readonly code: { readonly enum: string[] } } }]
}

interface Referring {
  readonly $ref?: string
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: (Parameter & Referring)[]
  readonly security: object[]
  readonly requestBody?: { content: Record<string, { schema: object }> }
  readonly responses: Record<string, Response & Referring>
}

interface Document {
  readonly openapi: string
  readonly info: object
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: Record<string, Record<string, object>>
}

async function readDocument(): Promise<Document> {
  const { call } = createTestHandler()
  const { status, json } = await call('GET', '/compliance/openapi.json')
  expect(status).toBe(200)
  return json as unknown as Document
}

/** The operations, with what they refer to in its place, but for schemas. */
async function readOperations() {
  const { paths, components } = await readDocument()
  const follow = <Part extends Referring>(part: Part): Part => {
    const [, , kind = '', name = ''] = part.$ref?.split('/') ?? []
    return part.$ref === undefined ? part : (components[kind]?.[name] as Part)
  }
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const entries = Object.entries(operation.responses).map(
        ([status, response]) => [status, follow(response)] as const,
      )
      const responses: Record<string, Response> = Object.fromEntries(entries)
      return { path, method, operation: { ...operation, parameters: operation.parameters.map(follow), responses } }
    }),
  )
}

async function createValidator() {
  const { components } = await readDocument()
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false })
  addFormats.default(ajv)
  ajv.addKeyword('components')
  return (schema: object) => ajv.compile({ ...schema, components })
}

const CLEAR_CLAIM = 'delete-compliance-kyc-case-id-claim'

/** Who needs no token; who may show one is told more. */
const SECURITY: Readonly<Record<string, object[]>> = {
  '/webhooks/persona/inquiry': [],
  '/webhooks/persona/health': [{}, { bearer: [] }],
}

describe('the description', () => {
  it('is OpenAPI 3.1 with every route', async () => {
    const document = await readDocument()
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    const described = (await readOperations()).map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    const routes = ROUTES.map(({ path, method }) => `${method} ${path.replace(':case_id', '{case_id}')}`)
    expect(described.sort()).toEqual(routes.sort())
    expect(new Set(described).size).toBe(ROUTES.length)
  })

  it('names each operation once', async () => {
    const ids = (await readOperations()).map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/)
  })

  it('describes each parameter of a path, and no other', async () => {
    for (const { path, operation } of await readOperations()) {
      const inPath = operation.parameters.filter((parameter) => parameter.in === 'path')
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(inPath.every(({ required }) => required)).toBe(true)
    }
  })

  it('requires both parts of the claim that is to be cleared, in the query', async () => {
    const operations = await readOperations()
    const { operation } = operations.find(({ operation: { operationId: id } }) => id === CLEAR_CLAIM) ?? {}
    const inQuery = operation?.parameters.filter((parameter) => parameter.in === 'query')
    expect(inQuery).toMatchObject([
      { name: 'kyc_claim_id', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } },
      { name: 'kyc_claim_tx_hash', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } },
    ])
    expect(operation).not.toHaveProperty('requestBody')
  })

  it('has schemas that a strict validator takes', async () => {
    const compile = await createValidator()
    const operations = (await readOperations()).map(({ operation }) => operation)
    const bodies = operations.flatMap(({ requestBody, responses }) => [requestBody, ...Object.values(responses)])
    const schemas = [
      ...bodies.flatMap((body) => Object.values(body?.content ?? {}).map(({ schema }) => schema)),
      ...operations.flatMap(({ parameters }) => parameters.map(({ schema }) => schema)),
    ]
    const distinct = new Set(schemas.map((schema) => JSON.stringify(schema)))
    expect(distinct.size).toBeGreaterThan(20)
    for (const schema of distinct) expect(() => compile(JSON.parse(schema) as object)).not.toThrow()
  })

  it('has a security requirement wherever authorize is asked, and 401 and 403', async () => {
    for (const { path, operation } of await readOperations()) {
      expect(operation.security).toEqual(SECURITY[path] ?? [{ bearer: [] }])
      const statuses = Object.keys(operation.responses)
      if (SECURITY[path] === undefined) expect(statuses).toEqual(expect.arrayContaining(['401', '403', '500']))
    }
  })

  it('describes every error as a problem', async () => {
    for (const { path, operation } of await readOperations()) {
      for (const [status, { content, description }] of Object.entries(operation.responses)) {
        expect(description).not.toBe('')
        const isHealth = path === '/webhooks/persona/health' && status === '503'
        const type = Number(status) < 400 || isHealth ? 'application/json' : 'application/problem+json'
        expect(Object.keys(content)).toEqual([type])
      }
    }
  })

  it('accepts and refuses the bodies that the routes accept and refuse', async () => {
    const { call } = createTestHandler()
    const { paths } = await readDocument()
    const schema = paths['/compliance/kyc']?.post?.requestBody?.content['application/json']?.schema ?? {}
    const validate = (await createValidator())(schema)
    const bodies = [
      { user_id: 'a', document_type: 'b' },
      { user_id: 'a', document_type: 'b', personal_info: { x: [1] }, document_data: {} },
      { user_id: '', document_type: 'b' },
      { user_id: 'a' },
      { user_id: 'a', document_type: 'b', more: 1 },
      { user_id: 'a\u0000', document_type: 'b' },
      { user_id: 'a', document_type: 'b', personal_info: [] },
      { user_id: 'x'.repeat(256), document_type: 'b' },
      [],
    ]
    for (const body of bodies) {
      const { status } = await call('POST', '/compliance/kyc', body)
      expect([validate(body), body]).toEqual([status < 400, body])
    }
  })

  it('has each schema once, by its name', async () => {
    const { components, paths } = await readDocument()
    const text = JSON.stringify(paths)
    for (const name of ['Case', 'Session', 'Problem', 'Initiation']) expect(components.schemas).toHaveProperty(name)
    expect(text).not.toContain('verification_score')
    expect(JSON.stringify({ components, paths })).not.toMatch(/"\$(schema|id|defs)"|#\/\$defs/)
  })

  it('says of each problem which codes it has, and with which headers', async () => {
    const responses = (await readOperations()).flatMap(({ path, operation }) =>
      Object.entries(operation.responses).map(([status, response]) => ({
        path,
        status: Number(status),
        codes: response.content['application/problem+json']?.schema.allOf?.[1]?.properties.code.enum ?? [],
        headers: Object.keys(response.headers),
      })),
    )
    const find = (path: string, status: number) =>
      responses.find((response) => response.path === path && response.status === status)
    expect(find('/compliance/kyc/{case_id}/approve', 409)?.codes).toEqual(['case_without_inquiry', 'persona_conflict'])
    expect(find('/webhooks/persona/inquiry', 401)).toMatchObject({ codes: ['signature_invalid'], headers: [CACHE] })
    const unauthenticated = { codes: ['unauthenticated'], headers: [CACHE, 'WWW-Authenticate'] }
    expect(find('/compliance/events', 401)).toMatchObject(unauthenticated)
    expect(find('/compliance/events', 503)?.headers).toEqual([CACHE, 'Retry-After'])
    expect(find('/compliance/kyc', 201)?.headers).toEqual([CACHE])
    for (const { status, codes, path } of responses) {
      const isAnswer = status < 400 || (path === '/webhooks/persona/health' && status === 503)
      expect(codes.length > 0).toBe(!isAnswer)
    }
  })
})

const CACHE = 'Cache-Control'
