import { createKnexStorage, migrate } from '@persona-kyc/storage-knex'
import { createInquiryEvent, createSignedDelivery } from '@persona-kyc/testing'
import type { Knex } from 'knex'
import { WEBHOOK_SECRET } from '../examples/service/test/server-process.js'

/** What a load has done so far. */
export interface Load {
  /** The ids of the events that a server has answered with 200. */
  readonly acknowledged: ReadonlySet<string>
  /** Sends what has no answer yet until it has one, and resolves when all have. */
  finish(): Promise<void>
}

/** What to send, how fast, and whereto. */
export interface LoadOptions {
  readonly inquiryIds: readonly string[]
  readonly eventsPerSecond: number
  /** The servers that run now; an event goes to one of them. */
  servers(): readonly string[]
}

const WORKERS = 32
const STATUSES = ['inquiry.approved', 'inquiry.declined'] as const
const RETRY_MS = 20

/** Stores cases with their inquiries, as if so many people had begun. Resolves with the inquiries' ids. */
export async function seedCases(knex: Knex, count: number): Promise<string[]> {
  await migrate({ knex })
  const storage = createKnexStorage({ knex })
  const now = new Date()
  const ids = Array.from({ length: count }, () => crypto.randomUUID())
  for (const id of ids) {
    await storage.createCase({
      id,
      userId: `user of ${id}`,
      documentType: 'passport',
      sealedPersonalData: null,
      idempotencyKey: null,
      createdAt: now,
      initiatingUntil: now,
    })
    const inquiry = { inquiryId: `inq_${id}`, replaces: null, personaStatus: 'created', sealedSessionToken: null, now }
    await storage.attachInquiry(id, inquiry)
  }
  return ids.map((id) => `inq_${id}`)
}

/** Sends events as Persona does: signed, and again until they are taken. Each turns its case around. */
export function startLoad({ inquiryIds, eventsPerSecond, servers }: LoadOptions): Load {
  const acknowledged = new Set<string>()
  const startedAt = Date.now()
  let sent = 0
  let isOver = false

  const next = () => {
    const index = sent++
    const name = STATUSES[Math.floor(index / inquiryIds.length) % 2] ?? STATUSES[0]
    return createInquiryEvent({
      name,
      inquiryId: inquiryIds[index % inquiryIds.length] ?? '',
      createdAt: startedAt + index,
    })
  }
  const work = async () => {
    while (!isOver) {
      const dueAt = startedAt + (sent * 1000) / eventsPerSecond
      await pause(dueAt - Date.now())
      if (isOver) return
      const event = next()
      const delivery = await createSignedDelivery({ event, secrets: WEBHOOK_SECRET })
      for (let attempt = 0; !(await send(servers(), delivery, attempt)); attempt++) await pause(RETRY_MS)
      acknowledged.add(event.data.id)
    }
  }
  const working = Promise.all(Array.from({ length: WORKERS }, work))
  return {
    acknowledged,
    async finish() {
      isOver = true
      await working
    },
  }
}

/** True when a server took it. */
async function send(
  servers: readonly string[],
  { body, headers }: Awaited<ReturnType<typeof createSignedDelivery>>,
  attempt: number,
): Promise<boolean> {
  const server = servers[attempt % Math.max(1, servers.length)]
  if (server === undefined) return false
  const signal = AbortSignal.timeout(5000)
  try {
    const response = await fetch(`${server}/webhooks/persona/inquiry`, { method: 'POST', body, headers, signal })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

/** Waits: a load has a pace. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
