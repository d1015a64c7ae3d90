import { admit, type Match } from './admission.js'
import type { Authorize } from './authorize.js'
import type { KycEngine } from './engine.js'
import { ConfigurationError, KycError } from './errors.js'
import { type Logger, toLogFields, toSafeLogger } from './logger.js'
import { createOpenApi } from './openapi.js'
import { HttpError, toProblemResponse } from './problem.js'
import { readBody } from './request-body.js'
import { ROUTES, type Route } from './routes.js'

/** What {@link createKycHandler} accepts. */
export interface KycHandlerOptions {
  readonly engine: KycEngine
  /** Decides who may do what. Required: there is no open default. */
  readonly authorize: Authorize
  /** The path that the routes are mounted under, such as `/api`. Default: none. */
  readonly basePath?: string | undefined
  /** The largest webhook, in bytes. Default 1 MiB. */
  readonly maxWebhookBytes?: number | undefined
  /** The largest body of any other route, in bytes. Default 64 KiB. */
  readonly maxBodyBytes?: number | undefined
  /** The longest that reading a body may take, in milliseconds. Default 10,000. */
  readonly bodyTimeoutMs?: number | undefined
  /** Default: the engine's. */
  readonly logger?: Logger | undefined
}

/** What an adapter knows of a request beyond the request itself. */
export interface RequestHints {
  /**
   * What a body parser left in place of the body that it consumed; null where it left nothing. The webhook takes it
   * only if it is bytes.
   */
  readonly consumedBody?: unknown | undefined
  /** Overrides `basePath` for this request, where the framework knows its mount point. */
  readonly basePath?: string | undefined
  /** The address at the other end of the connection, such as `203.0.113.7`: a proxy's, where one is before the server. */
  readonly address?: string | undefined
}

/** The routes as one function from Request to Response, for any framework. */
export interface KycHandler {
  /** Resolves with the answer; null when the path is none of ours, for the framework to go on. Never rejects. */
  handle(request: Request, hints?: RequestHints): Promise<Response | null>
  /** As `handle`, with a 404 for other paths: for runtimes that take a fetch handler. */
  fetch(request: Request): Promise<Response>
}

type HandlerContext = KycHandlerOptions & { readonly logger: Logger }

/**
 * Returns the routes of this library.
 *
 * @throws ConfigurationError when `authorize` is missing, the base path malformed, or a limit no whole number above 0.
 */
export function createKycHandler(given: KycHandlerOptions): KycHandler {
  const logger = toSafeLogger(given.logger ?? given.engine.logger)
  const options = { ...given, logger }
  const { basePath = '' } = given
  requireAuthorize(options.authorize)
  requireBasePath(basePath)
  for (const name of ['maxWebhookBytes', 'maxBodyBytes', 'bodyTimeoutMs'] as const) requireLimit(name, options[name])
  const routes = [...ROUTES, createOpenApiRoute()]

  const handle = async (request: Request, hints: RequestHints = {}) => {
    const path = toRoutePath(request.url, hints.basePath ?? basePath)
    const candidates = path === null ? [] : routes.flatMap((route) => toMatch(route, path))
    if (candidates.length === 0) return null
    try {
      return await respond(options, request, hints, candidates)
    } catch (error) {
      const answer = toProblemAnswer(request, error)
      report(logger, { method: request.method, path: candidates[0]?.route.path, status: answer.status }, error)
      return answer
    }
  }
  return {
    handle,
    fetch: async (request) => (await handle(request)) ?? toProblemAnswer(request, notFound()),
  }
}

async function respond(
  options: HandlerContext,
  request: Request,
  hints: RequestHints,
  candidates: Match[],
): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const match = candidates.find(({ route }) => route.method === method)
  if (match === undefined) throw methodNotAllowed(candidates)
  const handle = await admit(options, request, match)
  const { status, json } = await handle({
    request,
    caseId: match.caseId,
    query: toQuery(request.url),
    body: await toBody(options, request, hints, match.route),
  })
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(json), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}

