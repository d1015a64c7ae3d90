import { vi } from 'vitest'
import type { PersonaClient } from '../src/client.js'
import { toCamelKeys } from '../src/inflection.js'
import type { CreateInquiryOptions, Inquiries } from '../src/inquiries.js'
import type { Inquiry } from '../src/inquiry.js'
import { PersonaApiError } from '../src/persona-error.js'
import { createInquiryAnswer } from './recorded-fetch.js'

/** An inquiry as the client gives it. */
export function createInquiry(id: string, attributes: Record<string, unknown> = {}, sessions = 1): Inquiry {
  const { data } = toCamelKeys(JSON.parse(JSON.stringify(createInquiryAnswer()))) as unknown as { data: Inquiry }
  return {
    id,
    attributes: { ...data.attributes, ...attributes },
    relationships: {
      ...data.relationships,
      sessions: {
        data: Array.from({ length: sessions }, (_, index) => ({ type: 'inquiry-session', id: `iqse_${index}` })),
      },
    },
  }
}

/** An unsigned JWT that expires at that time, as far as anybody may look into one. */
export function createSessionToken(name: string, expiresAtSeconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'HS256' })}.${part({ sub: name, exp: expiresAtSeconds })}.signature`
}

/**
 * Persona as far as the engine needs it: inquiries in a map, newest first, and each idempotency key's first answer,
 * which is given again as Persona does. Every call is a mock, so a test can fail it.
 */
export function createPersonaStub(now: () => number) {
  const inquiries = new Map<string, Inquiry>()
  const answers = new Map<string, { inquiry: Inquiry; sessionToken: string } | PersonaApiError>()
  let clock = 0

  const require = (id: string): Inquiry => {
    const inquiry = inquiries.get(id)
    if (inquiry === undefined) throw new PersonaApiError('persona_not_found', { status: 404 })
    return inquiry
  }
  /** Changes an inquiry, as the person, a reviewer or Persona would, a millisecond after the change before. */
  const change = (id: string, attributes: Record<string, unknown>, sessions?: number): Inquiry => {
    const inquiry = require(id)
    clock += 1
    const updatedAt = new Date(now() + clock).toISOString()
    const { relationships } = sessions === undefined ? inquiry : createInquiry(id, {}, sessions)
    const changed = { ...inquiry, relationships, attributes: { ...inquiry.attributes, updatedAt, ...attributes } }
    inquiries.set(id, changed)
    return changed
  }
  const add = (options: CreateInquiryOptions): { inquiry: Inquiry; sessionToken: string } => {
    const id = `inq_${inquiries.size + 1}`
    inquiries.set(id, createInquiry(id, { referenceId: options.referenceId ?? null }))
    return { inquiry: change(id, {}), sessionToken: createSessionToken(id, now() / 1000 + 86_400) }
  }
  const answer = (options: CreateInquiryOptions) => {
    const key = options.idempotencyKey ?? crypto.randomUUID()
    const stored = answers.get(key) ?? add(options)
    answers.set(key, stored)
    if (stored instanceof PersonaApiError) throw stored
    return stored
  }

  const calls = {
    create: vi.fn<Inquiries['create']>(async (options) => answer(options)),
    retrieve: vi.fn<Inquiries['retrieve']>(async (id) => require(id)),
    list: vi.fn<Inquiries['list']>(async function* ({ referenceId } = {}) {
      const matching = [...inquiries.values()].filter(({ attributes }) => attributes.referenceId === referenceId)
      yield* matching.reverse()
    }),
    listPage: vi.fn<Inquiries['listPage']>(async ({ referenceId, inquiryIds } = {}) => {
      const references = referenceId?.split(',')
      const items = [...inquiries.values()].filter(
        ({ id, attributes }) =>
          (inquiryIds === undefined || inquiryIds.includes(id)) &&
          (references === undefined || references.includes(attributes.referenceId ?? '')),
      )
      return { items: items.reverse(), next: null }
    }),
    update: vi.fn<Inquiries['update']>(async (id) => require(id)),
    approve: vi.fn<Inquiries['approve']>(async (id) => change(id, { status: 'approved' })),
    decline: vi.fn<Inquiries['decline']>(async (id) => change(id, { status: 'declined' })),
    markForReview: vi.fn<Inquiries['markForReview']>(async (id) => change(id, { status: 'needs_review' })),
    resume: vi.fn<Inquiries['resume']>(async (id) => {
      const { status } = require(id).attributes
      if (status !== 'pending' && status !== 'expired') throw new PersonaApiError('persona_conflict', { status: 409 })
      const inquiry = change(id, { status: 'pending' })
      return { inquiry, sessionToken: createSessionToken(`${id}-${clock}`, now() / 1000 + 86_400) }
    }),
    expire: vi.fn<Inquiries['expire']>(async (id) => change(id, { status: 'expired' })),
    createOneTimeLink: vi.fn<Inquiries['createOneTimeLink']>(async () => ({
      link: 'https://l',
      shortLink: 'https://s',
    })),
    redact: vi.fn<Inquiries['redact']>(async (id) => {
      if (require(id).attributes.redactedAt !== null) throw new PersonaApiError('persona_conflict', { status: 409 })
      return change(id, { redactedAt: new Date(now()).toISOString() })
    }),
    performSimulateActions: vi.fn<Inquiries['performSimulateActions']>(async (id) => require(id)),
  } satisfies Inquiries
  const health = vi.fn<PersonaClient['health']>(async () => ({ status: 'ok', latencyMs: 1 }))
  const listEvents = vi.fn<PersonaClient['events']['listPage']>(async () => ({ items: [], unreadable: 0, next: null }))
  const client: PersonaClient = {
    environment: 'sandbox',
    inquiries: calls,
    events: {
      listPage: listEvents,
      async *list() {},
      retrieve: async () => {
        throw new PersonaApiError('persona_not_found', { status: 404 })
      },
    },
    webhooks: { async *list() {} },
    rateLimits: () => ({ rate: null, quota: null }),
    clockSkewMs: () => 0,
    health,
  }
  return {
    client,
    calls,
    listEvents,
    health,
    inquiries,
    change,
    /** Creates at Persona what `create` would, without an answer: the connection breaks afterwards. */
    async createAndLose(options: CreateInquiryOptions): Promise<never> {
      answer(options)
      throw new PersonaApiError('persona_unreachable')
    },
    /** Stores an error under the request's key and fails with it, now and on every repetition. */
    failAndStore(status: number) {
      return async (options: CreateInquiryOptions): Promise<never> => {
        const code = status >= 500 ? 'persona_server_error' : 'persona_request_rejected'
        const error = new PersonaApiError(code, { status })
        answers.set(options.idempotencyKey ?? '', error)
        throw error
      }
    },
  }
}
