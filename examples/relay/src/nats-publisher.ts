import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { HTTP } from 'cloudevents'
import type { Publisher } from './publisher.js'

/** Where to publish on NATS. */
export interface NatsOptions {
  /** `nats://host:4222` */
  readonly url: string
  /** The JetStream stream; it is made where there is none. */
  readonly stream: string
  /** The subject; the stream takes all below it. */
  readonly subject: string
}

const ACK_TIMEOUT_MS = 5000

/**
 * Connects, and resolves with a publisher to JetStream, in the structured mode of the CloudEvents binding for NATS. The
 * server drops what it has seen within its duplicate window.
 */
export async function createNatsPublisher({ url, stream, subject }: NatsOptions): Promise<Publisher> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1 })
  const manager = await jetstreamManager(connection)
  const exists = await manager.streams.info(stream).then(
    () => true,
    () => false,
  )
  if (!exists) await manager.streams.add({ name: stream, subjects: [`${subject}.>`] })
  const client = jetstream(connection)
  return {
    async publish(event) {
      const { body } = HTTP.structured(event)
      await client.publish(`${subject}.${event.subject}`, String(body), { msgID: event.id, timeout: ACK_TIMEOUT_MS })
    },
    close: () => connection.close(),
  }
}
