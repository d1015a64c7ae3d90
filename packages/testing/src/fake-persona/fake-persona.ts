import { type ApiContext, answerRequest } from './api.js'
import { createFakeClock } from './clock.js'
import type { WebhookSubscription } from './delivery.js'
import { createEventRoutes } from './event-routes.js'
import { createEventLog, type FakeEvent } from './events.js'
import { createFaultQueue, type Fault } from './faults.js'
import { createIdempotencyStore } from './idempotency.js'
import { createIdSource } from './ids.js'
import { createFakeInquiries, type FakeInquiries } from './inquiries.js'
import { createInquiryRoutes } from './inquiry-routes.js'
import { createLifetime, untilAborted } from './lifetime.js'
import { expireOverdue } from './operations.js'
import { createRateLimiter, type RateLimitOptions } from './rate-limit.js'
import { type RecordedRequest, toApiPath, toRecordedRequest } from './recording.js'
import { createInquiryRecords } from './records.js'
import { createWebhookRoutes } from './webhook-routes.js'
import { createWebhookQueue, type FakeWebhooks } from './webhooks.js'

/** How a fake Persona is set up. */
export interface FakePersonaOptions {
  /** The one key it knows. A key that begins with `persona_production` may not simulate. Default `persona_sandbox_fake`. */
  readonly apiKey?: string
  /** The address it stands for. Default `https://api.withpersona.com/api/v1`. */
  readonly baseUrl?: string
  /** Where it delivers events. Can be set later with `webhooks.subscribe`. */
  readonly webhook?: WebhookSubscription
  /** The clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
  /** Numbers in [0, 1) for identifiers and shuffles. Default `Math.random`; `createSeededRandom(seed)` repeats itself. */
  readonly random?: () => number
  /** Default 300 requests in 60 seconds, as in production. */
  readonly rateLimit?: RateLimitOptions
  /** Default 25. */
  readonly maxSessionsPerInquiry?: number
  /** Default 86400: 24 hours. */
  readonly inquiryExpirySeconds?: number
  /** Default 86400: 24 hours. */
  readonly sessionExpirySeconds?: number
}

/** A Persona of one's own: the API for inquiries and events with their state, faults on demand, and webhooks. */
export interface FakePersona {
  readonly apiKey: string
  readonly baseUrl: string
  /**
   * Answers a request as Persona would, whatever its host. Fits where a `fetch` is expected. Rejects with a TypeError
   * when a fault breaks the connection, and with the signal's reason when the request is aborted.
   */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>
  /** Direct access to the inquiries. */
  readonly inquiries: FakeInquiries
  /** What happened, oldest first, in kebab-case and without `included`. */
  readonly events: { list(): readonly FakeEvent[] }
  readonly webhooks: FakeWebhooks
  /** Injects a fault into the next matching requests. Faults are used up in the order in which they were added. */
  fail(fault: Fault): void
  /** Every request that arrived, in order, including those that failed. */
  readonly requests: readonly RecordedRequest[]
  /** Forgets everything, ends hanging requests, and keeps the settings and the webhook's subscription. */
  reset(): void
  /** Ends hanging requests and stops timers. */
  close(): void
}

const DEFAULT_BASE_URL = 'https://api.withpersona.com/api/v1'

/** Returns a {@link FakePersona} with no inquiries. */
export function createFakePersona(options: FakePersonaOptions = {}): FakePersona {
  const parts = createParts(options)
  const { api, events, inquiryContext, records, webhooks } = parts
  const requests: RecordedRequest[] = []
  const state = [records, events, webhooks, api.faults, api.idempotency, api.rateLimiter]

  const answer = async (request: Request): Promise<Response> => {
    const text = await request.clone().text()
    const recorded = toRecordedRequest(request, text)
    requests.push(recorded)
    const { pathname, searchParams: query } = new URL(request.url)
    return answerRequest(api, { recorded, query, text, isApi: toApiPath(pathname) !== undefined })
  }
  return {
    apiKey: api.apiKey,
    baseUrl: options.baseUrl ?? DEFAULT_BASE_URL,
    fetch(input, init) {
      const request = input instanceof Request && init === undefined ? input : new Request(input, init)
      return untilAborted(request.signal, () => answer(request))
    },
    inquiries: createFakeInquiries(inquiryContext, records),
    events,
    webhooks,
    fail: (fault) => api.faults.add(fault),
    requests,
    reset() {
      api.lifetime.end()
      for (const part of state) part.clear()
      requests.splice(0)
    },
    close() {
      api.lifetime.end()
      webhooks.stop()
    },
  }
}

function createParts(options: FakePersonaOptions) {
  const { apiKey = 'persona_sandbox_fake', now = Date.now, random = Math.random } = options
  const clock = createFakeClock(now)
  const nextId = createIdSource(random)
  const records = createInquiryRecords(nextId)
  const expire = () => expireOverdue(inquiryContext, records.list())
  const webhooks = createWebhookQueue({ clock, random, nextId }, options.webhook, expire)
  const events = createEventLog({ clock, nextId }, (event) => webhooks.enqueue(event))
  const inquiryContext = { clock, nextId, events, limits: toLimits(options) }
  const routeContext = { ...inquiryContext, records, isSandbox: !apiKey.startsWith('persona_production') }
  const api: ApiContext = {
    apiKey,
    routes: [
      ...createInquiryRoutes(routeContext),
      ...createEventRoutes(events),
      ...createWebhookRoutes(webhooks.subscribed),
    ],
    rateLimiter: createRateLimiter(options.rateLimit ?? { limit: 300, windowSeconds: 60 }, now),
    idempotency: createIdempotencyStore(now),
    faults: createFaultQueue(),
    lifetime: createLifetime(),
    nextId,
    environmentId: nextId('env'),
    organizationId: nextId('org'),
    beforeOperation: expire,
  }
  return { api, events, inquiryContext, records, webhooks }
}

function toLimits(options: FakePersonaOptions) {
  return {
    maxSessionsPerInquiry: options.maxSessionsPerInquiry ?? 25,
    inquiryExpirySeconds: options.inquiryExpirySeconds ?? 86_400,
    sessionExpirySeconds: options.sessionExpirySeconds ?? 86_400,
  }
}
