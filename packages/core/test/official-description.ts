import { existsSync, readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { TestContext } from 'vitest'
import { isJsonObject, type JsonObject, type JsonValue } from '../src/inflection.js'

const FILE = new URL('../../../../shared/persona/openapi-2025-12-08.json', import.meta.url)
const ROOT = 'persona.json'

/** Persona's own OpenAPI description. It lies beside the repository, not in it. */
export interface OfficialDescription {
  readonly document: JsonObject
  /** The value at that path, its references followed. */
  find(...path: string[]): JsonValue | undefined
  /** A check against the schema at that path of the document. */
  compile(...path: string[]): ValidateFunction
}

/** Returns the description, or skips the test and says why. */
export function requireOfficialDescription(context: TestContext): OfficialDescription {
  if (!existsSync(FILE)) context.skip('the official description is not beside the repository (../shared/persona)')
  cached ??= load()
  return cached
}

let cached: OfficialDescription | undefined

function load(): OfficialDescription {
  const document = JSON.parse(readFileSync(FILE, 'utf8')) as JsonObject
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
  addFormats.default(ajv)
  ajv.addSchema(document, ROOT)

  const find = (...path: string[]) => locate(document, path).value
  return {
    document,
    find,
    compile: (...path) => ajv.compile({ $ref: `${ROOT}#/${locate(document, path).path.map(toPointer).join('/')}` }),
  }
}

/** Where a path leads once the references on it are followed, and the value there. */
function locate(document: JsonObject, path: string[]): { path: string[]; value: JsonValue | undefined } {
  const start: { path: string[]; value: JsonValue | undefined } = { path: [], value: document }
  return path.reduce((at, key) => {
    const next = { path: [...at.path, key], value: toMember(at.value, key) }
    const ref = isJsonObject(next.value) ? next.value.$ref : undefined
    return typeof ref === 'string' ? locate(document, ref.slice(2).split('/').map(fromPointer)) : next
  }, start)
}

function toMember(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (Array.isArray(value)) return value[Number(key)]
  return isJsonObject(value) ? value[key] : undefined
}

function toPointer(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))
}

function fromPointer(part: string): string {
  return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
}
