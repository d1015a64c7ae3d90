import { signWebhook } from '@persona-kyc/core'

/** What {@link createSignedDelivery} delivers: an event, which is serialised, or a body as it is. */
export type SignedDeliveryOptions = ({ readonly event: unknown } | { readonly body: Uint8Array | string }) & {
  /** The webhook's secret; several make one signature each, as during rotation. */
  readonly secrets: string | readonly string[]
  /** `t` of the signature, in unix seconds. Default: now. */
  readonly timestampSeconds?: number
  /** Default 1: the first attempt. */
  readonly attemptsMade?: number
  /** Default: what Persona's seven retries leave. */
  readonly attemptsLeft?: number
  /** In unix seconds. Default: `timestampSeconds`. */
  readonly firstAttemptedAtSeconds?: number
}

/** A delivery as it goes over the wire. */
export interface CreatedDelivery {
  readonly body: Uint8Array<ArrayBuffer>
  /** Names in lower case. */
  readonly headers: Record<string, string>
}

const TOTAL_ATTEMPTS = 8

/** Resolves with a webhook request that Persona could have sent: its bytes and its headers. */
export async function createSignedDelivery(options: SignedDeliveryOptions): Promise<CreatedDelivery> {
  const body = toBytes('event' in options ? JSON.stringify(options.event) : options.body)
  const timestampSeconds = options.timestampSeconds ?? Math.floor(Date.now() / 1000)
  const attemptsMade = options.attemptsMade ?? 1
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'persona-signature': await signWebhook({ body, secrets: options.secrets, timestampSeconds }),
      'persona-webhook-attempts-made': String(attemptsMade),
      'persona-webhook-attempts-left': String(options.attemptsLeft ?? TOTAL_ATTEMPTS - attemptsMade),
      'persona-webhook-first-attempted-at': String(options.firstAttemptedAtSeconds ?? timestampSeconds),
    },
  }
}

function toBytes(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
}
