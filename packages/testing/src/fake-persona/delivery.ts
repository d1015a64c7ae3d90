import { createSignedDelivery } from '../signed-delivery.js'
import type { FakeEvent } from './events.js'
import { type KeyInflection, toInflected } from './inflection.js'
import { untilAborted } from './lifetime.js'

/** Where the fake delivers its events and how. */
export interface WebhookSubscription {
  /** The address of the endpoint. */
  readonly url: string
  /** The webhook's secret; several make several signatures, as Persona sends during rotation. */
  readonly secrets: string | readonly string[]
  /** Told by `GET /webhooks`; nothing is sent to a disabled one. Default `enabled`. */
  readonly status?: 'enabled' | 'disabled'
  /** Told by `GET /webhooks`; the payload's form stays the fake's own. Default `2025-12-08`. */
  readonly apiVersion?: string
  /** The names of the events to deliver, as in the dashboard; `*` stands for all. Default: all. */
  readonly enabledEvents?: readonly string[]
  /** The casing of the payload. Default `kebab`. */
  readonly inflection?: KeyInflection
  /** Sends the request. Default: the global `fetch`. A Hono app's `fetch` fits. */
  readonly fetch?: (request: Request) => Response | Promise<Response>
  /** Delivers each event by itself as soon as it happens, and retries on real timers. Default false. */
  readonly auto?: boolean
  /** Called after each attempt. */
  readonly onDelivery?: (result: DeliveryResult) => void
  /** Signs retries with the time of the first attempt; Persona does not say which it does. Default false. */
  readonly reuseFirstTimestamp?: boolean
  /** How long one attempt may take, in milliseconds. Default 5000, Persona's. */
  readonly timeoutMs?: number
  /** The waits before the retries, in seconds. Default Persona's: 3, 64, 729, 4096, 15625, 46656, 117649. */
  readonly retryDelaysSeconds?: readonly number[]
}

/** A delivery that was not accepted yet. */
export interface PendingDelivery {
  readonly eventId: string
  readonly name: string
  readonly attemptsMade: number
  /** When the next attempt is due, in milliseconds on the fake's clock. */
  readonly dueAtMs: number
}

/** How one attempt ended. */
export interface DeliveryResult {
  readonly eventId: string
  readonly name: string
  /** Counted from 1. */
  readonly attempt: number
  /** The status of the answer; undefined when there was none in time. */
  readonly status: number | undefined
}

/** A delivery with its bytes, which are the same in every attempt. */
export interface QueuedDelivery {
  readonly eventId: string
  readonly name: string
  readonly body: string
  attemptsMade: number
  dueAtMs: number
  firstAttemptedAtSeconds: number | undefined
  copiesInFlight: number
  wasAccepted: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}

/** Persona's waits before the retries, in seconds. @see https://docs.withpersona.com/best-practices */
export const PERSONA_RETRY_DELAYS_SECONDS: readonly number[] = [3, 64, 729, 4096, 15625, 46656, 117649]

const DEFAULT_TIMEOUT_MS = 5000

/** Returns the delivery of an event, due at once. The body is the event in the webhook's own casing, with `included`. */
export function toQueuedDelivery(event: FakeEvent, inflection: KeyInflection, nowMs: number): QueuedDelivery {
  return {
    eventId: event.id,
    name: event.attributes.name,
    body: JSON.stringify(toInflected(toWebhookBody(event), inflection)),
    attemptsMade: 0,
    dueAtMs: nowMs,
    firstAttemptedAtSeconds: undefined,
    copiesInFlight: 0,
    wasAccepted: false,
    timer: undefined,
  }
}

/** Returns the body of a webhook for an event, in kebab-case. */
export function toWebhookBody(event: FakeEvent): { readonly data: object } {
  const { payload } = event.attributes
  return { data: { ...event, attributes: { ...event.attributes, payload: { ...payload, included: [] } } } }
}

/** Says whether Persona takes this status for an acceptance. */
export function isAccepted(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300
}

/** Makes one attempt. Resolves with the status, or undefined when no answer came in time; never rejects. */
export async function attemptDelivery(
  delivery: QueuedDelivery,
  subscription: WebhookSubscription,
  nowMs: number,
): Promise<number | undefined> {
  const nowSeconds = Math.floor(nowMs / 1000)
  const firstAttemptedAtSeconds = delivery.firstAttemptedAtSeconds ?? nowSeconds
  const retries = subscription.retryDelaysSeconds ?? PERSONA_RETRY_DELAYS_SECONDS
  const attemptsMade = delivery.attemptsMade + 1
  const { body, headers } = await createSignedDelivery({
    body: delivery.body,
    secrets: subscription.secrets,
    timestampSeconds: subscription.reuseFirstTimestamp === true ? firstAttemptedAtSeconds : nowSeconds,
    attemptsMade,
    attemptsLeft: retries.length + 1 - attemptsMade,
    firstAttemptedAtSeconds,
  })
  return send(subscription, { method: 'POST', body, headers, redirect: 'manual' })
}

async function send(subscription: WebhookSubscription, init: RequestInit): Promise<number | undefined> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), subscription.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  const send = subscription.fetch ?? fetch
  try {
    const request = new Request(subscription.url, { ...init, signal: deadline.signal })
    const response = await untilAborted(deadline.signal, async () => send(request))
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
