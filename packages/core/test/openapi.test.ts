import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { ROUTES } from '../src/routes.js'
import { createTestHandler } from './test-handler.js'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: { name: string; in: string; required: boolean; schema: object }[]
  readonly security?: object[]
  readonly requestBody?: { content: Record<string, { schema: object }> }
  readonly responses: Record<string, { description: string; content: Record<string, { schema: object }> }>
}

async function readDocument() {
  const { call } = createTestHandler()
  const { status, json } = await call('GET', '/compliance/openapi.json')
  expect(status).toBe(200)
  return json as unknown as { openapi: string; info: object; paths: Record<string, Record<string, Operation>> }
}

async function readOperations() {
  const { paths } = await readDocument()
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )
}

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false })
  addFormats.default(ajv)
  return ajv
}

describe('the description', () => {
  it('is OpenAPI 3.1 with every route', async () => {
    const document = await readDocument()
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    const described = (await readOperations()).map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    const routes = ROUTES.map(({ path, method }) => `${method} ${path.replace(':case_id', '{case_id}')}`)
    expect(described.sort()).toEqual(routes.sort())
    expect(described).toHaveLength(14)
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
    const { paths } = await readDocument()
    const operation = paths['/compliance/kyc/{case_id}/claim']?.delete
    const inQuery = operation?.parameters.filter((parameter) => parameter.in === 'query')
    expect(inQuery).toMatchObject([
      { name: 'kyc_claim_id', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } },
      { name: 'kyc_claim_tx_hash', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } },
    ])
    expect(operation).not.toHaveProperty('requestBody')
  })

  it('has schemas that a strict validator takes', async () => {
    const ajv = createAjv()
    for (const { operation } of await readOperations()) {
      const contents = [operation.requestBody, ...Object.values(operation.responses)].map((part) => part?.content ?? {})
      const schemas = contents.flatMap((content) => Object.values(content).map(({ schema }) => schema))
      for (const schema of [...schemas, ...operation.parameters.map((parameter) => parameter.schema)]) {
        expect(() => ajv.compile(schema)).not.toThrow()
        expect(JSON.stringify(schema)).not.toContain('$schema')
      }
    }
  })

  it('has a security requirement wherever authorize is asked, and 401 and 403', async () => {
    for (const { path, operation } of await readOperations()) {
      const isOpen = path.startsWith('/webhooks/')
      expect(operation.security).toEqual(isOpen ? undefined : [{ bearer: [] }])
      if (!isOpen) expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '500']))
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
    const schema = paths['/compliance/kyc']?.post?.requestBody?.content['application/json']?.schema ?? false
    const validate = createAjv().compile(schema)
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
})
