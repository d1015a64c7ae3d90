export { type SignWebhookOptions, signWebhook } from '@persona-kyc/core'
export {
  type CreatedEvent,
  createInquiryEvent,
  createShortEvent,
  type InquiryEventOptions,
  type ShortEvent,
  type ShortEventOptions,
} from './event-builders.js'
export {
  type DeliveryResult,
  PERSONA_RETRY_DELAYS_SECONDS,
  type PendingDelivery,
  type WebhookSubscription,
} from './fake-persona/delivery.js'
export type { FakeEvent, PersonaResource } from './fake-persona/events.js'
export { createFakePersona, type FakePersona, type FakePersonaOptions } from './fake-persona/fake-persona.js'
export type { Fault, FaultKind } from './fake-persona/faults.js'
export type { KeyInflection } from './fake-persona/inflection.js'
export type { FakeInquiries } from './fake-persona/inquiries.js'
export type {
  FakeInquiry,
  FakeInquiryAttributes,
  FakeInquiryField,
  FakeInquiryStatus,
  ResourceIdentifier,
} from './fake-persona/inquiry.js'
export type { RateLimitOptions } from './fake-persona/rate-limit.js'
export type { RecordedRequest } from './fake-persona/recording.js'
export { type PersonaErrorEntry, PersonaRejection } from './fake-persona/rejection.js'
export { type FakePersonaServer, type FakePersonaServerOptions, startFakePersonaServer } from './fake-persona/server.js'
export type { InquiryAction, SimulateAction, VerificationAction } from './fake-persona/simulation.js'
export type { DeliverAllOptions, FakeWebhooks } from './fake-persona/webhooks.js'
export { createSeededRandom } from './seeded-random.js'
export { type CreatedDelivery, createSignedDelivery, type SignedDeliveryOptions } from './signed-delivery.js'
