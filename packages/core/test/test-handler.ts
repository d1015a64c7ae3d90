import { expect, vi } from 'vitest'
import { readDescription } from '../../../test-setup/openapi/api-description.js'
import type { Authorize } from '../src/authorize.js'
import type { KycHandlerOptions } from '../src/handler-options.js'
import { createKycHandler } from '../src/http.js'
import { createOpenApi } from '../src/openapi.js'
import { ROUTES } from '../src/routes.js'
import { createEventBody, type EventOptions } from './event-bodies.js'
import { createRecordingLogger, createTestEngine, toDelivery } from './test-engine.js'

/** An answer, read: its JSON, and the text for leaks. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown>
}

const description = readDescription(createOpenApi(ROUTES))

/** A signature by its form: without one, no body is read. */
export const FORMED = { 'persona-signature': `t=1,v1=${'0'.repeat(64)}` }

export const HOST = 'https://app.example'
export const CASE_PATH = '/compliance/kyc'

/** A handler over a test engine. Each answer is checked against the schema that the description has for it. */
export function createTestHandler(options: Partial<KycHandlerOptions> = {}) {
  const test = createTestEngine()
  const authorize = vi.fn<Authorize>(() => ({ principal: 'test' }))
  const logger = createRecordingLogger()
  const handler = createKycHandler({ engine: test.engine, authorize, logger, ...options })
  const send = async (request: Request): Promise<Answer> => {
    const { method, url } = request
    const answer = await toAnswer(await handler.fetch(request))
    expectDescribed(method, new URL(url).pathname.slice((options.basePath ?? '').length), answer)
    return answer
  }
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const json = { 'content-type': 'application/json', ...headers }
    const init =
      body === undefined ? { headers } : { headers: json, body: typeof body === 'string' ? body : JSON.stringify(body) }
    return send(new Request(`${HOST}${path}`, { method, ...init }))
  }
  const deliver = async (event: EventOptions, signature?: string) => {
    const delivery = await toDelivery(createEventBody(event), test.clock.ms)
    const headers = { 'persona-signature': signature ?? String(delivery.signature) }
    return send(
      new Request(`${HOST}/webhooks/persona/inquiry`, { method: 'POST', body: new Uint8Array(delivery.body), headers }),
    )
  }
  const initiate = async (userId = 'user_1') => {
    const { json } = await call('POST', CASE_PATH, { user_id: userId, document_type: 'passport' })
    return String(json.case_id)
  }
  return { ...test, handler, handlerLogger: logger, authorize, send, call, deliverEvent: deliver, initiate }
}

async function toAnswer(response: Response): Promise<Answer> {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

/** Fails unless the description has this status for this operation, and the answer fits its schema. */
function expectDescribed(method: string, path: string, { status, headers, json, text }: Answer): void {
  expect(headers.get('cache-control')).toBe('no-store')
  if (description.match(method, path) === null) expect(json).not.toHaveProperty('case_id')
  const answer = { status, headers: Object.fromEntries(headers), text }
  expect(description.findFaults(method, path, answer)).toEqual([])
}
