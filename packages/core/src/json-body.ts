import type * as z from 'zod'
import { HttpError } from './problem.js'

const MAX_DEPTH = 32

/** Reads JSON and checks it, or throws a 400 that says where it is wrong, never what stood there. */
export function parseJsonBody<Output>(schema: z.ZodType<Output>, bytes: Uint8Array): Output {
  return requireValid(schema, parse(bytes))
}

/** Checks a value that came from a request. */
export function requireValid<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const errors = result.error.issues.slice(0, 20).map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    code: issue.code,
  }))
  throw new HttpError(400, 'invalid_request', { detail: 'The request does not have the form it should.', errors })
}

function parse(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const json: unknown = JSON.parse(text)
    if (!isDeep(text)) return json
  } catch {
    throw new HttpError(400, 'invalid_json', { detail: 'The body is not JSON in UTF-8.' })
  }
  throw new HttpError(400, 'invalid_json', { detail: `The body is nested deeper than ${MAX_DEPTH} levels.` })
}

/** Counts brackets outside strings. Only for valid JSON: strings that never end would take quadratic time. */
function isDeep(text: string): boolean {
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/gs)) {
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
    if (depth > MAX_DEPTH) return true
  }
  return false
}
