import { admit } from './admission.js'
import { createDescriptionRoutes } from './description-routes.js'
import { isKycError } from './errors.js'
import { type HandlerContext, type KycHandlerOptions, toHandlerContext } from './handler-options.js'
import { type HttpAnswer, JSON_TYPE, toResponse, toSecureAnswer } from './http-answer.js'
import { createIncoming, type Match } from './incoming.js'
import { toLogFields } from './logger.js'
import type { Connection, Peer } from './peer.js'
import { type PlainRequest, toPlainRequest } from './plain-request.js'
import { HttpError, toProblemAnswer } from './problem.js'
import { isBodyAnnounced } from './request-body.js'
import { requireEncryption, requireNoCredentials, requireSender, requireSize } from './request-guards.js'
import { readRouteBody } from './route-body.js'
import { createRouteFinder } from './route-finder.js'
import { ROUTES, type RouteAnswer } from './routes.js'

/** What an adapter knows of a request beyond the request itself. */
export interface RequestHints extends Connection {
  /**
   * What a body parser left in place of the body that it consumed; null where it left nothing. The webhook takes it
   * only if it is bytes.
   */
  readonly consumedBody?: unknown | undefined
  /** Overrides `basePath` for this request, where the framework knows its mount point. */
  readonly basePath?: string | undefined
  /** How long the names and values of all headers are, in characters. Default: they are counted. */
  readonly headerLength?: number | undefined
  /**
   * Whether the body is no longer than its `Content-Length`, as that of what an HTTP server has read itself. Default false:
   * it is counted while it is read, which costs more.
   */
  readonly keepsLength?: boolean | undefined
}

/** The routes as one function from Request to Response, for any framework. */
export interface KycHandler {
  /** Resolves with the answer; null when the path is none of ours, for the framework to go on. Never rejects. */
  handle(request: Request, hints?: RequestHints): Promise<Response | null>
  /** As `handle`, with a 404 for other paths: for runtimes that take a fetch handler. */
  fetch(request: Request): Promise<Response>
  /** As `handle`, for servers without a Request and a Response of their own, which cost more than all else here. */
  answer(request: PlainRequest, hints: RequestHints & { readonly headerLength: number }): Promise<HttpAnswer | null>
}

/** A request whose path is one of ours. */
interface FoundRequest {
  readonly request: PlainRequest
  readonly url: URL
  readonly hints: RequestHints & { readonly headerLength: number }
  readonly peer: Peer
  /** The routes of this path, which differ in their methods. */
  readonly candidates: readonly Match[]
}

/**
 * Returns the routes of this library.
 *
 * @throws ConfigurationError when `authorize` is missing, or another option is malformed.
 */
export function createKycHandler(options: KycHandlerOptions): KycHandler {
  const context = toHandlerContext(options)
  const find = createRouteFinder([...ROUTES, ...createDescriptionRoutes(options.docs)])
  const answer: KycHandler['answer'] = async (request, hints) => {
    const url = new URL(request.url)
    const candidates = find(toRoutePath(url, hints.basePath ?? context.basePath))
    if (candidates.length === 0) return null
    const peer = context.readPeer(request, hints)
    const given = await respond(context, { request, url, hints, peer, candidates })
    return toSecureAnswer(given, {
      method: request.method,
      isHttpsOnly: context.requireHttps && peer.isEncrypted,
      // Nobody reads the body of a GET: it must not keep the connection for as long as its sender likes.
      isLast: (request.method === 'GET' || request.method === 'HEAD') && isBodyAnnounced(request),
    })
  }
  const handle: KycHandler['handle'] = async (request, hints = {}) => {
    const { headerLength = toLength(request.headers) } = hints
    const { keepsLength = false } = hints
    const given = await answer(toPlainRequest(request, { keepsLength }), { ...hints, headerLength })
    return given === null ? null : toResponse(given)
  }
  return {
    answer,
    handle,
    fetch: async (request) => (await handle(request)) ?? toNotFound(request),
  }
}

/** Never rejects. */
async function respond(context: HandlerContext, found: FoundRequest): Promise<HttpAnswer> {
  try {
    return await work(context, found)
  } catch (error) {
    const answer = toProblemAnswer(error)
    report(context, found, answer.status, error)
    return answer
  }
}

async function work(context: HandlerContext, found: FoundRequest): Promise<HttpAnswer> {
  const { request, url, hints, peer, candidates } = found
  requireSize(context, request.url, hints.headerLength)
  requireNoCredentials(url)
  requireEncryption(context, peer)
  const { route, caseId } = findMatch(candidates, request.method)
  requireSender(context, peer, route)
  const incoming = createIncoming(context.engine, {
    route,
    caseId,
    request,
    peer,
    readQuery: () => toQuery(url),
    readBody: () => readRouteBody(context, request, { route, consumed: hints.consumedBody }),
  })
  const { handle, caller } = await admit(context, incoming)
  if (route.limit === 'initiation') await context.limits.countInitiation(caller, peer)
  try {
    const body = await incoming.readBody()
    return toHttpAnswer(await handle(incoming.readQuery(), body))
  } catch (error) {
    if (route.limit === 'refusal' && isKycError(error) && error.code === 'signature_invalid') {
      await context.limits.countRefusal(peer)
    }
    throw error
  }
}

function findMatch(candidates: readonly Match[], method: string): Match {
  const wanted = method === 'HEAD' ? 'GET' : method
  const match = candidates.find(({ route }) => route.method === wanted)
  if (match !== undefined) return match
  const allow = candidates.map(({ route }) => route.method).join(', ')
  throw new HttpError(405, 'method_not_allowed', { detail: `Allowed here: ${allow}.`, headers: { allow } })
}

/** The path below the base path; empty where it is not below. It is compared as it was sent: nothing is decoded. */
function toRoutePath({ pathname }: URL, basePath: string): string {
  return pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : ''
}

/** The query's members; unknown ones are refused by the route's schema. Which of two was meant, nobody can tell. */
function toQuery(url: URL): Record<string, string> {
  if (url.search === '') return {}
  const { searchParams } = url
  const members = Object.fromEntries(searchParams)
  if (Object.keys(members).length === searchParams.size) return members
  const isRepeated = (name: string) => searchParams.getAll(name).length > 1
  const errors = Object.keys(members)
    .filter((name) => /^[a-z_]+$/.test(name) && isRepeated(name))
    .map((name) => ({ pointer: `/${name}`, code: 'repeated' }))
  throw new HttpError(400, 'invalid_request', { detail: 'A member of the query is given twice.', errors })
}

function toHttpAnswer(answer: RouteAnswer): HttpAnswer {
  const { status } = answer
  if ('json' in answer) return { status, body: JSON.stringify(answer.json), headers: JSON_TYPE }
  const { html, contentSecurityPolicy } = answer
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': contentSecurityPolicy }
  return { status, body: html, headers }
}

function toLength(headers: Headers): number {
  let length = 0
  for (const [name, value] of headers) length += name.length + value.length
  return length
}

function report({ logger }: HandlerContext, found: FoundRequest, status: number, error: unknown): void {
  const { request, candidates } = found
  const fields = { ...toLogFields(error), method: request.method, path: candidates[0]?.route.path, status }
  if (status < 500) logger.debug(fields, 'request answered with a problem')
  else logger.error(fields, 'request failed')
}

function toNotFound({ method }: Request): Response {
  const error = new HttpError(404, 'not_found', { detail: 'There is nothing at this path.' })
  return toResponse(toSecureAnswer(toProblemAnswer(error), { method, isHttpsOnly: false, isLast: false }))
}
