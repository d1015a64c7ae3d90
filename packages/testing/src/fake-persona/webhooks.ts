import { toShuffled } from '../seeded-random.js'
import type { FakeClock } from './clock.js'
import {
  type DeliveryResult,
  type PendingDelivery,
  type QueuedDelivery,
  toQueuedDelivery,
  type WebhookSubscription,
} from './delivery.js'
import { deliver, type QueueState, schedule } from './delivery-run.js'
import type { FakeEvent } from './events.js'
import type { SubscribedWebhook } from './webhook-routes.js'

/** How {@link FakeWebhooks.deliverAll} disturbs the deliveries. */
export interface DeliverAllOptions {
  /** How many times each delivery is sent beyond the first. Default 0. */
  readonly duplicates?: number
  /** Sends them in an order drawn from the fake's `random`. Default false. */
  readonly shuffle?: boolean
  /** Sends them all at the same time instead of one after the other. Default false. */
  readonly parallel?: boolean
}

/** The fake's webhook: a queue of deliveries with Persona's retries. */
export interface FakeWebhooks {
  /** Sets where events are delivered from now on; undefined stops it. Deliveries that wait go to the new address. */
  subscribe(subscription: WebhookSubscription | undefined): void
  /** Returns the deliveries that were not accepted yet, oldest event first. */
  pending(): readonly PendingDelivery[]
  /** Delivers one after the other everything that is due by the fake's clock; nothing while paused. */
  deliverDue(): Promise<DeliveryResult[]>
  /** Delivers everything that waits now, due or not, also while paused. A delivery is done when one copy was accepted. */
  deliverAll(options?: DeliverAllOptions): Promise<DeliveryResult[]>
  /** Holds deliveries back; events still queue up. */
  pause(): void
  /** Ends {@link pause}; with `auto`, what was held back is delivered. */
  resume(): void
  /** Loses the deliveries of the next `count` events for good, retries included; the events stay in GET /events. */
  dropNext(count: number): void
}

/** {@link FakeWebhooks} as the fake itself sees it. */
export interface WebhookQueue extends FakeWebhooks {
  /** The webhook, as the API tells of it. */
  subscribed(): SubscribedWebhook | undefined
  enqueue(event: FakeEvent): void
  /** Forgets all deliveries and stops the timers; keeps the subscription. */
  clear(): void
  /** Stops the timers. */
  stop(): void
}

/** Returns an empty queue. `beforeDelivery` is called before the queue is looked at, to bring events up to date. */
export function createWebhookQueue(
  { clock, random, nextId }: { clock: FakeClock; random: () => number; nextId: (prefix: string) => string },
  subscription: WebhookSubscription | undefined,
  beforeDelivery: () => void,
): WebhookQueue {
  const state: QueueState = { clock, subscription, queue: [], isPaused: false }
  const identity = { id: nextId('wbh'), createdAt: new Date(clock.now()).toISOString() }
  let dropsLeft = 0

  return {
    subscribed() {
      const { subscription: current } = state
      return current === undefined ? undefined : { ...identity, subscription: current }
    },
    enqueue(event) {
      if (dropsLeft > 0) dropsLeft -= 1
      else enqueue(state, event)
    },
    subscribe(next) {
      state.subscription = next
      scheduleAll(state)
    },
    pending() {
      beforeDelivery()
      return state.queue.map(toPendingDelivery)
    },
    async deliverDue() {
      beforeDelivery()
      const due = idle(state).filter(({ dueAtMs }) => dueAtMs <= clock.now())
      return state.isPaused ? [] : deliver(state, due)
    },
    async deliverAll({ duplicates = 0, shuffle = false, parallel = false } = {}) {
      beforeDelivery()
      const copies = idle(state).flatMap((delivery) => Array.from({ length: duplicates + 1 }, () => delivery))
      return deliver(state, shuffle ? toShuffled(copies, random) : copies, { parallel })
    },
    pause() {
      state.isPaused = true
    },
    resume() {
      state.isPaused = false
      scheduleAll(state)
    },
    dropNext(count) {
      dropsLeft += count
    },
    stop: () => stopTimers(state),
    clear() {
      stopTimers(state)
      Object.assign(state, { queue: [], isPaused: false })
      dropsLeft = 0
    },
  }
}

function enqueue(state: QueueState, event: FakeEvent): void {
  const { subscription } = state
  if (subscription === undefined || !isWanted(subscription, event.attributes.name)) return
  const delivery = toQueuedDelivery(event, subscription.inflection ?? 'kebab', state.clock.now())
  state.queue.push(delivery)
  schedule(state, delivery, 0)
}

function isWanted({ status, enabledEvents = ['*'] }: WebhookSubscription, name: string): boolean {
  return status !== 'disabled' && (enabledEvents.includes('*') || enabledEvents.includes(name))
}

function scheduleAll(state: QueueState): void {
  for (const delivery of idle(state)) schedule(state, delivery, Math.max(0, delivery.dueAtMs - state.clock.now()))
}

function stopTimers({ queue }: QueueState): void {
  for (const { timer } of queue) clearTimeout(timer)
}

function idle({ queue }: QueueState): QueuedDelivery[] {
  return queue.filter(({ copiesInFlight }) => copiesInFlight === 0)
}

function toPendingDelivery({ eventId, name, attemptsMade, dueAtMs }: QueuedDelivery): PendingDelivery {
  return { eventId, name, attemptsMade, dueAtMs }
}
