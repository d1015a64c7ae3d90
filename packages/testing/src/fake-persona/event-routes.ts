import type { EventLog } from './events.js'
import { EVENT_FILTERS, toEventFilter } from './filters.js'
import { requireKnownParameters, toPage } from './pages.js'
import { toNotFound } from './rejection.js'
import type { Answer, ApiRequest, Route } from './routes.js'

/** Returns the operations under `/events` and `/rate-limits`. */
export function createEventRoutes(events: EventLog): Route[] {
  return [
    { method: 'GET', path: '/events', handle: (request) => listEvents(events, request) },
    { method: 'GET', path: '/events/{id}', handle: (_, id) => answerEvent(events, id) },
    { method: 'GET', path: '/rate-limits', handle: answerRateLimits },
  ]
}

function listEvents(events: EventLog, { path, query }: ApiRequest): Answer {
  requireKnownParameters(query, EVENT_FILTERS)
  const newestFirst = [...events.list()].reverse()
  return { status: 200, body: toPage(newestFirst, { path, query, matches: toEventFilter(query) }) }
}

function answerEvent(events: EventLog, id: string): Answer {
  const event = events.list().find((candidate) => candidate.id === id)
  if (event === undefined) throw toNotFound()
  return { status: 200, body: { data: event, included: [] } }
}

function answerRateLimits({ rateLimit }: ApiRequest): Answer {
  const { limit, remaining, secondsToReset } = rateLimit
  const attributes = { limit, remaining, 'seconds-to-reset': secondsToReset }
  return { status: 200, body: { data: [{ type: 'rate-limit/api', attributes }] } }
}
