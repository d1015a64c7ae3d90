import type { FakePersona } from '@persona-kyc/testing'
import { CANARIES, EVERYTHING, FIELDS } from './canaries.js'
import { passDeadline } from './deadlines.js'

/**
 * How a call to Persona ends: with that status, or in another way. One that hangs ends with its deadline, which passes at
 * once, unless it waits for `letPass`.
 */
export type PersonaEnd = number | 'broken' | 'hanging' | 'other shape' | 'page' | 'waiting' | 'well'

/** They are JWTs. */
const SESSION_TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g

/** A Persona that tells everything that it was told, wherever Persona's API may have it, and more. */
export interface EchoingPersona {
  readonly fetch: typeof globalThis.fetch
  /** How the next call ends that has this method, by default a POST. Resolves once it has come. */
  failNext(end: PersonaEnd, method?: string): Promise<void>
  /** Lets the deadline pass of the call that waits. */
  letPass(): void
}

/** Returns one that answers as the fake does until it is told otherwise. `tokens` gets the session tokens that it gives. */
export function createEchoingPersona(fake: FakePersona, tokens = new Set<string>()): EchoingPersona {
  const ends: { readonly end: PersonaEnd; readonly method: string; readonly onCall: () => void }[] = []
  let waiting: AbortSignal | undefined
  return {
    letPass: () => waiting && passDeadline(waiting),
    failNext: (end, method = 'POST') => new Promise((onCall) => void ends.push({ end, method, onCall })),
    async fetch(input, init) {
      const request = new Request(input, init)
      const at = ends.findIndex(({ method }) => method === request.method)
      const [planned] = at === -1 ? [] : ends.splice(at, 1)
      planned?.onCall()
      const { end = 'well' } = planned ?? {}
      if (end === 'waiting') waiting = init?.signal ?? undefined
      if (end !== 'well') return toEnd(end, input, init)
      const response = await fake.fetch(request)
      for (const [token] of (await response.clone().text()).matchAll(SESSION_TOKEN)) tokens.add(token)
      return response
    },
  }
}

/** Ends a call of `fetch` that way, and tells all of it. */
export async function toEnd(
  end: Exclude<PersonaEnd, 'well'>,
  ...[input, init]: Parameters<typeof fetch>
): Promise<Response> {
  const request = new Request(input, init)
  const echo = await toEcho(request)
  if (end === 'broken') throw toFetchError(request, echo)
  if (end === 'hanging' || end === 'waiting') {
    // Not the signal of the request, which is forgotten with it.
    const { signal = null } = init ?? {}
    if (signal !== null && end === 'hanging') passDeadline(signal)
    return untilAborted(signal ?? request.signal, echo)
  }
  if (end === 'page') return toAnswer(200, `<html>${echo}</html>`, 'text/html')
  if (end === 'other shape') return toAnswer(200, JSON.stringify({ data: { id: 5, attributes: { fields: echo } } }))
  return toAnswer(end, end === 304 ? null : JSON.stringify(toErrors(echo)))
}

/** The request with its key, and all canaries. */
async function toEcho(request: Request): Promise<string> {
  const headers = JSON.stringify([...request.headers])
  return [request.method, request.url, headers, await request.clone().text(), EVERYTHING].join('\n')
}

/** Persona's documents have fixed titles, and pointers to what was sent; everything else may quote it. */
function toErrors(echo: string): object {
  const source = { pointer: '/data/attributes/fields', parameter: echo }
  return { errors: [{ title: 'Record invalid', details: echo, code: echo, meta: { echo, ...FIELDS }, source }] }
}

function toAnswer(status: number, body: string | null, type = 'application/json'): Response {
  const headers = {
    'content-type': type,
    location: CANARIES.oneTimeLink,
    'set-cookie': `session=${CANARIES.cookie}`,
    'www-authenticate': `Bearer ${CANARIES.apiKey}`,
    'x-echo': `${CANARIES.documentNumber} ${CANARIES.accountEmail}`,
  }
  return new Response(body, { status, headers })
}

/** What undici and Node make of a failed call has the whole of it. */
function toFetchError(request: Request, echo: string): Error {
  const root = Object.assign(new Error(`connect ECONNREFUSED ${request.url} ${echo}`), {
    address: CANARIES.clientAddress,
    code: echo,
    request: { headers: Object.fromEntries(request.headers), echo },
  })
  return Object.assign(new TypeError(`fetch failed: ${echo}`, { cause: root }), { request, echo })
}

function untilAborted(signal: AbortSignal, echo: string): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(Object.assign(new Error(echo), { name: 'AbortError' }))
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
