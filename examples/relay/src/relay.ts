import type { FollowOptions, KycEngine } from '@persona-kyc/core'
import { toCloudEvent } from './cloud-event.js'
import type { Publisher } from './publisher.js'

/** What to relay whereto. */
export interface RelayOptions extends FollowOptions {
  readonly engine: KycEngine
  readonly publishers: readonly Publisher[]
  /** The `source` of the events: a URI of this service. */
  readonly source: string
}

/**
 * Publishes the feed until the signal is aborted. A transition is done when every broker has confirmed it; until then it
 * comes again, so consumers may see it twice, and know it by its id.
 */
export function relay({ engine, publishers, source, ...options }: RelayOptions): Promise<void> {
  return engine.follow(
    'relay',
    async (transition) => {
      const event = toCloudEvent(transition, source)
      await Promise.all(publishers.map((publisher) => publisher.publish(event)))
    },
    // A broker may be away for long: nothing is put aside for that.
    { maxAttempts: 1_000_000, ...options },
  )
}
