import { vi } from 'vitest'
import type { Authorize } from '../src/authorize.js'
import type { KycEngineOptions } from '../src/engine-options.js'
import type { KycHandlerOptions } from '../src/handler-options.js'
import { createKycHandler, type RequestHints } from '../src/http.js'
import { createEventBody, type EventOptions } from './event-bodies.js'
import { createRecordingLogger, createTestEngine, toDelivery } from './test-engine.js'

export const KYC = '/compliance/kyc'
export const WEBHOOK = '/webhooks/persona/inquiry'
export const HEALTH = '/webhooks/persona/health'

/** What a test says of one request. */
export interface Call {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly hints?: RequestHints
  /** The scheme and host of the URL. Default https. */
  readonly origin?: string
}

/** A handler over a test engine, which is told who is at the other end of each request. */
export function createPlainHandler(
  options: Partial<KycHandlerOptions> = {},
  engineOptions: Partial<KycEngineOptions> = {},
) {
  const test = createTestEngine(engineOptions)
  const authorize = vi.fn<Authorize>(() => ({ principal: 'test' }))
  const handlerLogger = createRecordingLogger()
  const handler = createKycHandler({ engine: test.engine, authorize, logger: handlerLogger, ...options })
  const call = async (method: string, path: string, { body, headers, hints, origin }: Call = {}) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: body instanceof Uint8Array ? new Uint8Array(body) : toText(body) }
    const url = `${origin ?? 'https://app.example'}${path}`
    return toAnswer(
      await handler.handle(new Request(url, { method, headers: { ...json, ...headers }, ...init }), hints),
    )
  }
  return {
    ...test,
    handler,
    handlerLogger,
    authorize,
    call,
    initiate: (userId = 'user_1', given: Call = {}) =>
      call('POST', KYC, { body: { user_id: userId, document_type: 'passport' }, ...given }),
    /** Delivers an event, signed unless said otherwise. */
    async deliverWebhook(event: EventOptions, given: Call & { readonly signature?: string } = {}) {
      const { body, signature } = await toDelivery(createEventBody(event), test.clock.ms)
      const headers = { 'persona-signature': given.signature ?? String(signature), ...given.headers }
      return call('POST', WEBHOOK, { ...given, body, headers })
    },
  }
}

function toText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

async function toAnswer(response: Response | null) {
  const text = (await response?.text()) ?? ''
  return {
    status: response?.status ?? null,
    headers: response?.headers ?? new Headers(),
    text,
    json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}
