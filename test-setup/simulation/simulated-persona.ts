import { type Inquiry, PersonaApiError, type PersonaClient, type PersonaEvent } from '@persona-kyc/core'

/** What a person, a reviewer or time does to an inquiry. */
export const ACTIONS = ['start', 'complete', 'fail', 'review', 'approve', 'decline', 'expire'] as const
export type Action = (typeof ACTIONS)[number]

/** The event and the status of each action, and how decided that is. Written from Persona's documentation, not from the library. */
const RULES: Readonly<Record<Action, { name: string; status: string; rank: number; from: readonly string[] }>> = {
  start: { name: 'inquiry.started', status: 'pending', rank: 2, from: ['created', 'expired'] },
  complete: { name: 'inquiry.completed', status: 'completed', rank: 4, from: ['created', 'pending'] },
  fail: { name: 'inquiry.failed', status: 'failed', rank: 4, from: ['created', 'pending'] },
  expire: { name: 'inquiry.expired', status: 'expired', rank: 3, from: ['created', 'pending'] },
  review: { name: 'inquiry.marked-for-review', status: 'needs_review', rank: 5, from: ['completed', 'failed'] },
  approve: {
    name: 'inquiry.approved',
    status: 'approved',
    rank: 6,
    from: ['completed', 'failed', 'needs_review', 'declined'],
  },
  decline: {
    name: 'inquiry.declined',
    status: 'declined',
    rank: 6,
    from: ['completed', 'failed', 'needs_review', 'approved'],
  },
}

/** An inquiry as the simulated Persona holds it. */
export interface SimulatedInquiry {
  readonly id: string
  readonly referenceId: string | null
  readonly templateId: string
  readonly createdAtMs: number
  updatedAtMs: number
  status: string
  rank: number
  /** True once it has had all its sessions: it can be resumed no more. */
  isExhausted: boolean
}

/** A Persona in memory, without HTTP, on the clock of the simulated world. */
export interface SimulatedPersona {
  readonly inquiries: readonly SimulatedInquiry[]
  /** All events, oldest first. */
  readonly events: readonly PersonaEvent[]
  /** Does it to the inquiry where its state allows it. */
  act(inquiry: SimulatedInquiry, action: Action): void
  /** Creates an inquiry that nobody here asked for. */
  addForeign(referenceId: string | null): void
  /** A client whose calls pass `gate`, which says what goes wrong. */
  createClient(gate: <Result>(call: () => Result) => Promise<Result>): PersonaClient
}

const TEMPLATE = 'itmpl_simulated'

