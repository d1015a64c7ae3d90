import type { RateLimitState } from './rate-limit.js'
import { toNotFound } from './rejection.js'

/** A request that passed authentication and the rate limit. */
export interface ApiRequest {
  readonly method: string
  /** The path after `/api/v1`. */
  readonly path: string
  readonly query: URLSearchParams
  /** The body's text as it was sent. */
  readonly text: string
  readonly rateLimit: RateLimitState
}

/** An answer in kebab-case. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** One operation of the API. */
export interface Route {
  readonly method: string
  /** The path after `/api/v1`, where `{id}` stands for one identifier. */
  readonly path: string
  /** Answers, or throws a PersonaRejection. `id` is empty where the path has none. */
  handle(request: ApiRequest, id: string): Answer | Promise<Answer>
}

/** Answers by the route that matches; throws Persona's 404 when there is none. */
export async function answerByRoute(routes: readonly Route[], request: ApiRequest): Promise<Answer> {
  for (const route of routes) {
    const match = route.method === request.method ? toPattern(route.path).exec(request.path) : null
    if (match !== null) return route.handle(request, match[1] ?? '')
  }
  throw toNotFound()
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replace('{id}', '([^/]+)')}/?$`)
}
