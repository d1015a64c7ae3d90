import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect } from 'vitest'
import type { TestAnswer } from './client.js'

/** Persona's official description, beside the repository. It is not part of it. */
const DESCRIPTION_FILE = fileURLToPath(
  new URL('../../../../../shared/persona/openapi-2025-12-08.json', import.meta.url),
)
export const hasDescription = existsSync(DESCRIPTION_FILE)

const RATE_LIMIT_HEADERS = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']
const ID_HEADERS = ['Request-Id', 'Persona-Environment-Id', 'Persona-Organization-Id']

interface Described {
  readonly $ref?: string
  readonly content?: Record<string, { schema: object }>
  readonly headers?: Record<string, unknown>
}

/** Checks answers and events against the description. */
export interface PersonaDescription {
  /** Fails unless the operation describes an answer with this status, these headers and this body. */
  expectAnswer(operation: string, answer: TestAnswer): void
  /** Fails unless the body is one that the description of the webhook `name` allows. */
  expectWebhook(name: string, body: unknown): void
  /** The operations and statuses that were checked, such as `POST /inquiries 201`. */
  readonly checked: ReadonlySet<string>
}

export function loadPersonaDescription(): PersonaDescription {
  const document = JSON.parse(readFileSync(DESCRIPTION_FILE, 'utf8'))
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addFormat('integer', true)
  ajv.addSchema(document, 'persona')
  const checked = new Set<string>()
  const expectValid = (pointer: string, value: unknown) => {
    const validate = ajv.getSchema(`persona#${pointer}`) ?? ajv.compile({ $ref: `persona#${pointer}` })
    expectNoViolations(validate, value)
  }
  return {
    checked,
    expectAnswer(operation, { status, headers, body }) {
      const [method = '', path = ''] = operation.split(' ')
      const described: Described | undefined = document.paths[path][method.toLowerCase()].responses[status]
      if (described === undefined) throw new Error(`${operation} describes no answer ${status}`)
      const place = described.$ref?.slice(1) ?? toPointer('paths', path, method.toLowerCase(), 'responses', status)
      expectHeaders(headers, described.$ref === '#/components/responses/unauthorized')
      expectValid(`${place}/${toPointer('content', 'application/json', 'schema').slice(1)}`, body)
      checked.add(`${operation} ${status}`)
    },
    expectWebhook(name, body) {
      const place = ['webhooks', name, 'post', 'requestBody', 'content', 'application/json', 'schema']
      expectValid(toPointer(...place), body)
      checked.add(name)
    },
  }
}

function expectNoViolations(validate: ValidateFunction, value: unknown): void {
  validate(value)
  expect(validate.errors ?? []).toEqual([])
}

function expectHeaders(headers: Headers, isUnauthorized: boolean): void {
  expect(headers.get('Content-Type')).toContain('application/json')
  for (const name of RATE_LIMIT_HEADERS) {
    if (isUnauthorized) expect(headers.get(name)).toBeNull()
    else expect(headers.get(name)).toMatch(/^\d+$/)
  }
  for (const name of ID_HEADERS) {
    if (isUnauthorized) expect(headers.get(name)).toBeNull()
    else expect(headers.get(name)).toMatch(/^(req|env|org)_\w+$/)
  }
}

function toPointer(...parts: (string | number)[]): string {
  return parts
    .map((part) => `/${encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))}`)
    .join('')
}