/** Returns a Persona without inquiries. */
export function createSimulatedPersona(now: () => number, random: () => number): SimulatedPersona {
  const inquiries: SimulatedInquiry[] = []
  const events: PersonaEvent[] = []
  const answers = new Map<string, SimulatedInquiry>()
  let lastId = 0
  // Random at the front: the order of ids must tell nothing about the order of events.
  const nextId = (prefix: string) => `${prefix}_${Math.floor(random() * 1e6).toString(36)}_${++lastId}`

  const tell = (inquiry: SimulatedInquiry, name: string) => {
    const { id, status, referenceId, templateId } = inquiry
    const snapshot = { id, status, referenceId, templateIds: [templateId] }
    const createdAt = new Date(inquiry.updatedAtMs)
    events.push({ id: nextId('evt'), name, createdAt, inquiry: snapshot, body: {} })
  }
  const add = (referenceId: string | null, templateId: string) => {
    const time = { createdAtMs: now(), updatedAtMs: now() }
    const inquiry = {
      id: nextId('inq'),
      referenceId,
      templateId,
      ...time,
      status: 'created',
      rank: 1,
      isExhausted: false,
    }
    inquiries.push(inquiry)
    tell(inquiry, 'inquiry.created')
    return inquiry
  }
  const find = (id: string) => {
    const inquiry = inquiries.find((candidate) => candidate.id === id)
    if (inquiry === undefined) throw new PersonaApiError('persona_not_found', { status: 404 })
    return inquiry
  }
  const change = (inquiry: SimulatedInquiry, status: string, rank: number) => {
    // Two changes may share a millisecond only where the second is the more decided one, as when a workflow decides.
    const isTie = now() <= inquiry.updatedAtMs && rank <= inquiry.rank
    inquiry.updatedAtMs = isTie ? inquiry.updatedAtMs + 1 : Math.max(now(), inquiry.updatedAtMs)
    Object.assign(inquiry, { status, rank })
  }
  const act = (inquiry: SimulatedInquiry, action: Action) => {
    const { name, status, rank, from } = RULES[action]
    if (!from.includes(inquiry.status)) return
    change(inquiry, status, rank)
    tell(inquiry, name)
  }
  const pick = (items: readonly SimulatedInquiry[], after: string | undefined, size: number) => {
    const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1
    const page = items.slice(start, start + size)
    return { items: page.map(toResource), next: start + size < items.length ? (page.at(-1)?.id ?? null) : null }
  }
  const list = (referenceId: string | undefined, inquiryIds: readonly string[] | undefined) =>
    inquiries
      .filter((inquiry) => referenceId === undefined || referenceId.split(',').includes(inquiry.referenceId ?? ''))
      .filter(({ id }) => inquiryIds === undefined || inquiryIds.includes(id))
      .reverse()

  return {
    inquiries,
    events,
    act,
    addForeign: (referenceId) => void add(referenceId, 'itmpl_foreign'),
    createClient(gate) {
      const refuse = () => Promise.reject(new Error('Nobody expected this call.'))
      const actOn = (action: Action) => (id: string) =>
        gate(() => {
          act(find(id), action)
          return toResource(find(id))
        })
      return {
        environment: 'sandbox',
        rateLimits: () => ({ rate: null, quota: null }),
        clockSkewMs: () => 0,
        health: async () => ({ status: 'ok', latencyMs: 1 }),
        webhooks: { async *list() {} },
        events: {
          retrieve: refuse,
          async *list() {},
          listPage: ({ after, pageSize = 100 } = {}) =>
            gate(() => {
              const newest = [...events].reverse()
              const start = after === undefined ? 0 : newest.findIndex(({ id }) => id === after) + 1
              const items = newest.slice(start, start + pageSize)
              const next = start + pageSize < newest.length ? (items.at(-1)?.id ?? null) : null
              return { items, unreadable: 0, next }
            }),
        },
        inquiries: {
          create: ({ idempotencyKey = '', referenceId = null }) =>
            gate(() => {
              const inquiry = answers.get(idempotencyKey) ?? add(referenceId, TEMPLATE)
              answers.set(idempotencyKey, inquiry)
              return { inquiry: toResource(inquiry), sessionToken: `token-${inquiry.id}` }
            }),
          retrieve: (id) => gate(() => toResource(find(id))),
          async *list({ referenceId, inquiryIds } = {}) {
            yield* await gate(() => list(referenceId, inquiryIds).map(toResource))
          },
          listPage: ({ referenceId, inquiryIds, after, pageSize = 100 } = {}) =>
            gate(() => pick(list(referenceId, inquiryIds), after, pageSize)),
          resume: (id) =>
            gate(() => {
              const inquiry = find(id)
              if (inquiry.isExhausted || (inquiry.status !== 'pending' && inquiry.status !== 'expired')) {
                throw new PersonaApiError('persona_conflict', { status: 409 })
              }
              change(inquiry, 'pending', 2)
              return { inquiry: toResource(inquiry), sessionToken: `token-${id}-${now()}` }
            }),
          expire: actOn('expire'),
          approve: actOn('approve'),
          decline: actOn('decline'),
          markForReview: actOn('review'),
          update: refuse,
          redact: refuse,
          createOneTimeLink: refuse,
          performSimulateActions: refuse,
        },
      }
    },
  }
}

function toResource({
  id,
  referenceId,
  templateId,
  createdAtMs,
  updatedAtMs,
  status,
  isExhausted,
}: SimulatedInquiry): Inquiry {
  return {
    id,
    attributes: {
      status,
      referenceId,
      createdAt: new Date(createdAtMs).toISOString(),
      updatedAt: new Date(updatedAtMs).toISOString(),
      redactedAt: null,
      fields: {},
    },
    relationships: {
      inquiryTemplate: { data: { type: 'inquiry-template', id: templateId } },
      sessions: { data: isExhausted ? Array.from({ length: 25 }, (_, index) => ({ id: `iqse_${index}` })) : [] },
    },
  }
}
