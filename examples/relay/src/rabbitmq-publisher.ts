import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { HTTP } from 'cloudevents'
import type { Publisher } from './publisher.js'

/** Where to publish on RabbitMQ. */
export interface RabbitmqOptions {
  /** `amqp://user:password@host:5672` */
  readonly url: string
  /** A durable topic exchange; it is made where there is none. The routing key is the case's id. */
  readonly exchange: string
}

interface OpenChannel {
  readonly connection: ChannelModel
  readonly channel: ConfirmChannel
  /** Aborted when the channel is no longer good. */
  readonly lost: AbortSignal
}

/**
 * Returns a publisher to RabbitMQ, in the structured mode of CloudEvents, with publisher confirms. It connects with the
 * first event, and again whenever the connection was lost. An event that no queue takes counts as not published.
 */
export function createRabbitmqPublisher({ url, exchange }: RabbitmqOptions): Publisher {
  let open: Promise<OpenChannel> | null = null
  const openAgain = () => {
    open ??= openChannel(url, exchange).then((opened) => {
      opened.lost.addEventListener('abort', () => {
        open = null
      })
      return opened
    })
    open.catch(() => {
      open = null
    })
    return open
  }
  return {
    async publish(event) {
      const { channel, lost } = await openAgain()
      const { body, headers } = HTTP.structured(event)
      await confirm(channel, lost, {
        exchange,
        key: event.subject ?? '',
        content: Buffer.from(String(body)),
        messageId: event.id,
        contentType: String(headers['content-type']),
      })
    },
    async close() {
      const opened = await open?.catch(() => null)
      await opened?.connection.close().catch(() => {})
    },
  }
}

async function openChannel(url: string, exchange: string): Promise<OpenChannel> {
  const connection = await connect(url)
  const lost = new AbortController()
  for (const event of ['error', 'close'] as const) connection.on(event, () => lost.abort())
  const channel = await connection.createConfirmChannel()
  for (const event of ['error', 'close'] as const) channel.on(event, () => lost.abort())
  await channel.assertExchange(exchange, 'topic', { durable: true })
  return { connection, channel, lost: lost.signal }
}

interface Message {
  readonly exchange: string
  readonly key: string
  readonly content: Buffer
  readonly messageId: string
  readonly contentType: string
}

/** Resolves with the broker's confirm. What no queue takes is returned first, and confirmed afterwards all the same. */
function confirm(channel: ConfirmChannel, lost: AbortSignal, message: Message): Promise<void> {
  const { exchange, key, content, messageId, contentType } = message
  return new Promise((resolve, reject) => {
    let isReturned = false
    const onReturn = (returned: { properties: { messageId?: string } }) => {
      if (returned.properties.messageId === messageId) isReturned = true
    }
    const settle = (error: Error | null) => {
      channel.off('return', onReturn)
      lost.removeEventListener('abort', onLost)
      if (error === null) resolve()
      else reject(error)
    }
    const onLost = () => settle(new Error('The connection to RabbitMQ was lost before the confirm.'))
    if (lost.aborted) return onLost()
    lost.addEventListener('abort', onLost)
    channel.on('return', onReturn)
    channel.publish(
      exchange,
      key,
      content,
      { persistent: true, mandatory: true, messageId, contentType },
      (error: unknown) => {
        if (error) settle(new Error('RabbitMQ refused the message.'))
        else settle(isReturned ? new Error('No queue took the message: bind one to the exchange.') : null)
      },
    )
  })
}
