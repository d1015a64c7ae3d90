import { createMemoryRateLimiter } from '@persona-kyc/core'
import { createInquiryEvent } from '@persona-kyc/testing'
import { CANARIES, EVERYTHING, FIELDS } from './canaries.js'
import type { World } from './canary-world.js'
import type { Provocation } from './provocation.js'

const EVENT = createInquiryEvent({ name: 'inquiry.approved', inquiryId: 'inq_nest', fields: FIELDS })
const BODY = JSON.stringify(EVENT)
const { id, attributes } = EVENT.data

/** Bodies that are correctly signed, and no event. */
export const MALFORMED = {
  'what is no JSON': EVERYTHING,
  'what is no object': JSON.stringify([EVERYTHING]),
  'an object without data': JSON.stringify({ data: EVERYTHING, ...FIELDS }),
  'an event without attributes': JSON.stringify({ data: { type: 'event', id, attributes: EVERYTHING } }),
  'an event without a payload': toEvent({ ...attributes, payload: EVERYTHING }),
  'an event without a time': toEvent({ ...attributes, 'created-at': EVERYTHING }),
  'an event without a name': toEvent({ ...attributes, name: [EVERYTHING] }),
  'an event without a resource': toEvent({ ...attributes, payload: { data: { id: FIELDS, type: EVERYTHING } } }),
  'a short form without a name': JSON.stringify({ type: FIELDS, data: { id: EVERYTHING } }),
}

function toEvent(members: object): string {
  return JSON.stringify({ data: { type: 'event', id, attributes: members } })
}

/** What is wrong with a signature, by the reason that the error has. */
const REFUSED: Readonly<Record<string, (world: World) => Promise<string>>> = {
  malformed: async () => `t=${CANARIES.accountEmail},v1=${CANARIES.signature}`,
  mismatch: async ({ clock }) => `t=${Math.floor(clock.ms / 1000)},v1=${CANARIES.signature}`,
  stale: async ({ clock, sign }) => moved(clock, -900_000, () => sign(BODY)),
  future: async ({ clock, sign }) => moved(clock, 900_000, () => sign(BODY)),
}

/** Does something at another time. */
async function moved<Result>(clock: World['clock'], byMs: number, work: () => Promise<Result>): Promise<Result> {
  clock.ms += byMs
  try {
    return await work()
  } finally {
    clock.ms -= byMs
  }
}

const RETRY = { 'persona-webhook-attempts-made': '3', 'persona-webhook-attempts-left': '1' }

/** What is wrong with a webhook. */
export const WEBHOOK_PROVOCATIONS: readonly Provocation[] = [
  ...Object.entries(MALFORMED).map(([name, body]) => ({
    code: 'event_malformed',
    name,
    error: 'event_malformed' as const,
    play: ({ deliver }: World) => deliver(body),
  })),
  {
    code: 'forbidden',
    name: 'a webhook from another address',
    options: () => ({ handler: { webhookAddresses: ['192.0.2.1'] } }),
    play: ({ deliver }) => deliver(BODY),
  },
  {
    code: 'rate_limited',
    name: 'a second webhook of a wrong signature',
    isFor: ({ name }) => name !== 'fetch',
    options: () => ({
      handler: {
        rateLimits: { refusedWebhooksPerAddress: createMemoryRateLimiter({ points: 1, durationMs: 60_000 }) },
      },
    }),
    async play({ deliver }) {
      await deliver(BODY, { signature: CANARIES.signature })
      return deliver(BODY, { signature: CANARIES.signature })
    },
  },
  {
    code: 'raw_body_unavailable',
    name: 'a webhook that a parser has read',
    error: 'raw_body_unavailable',
    options: () => ({ hasParser: true }),
    play: ({ deliver }) => deliver(BODY),
  },
  {
    code: 'secrets_unavailable',
    name: 'the secrets of the webhook cannot be had',
    error: 'secrets_unavailable',
    options: () => ({ engine: { webhookSecrets: () => Promise.reject(new Error(EVERYTHING)) } }),
    play: ({ deliver }) => deliver(BODY),
  },
  {
    code: 'signature_invalid',
    name: 'missing',
    error: 'signature_invalid',
    play: ({ ask }) => ask('POST', '/webhooks/persona/inquiry', { body: BODY }),
  },
  ...Object.entries(REFUSED).map(([name, toSignature]) => ({
    code: 'signature_invalid',
    name,
    error: 'signature_invalid' as const,
    play: async (world: World) => world.deliver(BODY, { headers: RETRY, signature: await toSignature(world) }),
  })),
]
