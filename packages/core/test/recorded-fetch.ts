import { vi } from 'vitest'
import { createPersonaClient, type PersonaClientOptions } from '../src/client.js'

/** One request as it would have left the machine. */
export interface RecordedRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: unknown
  readonly redirect: RequestRedirect | undefined
}

/** An answer, an error to fail with, or what to do with the request's signal. */
export type Reply = Response | Error | ((signal: AbortSignal) => Promise<Response>)

/** A `fetch` that gives these answers in turn, the last one again and again, and keeps what it was asked. */
function createRecordedFetch(...replies: Reply[]) {
  const requests: RecordedRequest[] = []
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const reply = replies[Math.min(requests.length, replies.length - 1)]
    requests.push({
      method: init.method ?? 'GET',
      url: new URL(String(input)),
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : (init.body ?? undefined),
      redirect: init.redirect,
    })
    if (init.signal?.aborted) throw init.signal.reason
    if (typeof reply === 'function') return reply(init.signal ?? new AbortController().signal)
    if (reply instanceof Error) throw reply
    return reply?.clone() ?? Response.json({})
  }
  return { fetch, requests }
}

export const API_KEY = 'persona_sandbox_canary-key-7d1e'

/** A client over those answers that waits for nothing; `waits` holds how long it would have, in milliseconds. */
export function createRecordedClient(replies: Reply[], options: Partial<PersonaClientOptions> = {}) {
  const { fetch, requests } = createRecordedFetch(...replies)
  const waits: number[] = []
  const sleep = vi.fn(async (ms: number, signal?: AbortSignal) => {
    waits.push(ms)
    signal?.throwIfAborted()
  })
  const client = createPersonaClient({ apiKey: API_KEY, fetch, sleep, random: () => 0.5, ...options })
  return { client, requests, waits, sleep }
}

/** An inquiry as Persona answers with it, in kebab-case. */
export function createInquiryAnswer(attributes: Record<string, unknown> = {}, meta?: Record<string, unknown>) {
  return {
    data: {
      type: 'inquiry',
      id: 'inq_1',
      attributes: {
        status: 'created',
        'reference-id': 'case_1',
        'created-at': '2026-01-02T03:04:05.000Z',
        'updated-at': '2026-01-02T03:04:06.000Z',
        'redacted-at': null,
        fields: { 'name-first': { type: 'string', value: 'Ada' } },
        ...attributes,
      },
      relationships: { 'inquiry-template': { data: { type: 'inquiry-template', id: 'itmpl_main' } } },
    },
    ...(meta && { meta }),
  }
}

/** Persona's error body; `details` may echo what was submitted. */
export function createErrorAnswer(status: number, headers: Record<string, string> = {}, details = 'canary-details') {
  const errors = [{ title: 'Record invalid', details, source: { pointer: '/data/attributes/note' }, meta: { details } }]
  return Response.json({ errors }, { status, headers: { 'request-id': 'req_1', ...headers } })
}

/** A request that never ends unless its signal ends it. */
export function hang(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
