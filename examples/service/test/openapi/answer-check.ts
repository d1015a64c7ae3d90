import type { ApiAnswer, ApiDescription, Operation, Parameter } from '../../../../test-setup/openapi/api-description.js'
import { type ApiRequest, toQueryText } from './api-request.js'
import { type Credential, isSigned, type RequestPlan } from './request-plan.js'

/** Whether a request is as the description has it; unknown where the description does not say. */
type Validity = 'valid' | 'invalid' | 'unknown'

/** What a valid request is never refused with. */
const REFUSALS = ['invalid_json', 'invalid_request', 'unauthenticated', 'signature_invalid', 'forbidden']
const REFUSED_STATUSES = [401, 403, 405, 413, 414, 415, 431]

/** Known, but not let do everything. */
const HELD_BACK: readonly Credential[] = ['limited', 'powerless']

const MAX_URL_LENGTH = 4000
const MAX_BODY_BYTES = 65_536
const MAX_WEBHOOK_BYTES = 1_048_576
const MAX_DEPTH = 32

/** Returns what is wrong with an answer: nothing where it is what the description lets a caller expect. */
export function findWrongs(
  description: ApiDescription,
  plan: RequestPlan,
  request: ApiRequest,
  answer: ApiAnswer,
): string[] {
  const { method, path } = request
  if (answer.status >= 500) return ['a request of a caller makes the server fail']
  const { pathname } = new URL(`http://localhost${path}`)
  if (pathname !== path) return findPathWrongs(description, method, pathname, answer)
  const found = description.match(method, path)
  if (found === null)
    return answer.status === 404 ? [] : ['a path that is not described is answered with another status than 404']
  const faults = description.findFaults(method, path, answer)
  return found.operation === null
    ? faults
    : [...faults, ...findMeaningWrongs(description, found.operation, { plan, request, answer })]
}

/** Guards before a server compare paths as they were sent: whether it tidies up first is its own affair. */
function findPathWrongs(description: ApiDescription, method: string, pathname: string, answer: ApiAnswer): string[] {
  return answer.status === 404 ? [] : description.findFaults(method, pathname, answer)
}

function findMeaningWrongs(
  description: ApiDescription,
  operation: Operation,
  { plan, request, answer }: { readonly plan: RequestPlan; readonly request: ApiRequest; readonly answer: ApiAnswer },
): string[] {
  const { status } = answer
  if (request.path.length + toQueryText(request).length > MAX_URL_LENGTH) return []
  if (isUnknownCaller(operation, plan) && !isRefusedUnheard(operation, request, status))
    return status === 401 ? [] : ['a caller that nobody knows is not answered with 401']
  const validity = judge(description, operation, request)
  if (validity === 'invalid') return status < 400 ? ['a request that is not as described is accepted'] : []
  if (validity === 'unknown' || HELD_BACK.includes(plan.credential)) return []
  const isRefused = REFUSED_STATUSES.includes(status) || REFUSALS.includes(readCode(answer))
  return isRefused ? ['a request that is as described is refused'] : []
}

function isUnknownCaller(operation: Operation, { credential, signing }: RequestPlan): boolean {
  if (isSigned(operation)) return signing !== 'signed'
  return operation.isGuarded && credential !== 'full' && !HELD_BACK.includes(credential)
}

/** Whoever asks: a query that is ambiguous is nobody's, and nobody's signature makes a body shorter. */
function isRefusedUnheard(operation: Operation, request: ApiRequest, status: number): boolean {
  if (status === 413) return isSigned(operation) && (request.body?.length ?? 0) > MAX_WEBHOOK_BYTES
  return status === 400 && isRepeated(request)
}

function readCode({ text }: ApiAnswer): string {
  return text.startsWith('{') ? String((JSON.parse(text) as { code?: unknown }).code) : ''
}

function judge(description: ApiDescription, operation: Operation, request: ApiRequest): Validity {
  return toWorst([
    ...operation.parameters.map((parameter) => judgeParameter(description, parameter, request)),
    judgeQueryNames(operation, request),
    judgeBody(description, operation, request),
  ])
}

function toWorst(verdicts: readonly Validity[]): Validity {
  if (verdicts.includes('unknown')) return 'unknown'
  return verdicts.includes('invalid') ? 'invalid' : 'valid'
}

function judgeParameter(
  description: ApiDescription,
  { name, in: place, required, schema }: Parameter,
  request: ApiRequest,
): Validity {
  const value = readParameter(request, place, name)
  if (value === undefined) return required ? 'invalid' : 'valid'
  if (schema.type !== 'integer') return description.isValid(schema, value) ? 'valid' : 'invalid'
  if (/^-?\d+$/.test(value)) return description.isValid(schema, Number(value)) ? 'valid' : 'invalid'
  // The description does not say how a number is written.
  return description.isValid(schema, Number(value)) ? 'unknown' : 'invalid'
}

function readParameter(
  { pathValues, query, headers }: ApiRequest,
  place: Parameter['in'],
  name: string,
): string | undefined {
  if (place === 'path') return pathValues[name]
  if (place === 'query') return query.find(([other]) => other === name)?.[1]
  // What surrounds a value is no part of it (RFC 9110, section 5.5).
  return headers[name]?.replaceAll(/^[ \t]+|[ \t]+$/g, '')
}

/** A description does not say what becomes of members that it does not have, or has once. */
function judgeQueryNames({ parameters }: Operation, request: ApiRequest): Validity {
  const isKnown = (name: string) => parameters.some((parameter) => parameter.in === 'query' && parameter.name === name)
  return !isRepeated(request) && request.query.every(([name]) => isKnown(name)) ? 'valid' : 'unknown'
}

function isRepeated({ query }: ApiRequest): boolean {
  return new Set(query.map(([name]) => name)).size < query.length
}

function judgeBody(description: ApiDescription, { body }: Operation, request: ApiRequest): Validity {
  if (body === null) return 'valid'
  const bytes = request.body ?? new Uint8Array()
  if (bytes.length === 0) return body.required ? 'invalid' : 'valid'
  if (bytes.length > MAX_BODY_BYTES || request.headers['content-type'] !== body.contentType) return 'unknown'
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    if (!description.isValid(body.schema, value)) return 'invalid'
    return toDepth(value) > MAX_DEPTH || hasProto(value) ? 'unknown' : 'valid'
  } catch {
    return bytes[0] === 0xef ? 'unknown' : 'invalid'
  }
}

function toDepth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(toDepth))
}

function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto)
}
