import type { CloudEvent } from 'cloudevents'

/** Publishes to one broker. */
export interface Publisher {
  /** Resolves when the broker has confirmed that it keeps the event; rejects when it has not. */
  publish(event: CloudEvent<unknown>): Promise<void>
  close(): Promise<void>
}
