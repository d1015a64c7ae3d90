import type { FakeClock } from './clock.js'
import type { IdSource } from './ids.js'

/** A resource as the API serialises it, in kebab-case. */
export interface PersonaResource {
  readonly type: string
  readonly id: string
  readonly attributes: object
  readonly relationships: object
}

/** Something that happened, with a snapshot of the resource at that time, in kebab-case. */
export interface FakeEvent {
  readonly type: 'event'
  readonly id: string
  readonly attributes: {
    readonly name: string
    readonly payload: { readonly data: PersonaResource }
    readonly 'created-at': string
  }
}

/** The fake's events, in the order in which they happened. */
export interface EventLog {
  /** Records that `name` happened to `resource` and tells the listener. `createdAt` defaults to the next instant. */
  record(name: string, resource: PersonaResource, createdAt?: string): FakeEvent
  list(): readonly FakeEvent[]
  clear(): void
}

/** Returns an empty log. `onEvent` is called with each new event. */
export function createEventLog(
  { clock, nextId }: { clock: FakeClock; nextId: IdSource },
  onEvent: (event: FakeEvent) => void,
): EventLog {
  const events: FakeEvent[] = []
  return {
    record(name, resource, createdAt = clock.nextInstant()) {
      const payload = { data: structuredClone(resource) }
      const event: FakeEvent = {
        type: 'event',
        id: nextId('evt'),
        attributes: { name, payload, 'created-at': createdAt },
      }
      events.push(event)
      onEvent(event)
      return event
    },
    list: () => [...events],
    clear: () => void events.splice(0),
  }
}
