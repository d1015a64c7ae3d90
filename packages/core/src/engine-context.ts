import type { KycAlarm } from './alarms.js'
import type { Cipher } from './cipher.js'
import type { PersonaClient, PersonaHealth } from './client.js'
import type { JsonObject } from './inflection.js'
import type { Logger } from './logger.js'
import type { InquiryInput } from './personal-data.js'
import type { SignatureVerdict, SignedDelivery } from './signature.js'
import type { StatusPolicy } from './status.js'
import type { KycCase, KycStorage, Transition } from './storage.js'

/** What the engine's operations share. Internal: apps see KycEngine. */
export interface EngineContext {
  readonly persona: PersonaClient
  readonly storage: KycStorage
  readonly templateId: string
  readonly redirectUri: string | null
  readonly policy: StatusPolicy
  readonly cipher: Cipher | null
  readonly logger: Logger
  readonly now: () => number
  /** Waits that many milliseconds; rejects when the signal is aborted, if it heeds it. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Rejects with KycError `secrets_unavailable` where nobody knows the webhook's secrets yet: Persona is to deliver again. */
  readonly verify: (delivery: SignedDelivery) => Promise<SignatureVerdict>
  readonly toInquiryFields: ((input: InquiryInput) => JsonObject) | null
  readonly onTransition: ((transition: Transition) => unknown) | null
  readonly onAlarm: ((alarm: KycAlarm) => unknown) | null
  /** Asks how Persona does, at most every 15 seconds. */
  readonly checkPersona: () => Promise<PersonaHealth['status']>
  /** Session tokens by inquiry id, of this process only: where there is no key to store them under. */
  readonly sessionTokens: Map<string, string>
  /** The session tokens of cases that were just attached to their inquiry, and are about to be given away with it. */
  readonly freshTokens: WeakMap<KycCase, string>
  /** Since when an idempotency key gets answers of which nobody knows whether they are stored, in milliseconds. */
  readonly doubtfulSince: Map<string, number>
  /** Work on a case that is under way in this process: later callers join it. */
  readonly underWay: Map<string, Promise<KycCase>>
}
