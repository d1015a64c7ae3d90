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
  const json = parseText(bytes)
  requireHarmless(json, 1)
  return json
}

function parseText(bytes: Uint8Array): unknown {
  try {
    // A byte order mark is no JSON (RFC 8259, section 8.1), and the decoder would drop it.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw new HttpError(400, 'invalid_json', { detail: 'The body is not JSON in UTF-8.' })
  }
}

/** Refuses what would reach deeper than the stack of whoever copies it, or into the prototype of the copy. */
function requireHarmless(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > MAX_DEPTH) {
    throw new HttpError(400, 'invalid_json', { detail: `The body is nested deeper than ${MAX_DEPTH} levels.` })
  }
  if (Object.hasOwn(value, '__proto__')) {
    throw new HttpError(400, 'invalid_json', { detail: 'The body has a member that is named __proto__.' })
  }
  for (const member of Object.values(value)) requireHarmless(member, depth + 1)
}