async function toBody(
  options: KycHandlerOptions,
  request: Request,
  hints: RequestHints,
  route: Route,
): Promise<Uint8Array> {
  if (route.body === 'none') return new Uint8Array()
  const maxBodyBytes =
    route.body === 'raw' ? (options.maxWebhookBytes ?? 1024 * 1024) : (options.maxBodyBytes ?? 64 * 1024)
  const { consumedBody = request.bodyUsed ? null : undefined } = hints
  const bytes =
    consumedBody === undefined
      ? await readBody(request, { maxBodyBytes, bodyTimeoutMs: options.bodyTimeoutMs ?? 10_000 })
      : toConsumedBody(consumedBody, route, maxBodyBytes)
  // Also of a parsed one: a form, which any site can make a browser send, is not to pass for JSON.
  if (route.body === 'json' && bytes.length > 0) requireJsonType(request)
  return bytes
}

/** A parser may have read the body before us. For JSON that is as good; a signature needs the bytes that arrived. */
function toConsumedBody(body: unknown, route: Route, maxBodyBytes: number): Uint8Array {
  const bytes = body instanceof Uint8Array ? body : toParsedBytes(body, route)
  if (bytes.length <= maxBodyBytes) return bytes
  throw new KycError('body_too_large', { problem: 'The body is too large.', fix: 'Send less.' })
}

function toParsedBytes(body: unknown, route: Route): Uint8Array {
  if (route.body === 'json' && body !== null) {
    return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
  }
  throw new KycError('raw_body_unavailable', {
    problem: 'Something read the body before this route, and left nothing that it can use.',
    fix: 'Mount the KYC routes before any body parser, or keep the bytes: express.json({ verify: (req, res, bytes) => { req.rawBody = bytes } }).',
  })
}

function requireJsonType(request: Request): void {
  const type = request.headers.get('content-type') ?? ''
  if (/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) return
  throw new HttpError(415, 'unsupported_media_type', { detail: 'The body must be application/json.' })
}

/** The path below the base path, or null. It is compared as it was sent: nothing is decoded or resolved. */
function toRoutePath(url: string, basePath: string): string | null {
  const { pathname } = new URL(url)
  return pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : null
}

function toMatch(route: Route, path: string): Match[] {
  const expected = route.path.split('/')
  const actual = path.split('/')
  const fits =
    expected.length === actual.length &&
    expected.every((part, index) => part === actual[index] || (part === ':case_id' && actual[index] !== ''))
  if (!fits) return []
  const index = expected.indexOf(':case_id')
  return [{ route, caseId: index === -1 ? '' : (actual[index] ?? '') }]
}

/** The query's members. A repeated one keeps its last value; unknown ones are refused by the route's schema. */
function toQuery(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams)
}

function createOpenApiRoute(): Route {
  let document: unknown
  return {
    method: 'GET',
    path: '/compliance/openapi.json',
    action: 'openapi:read',
    summary: 'This description',
    body: 'none',
    answers: {},
    problems: [],
    async handle() {
      document ??= createOpenApi(ROUTES)
      return { status: 200, json: document }
    },
  }
}

function report(
  logger: Logger,
  request: { method: string; path: string | undefined; status: number },
  error: unknown,
): void {
  const fields = { ...toLogFields(error), ...request }
  if (request.status < 500) logger.debug(fields, 'request answered with a problem')
  else logger.error(fields, 'request failed')
}

/** The answer to a HEAD has the headers of the one to a GET, and no body. */
function toProblemAnswer({ method }: Request, error: unknown): Response {
  const answer = toProblemResponse(error)
  return method === 'HEAD' ? new Response(null, answer) : answer
}

function methodNotAllowed(candidates: Match[]): HttpError {
  const allow = candidates.map(({ route }) => route.method).join(', ')
  return new HttpError(405, 'method_not_allowed', { detail: `Allowed here: ${allow}.`, headers: { allow } })
}

function notFound(): HttpError {
  return new HttpError(404, 'not_found', { detail: 'There is nothing at this path.' })
}

function requireAuthorize(authorize: unknown): void {
  if (typeof authorize === 'function') return
  throw new ConfigurationError({
    problem: 'authorize is missing: nobody would be kept from the compliance routes.',
    fix: 'Pass a function, for example createBearerAuthorize({ tokens }).',
  })
}

function requireBasePath(basePath: string): void {
  if (basePath === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(basePath)) return
  throw new ConfigurationError({
    problem: 'basePath is no path.',
    fix: 'Write it like /api: a slash first, none at the end.',
  })
}

/** Nothing exceeds NaN: a limit that is none would let everything in. */
function requireLimit(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value > 0 && value < 2 ** 31)) return
  throw new ConfigurationError({
    problem: `${name} is not a whole number above 0.`,
    fix: 'Leave it out for the default.',
  })
}
