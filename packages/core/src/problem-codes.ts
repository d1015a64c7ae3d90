import type { Route } from './routes.js'

/** One of the problems that a route may answer with. */
export interface RouteProblem {
  readonly status: number
  /** Stable: what a client branches on. */
  readonly code: string
  readonly meaning: string
}

/** Returns the problems of a route: those of its statuses that are possible there. */
export function listProblems(route: Route): RouteProblem[] {
  const statuses = new Set([...route.problems, ...ANYWHERE, ...(hasBody(route) ? [408, 413] : [])])
  if (isGuarded(route)) statuses.add(401)
  return PROBLEMS.filter(([status, , , isPossible]) => statuses.has(status) && isPossible(route)).map(toRouteProblem)
}

function toRouteProblem([status, code, meaning]: ProblemRule): RouteProblem {
  return { status, code, meaning }
}

/** Returns the problems besides 405 of a request with a method that its path does not have. */
export function listMethodProblems(): RouteProblem[] {
  return PROBLEMS.filter(([, code]) => BEFORE_METHOD.includes(code)).map(toRouteProblem)
}

/** The statuses that every route has. */
const ANYWHERE = [400, 403, 414, 431, 500]

/** What is looked at before it is known which route is meant. */
const BEFORE_METHOD = ['invalid_request', 'https_required', 'url_too_long', 'headers_too_large']

/** True where `authorize` decides who is let in. */
export function isGuarded({ action, isOpen }: Route): boolean {
  return action !== null && isOpen !== true
}

const always = () => true
/** Also one that nobody wants is read, but that of a GET. */
const hasBody = ({ method }: Route) => method !== 'GET'
const usesBody = ({ body }: Route) => body !== 'none'
const isJson = ({ body }: Route) => body === 'json'
const isSigned = ({ body }: Route) => body === 'raw'
const hasCursor = ({ querySchema }: Route) => querySchema !== undefined && 'after' in querySchema.shape
const asksPersona = ({ problems }: Route) => problems.includes(502)

function isOf(...actions: readonly string[]): (route: Route) => boolean {
  return ({ action }) => action !== null && actions.includes(action)
}

/** Status, code, what it means, and on which of the routes with this status it is possible. */
type ProblemRule = readonly [number, string, string, (route: Route) => boolean]

const PROBLEMS: readonly ProblemRule[] = [
  [
    400,
    'invalid_json',
    'the body is not JSON in UTF-8, nested deeper than 32 levels, or has a member `__proto__`',
    isJson,
  ],
  [400, 'invalid_request', 'something does not have the form it should, or is given twice', always],
  [400, 'argument_invalid', 'a cursor that no page gave', hasCursor],
  [400, 'argument_invalid', 'a text that cannot be stored', isOf('kyc:initiate', 'kyc:claim')],
  [400, 'body_interrupted', 'the body ended early', hasBody],
  [400, 'event_malformed', 'correctly signed, but no event', isSigned],
  [401, 'unauthenticated', 'authentication is missing or not accepted', isGuarded],
  [401, 'signature_invalid', 'the signature is not accepted, whatever the reason', isSigned],
  [403, 'forbidden', 'this caller may not do this', isGuarded],
  [403, 'forbidden', 'not from this address', isSigned],
  [403, 'https_required', 'not in clear', always],
  [404, 'case_not_found', 'there is no such case', always],
  [408, 'body_timeout', 'the body did not arrive in time', always],
  [409, 'case_not_verified', 'only a verified case takes a claim', ({ method }) => method === 'PUT'],
  [409, 'claim_conflict', 'the case has another claim already', isOf('kyc:claim')],
  [409, 'case_not_resumable', 'decided, redacted, or no session left', isOf('kyc:resume')],
  [409, 'case_erased', 'the case was erased', isOf('kyc:initiate', 'kyc:resume')],
  [409, 'case_without_inquiry', 'the start was cut off: start again for the same user', isOf('kyc:decide')],
  [409, 'persona_conflict', 'Persona refuses this in the inquiry’s present state', asksPersona],
  [413, 'body_too_large', 'the body is too large', always],
  [414, 'url_too_long', 'the URL is too long', always],
  [415, 'unsupported_media_type', 'the body must be `application/json`', always],
  [429, 'rate_limited', 'too many of these', always],
  [431, 'headers_too_large', 'the headers are too large', always],
  [500, 'internal_error', 'the server failed; its log says why', always],
  [500, 'storage_failed', 'the storage refused the work', always],
  [500, 'configuration_invalid', 'the server is set up wrongly', always],
  [500, 'raw_body_unavailable', 'something in the app read the body before this route', usesBody],
  [502, 'persona_refused', 'Persona does not accept the key or the request of this server', always],
  [503, 'storage_unavailable', 'the storage cannot be reached', always],
  [503, 'authorization_unavailable', 'nobody can be authenticated', isGuarded],
  [503, 'secrets_unavailable', 'the secrets of the webhook cannot be had', isSigned],
  [503, 'initiation_in_progress', 'the inquiry is just being created', isOf('kyc:initiate', 'kyc:resume', 'kyc:erase')],
  [503, 'persona_rate_limited', 'Persona’s rate limit is used up', asksPersona],
  [503, 'persona_unavailable', 'Persona cannot be used', asksPersona],
]
