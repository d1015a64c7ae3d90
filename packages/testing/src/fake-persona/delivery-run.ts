import type { FakeClock } from './clock.js'
import {
  attemptDelivery,
  type DeliveryResult,
  isAccepted,
  PERSONA_RETRY_DELAYS_SECONDS,
  type QueuedDelivery,
  type WebhookSubscription,
} from './delivery.js'

/** What waits to be delivered, and whereto. */
export interface QueueState {
  readonly clock: FakeClock
  subscription: WebhookSubscription | undefined
  queue: QueuedDelivery[]
  isPaused: boolean
}

/**
 * Sends the copies, in order or all at the same time. Each delivery is settled when its last copy was answered: done
 * when any copy was accepted, otherwise due again after Persona's next delay.
 */
export async function deliver(
  state: QueueState,
  copies: readonly QueuedDelivery[],
  { parallel = false }: { parallel?: boolean } = {},
): Promise<DeliveryResult[]> {
  const { subscription } = state
  if (subscription === undefined) return []
  for (const delivery of copies) claim(delivery, state.clock.now())
  const send = (delivery: QueuedDelivery) => sendCopy(state, subscription, delivery)
  if (parallel) return Promise.all(copies.map(send))
  const results: DeliveryResult[] = []
  for (const delivery of copies) results.push(await send(delivery))
  return results
}

/** With `auto`: delivers by itself after this time, unless the queue is paused then. */
export function schedule(state: QueueState, delivery: QueuedDelivery, delayMs: number): void {
  clearTimeout(delivery.timer)
  if (state.subscription?.auto !== true || !state.queue.includes(delivery)) return
  delivery.timer = setTimeout(() => {
    if (!state.isPaused && delivery.copiesInFlight === 0) void deliver(state, [delivery])
  }, delayMs)
  delivery.timer.unref?.()
}

function claim(delivery: QueuedDelivery, nowMs: number): void {
  clearTimeout(delivery.timer)
  delivery.copiesInFlight += 1
  delivery.firstAttemptedAtSeconds ??= Math.floor(nowMs / 1000)
}

async function sendCopy(
  state: QueueState,
  subscription: WebhookSubscription,
  delivery: QueuedDelivery,
): Promise<DeliveryResult> {
  const attempt = delivery.attemptsMade + 1
  const status = await attemptDelivery(delivery, subscription, state.clock.now())
  delivery.wasAccepted ||= isAccepted(status)
  delivery.copiesInFlight -= 1
  if (delivery.copiesInFlight === 0) settle(state, delivery)
  const result = { eventId: delivery.eventId, name: delivery.name, attempt, status }
  subscription.onDelivery?.(result)
  return result
}

function settle(state: QueueState, delivery: QueuedDelivery): void {
  const delays = state.subscription?.retryDelaysSeconds ?? PERSONA_RETRY_DELAYS_SECONDS
  const delaySeconds = delays[delivery.attemptsMade]
  delivery.attemptsMade += 1
  if (delivery.wasAccepted || delaySeconds === undefined) {
    state.queue = state.queue.filter((candidate) => candidate !== delivery)
    return
  }
  delivery.dueAtMs = state.clock.now() + delaySeconds * 1000
  schedule(state, delivery, delaySeconds * 1000)
}
