export {
  type Authorization,
  type AuthorizationRequest,
  type Authorize,
  createBearerAuthorize,
  type KycAction,
} from './authorize.js'
export { type Cipher, createCipher, type EncryptionKey } from './cipher.js'
export {
  createPersonaClient,
  type PersonaClient,
  type PersonaClientOptions,
  type PersonaEnvironment,
  type PersonaHealth,
} from './client.js'
export type { DecideCaseOptions, Decision } from './decide-case.js'
export {
  createKycEngine,
  type KycCaseView,
  type KycEngine,
  type KycEngineOptions,
  type KycHealth,
} from './engine.js'
export {
  ConfigurationError,
  type ErrorDescription,
  EventError,
  isKycError,
  KycError,
  type KycErrorCode,
  type PersonaErrorCode,
  SignatureError,
  type SignatureRejection,
  StorageError,
} from './errors.js'
export { type EventPosition, isOlderEvent } from './event-order.js'
export {
  constructEvent,
  type EventName,
  type InquiryEventName,
  type InquirySnapshot,
  isInquiryEvent,
  type PersonaEvent,
  parseEvent,
} from './events.js'
export { createKycHandler, type KycHandler, type KycHandlerOptions, type RequestHints } from './http.js'
export { getMember, isJsonObject, type JsonObject, type JsonValue, toCamelKeys } from './inflection.js'
export type { InitiateKycOptions } from './initiate-kyc.js'
export type { CallOptions, CreateInquiryOptions, Inquiries, ListInquiriesOptions, SimulateAction } from './inquiries.js'
export type { Inquiry, InquiryWithSession, OneTimeLink } from './inquiry.js'
export type { Logger } from './logger.js'
export { createMemoryStorage } from './memory-storage.js'
export { isPersonaError, PersonaApiError, type PersonaFailure } from './persona-error.js'
export type { InquiryInput, PersonalData } from './personal-data.js'
export type { Problem } from './problem.js'
export type { WebhookDelivery, WebhookResult } from './process-webhook.js'
export {
  createSignatureVerifier,
  type SignatureOptions,
  type SignatureVerdict,
  type SignedDelivery,
  type SignWebhookOptions,
  signWebhook,
  verifySignature,
} from './signature.js'
export {
  type CaseStatus,
  type CaseVerdict,
  createStatusPolicy,
  type PersonaStatus,
  STATUS_TABLES,
  type StatusPolicy,
  type StatusTable,
  toPersonaStatus,
  toStatusRank,
} from './status.js'
export type {
  CaseEvent,
  CaseQuery,
  ClaimReference,
  EventEffect,
  EventOutcome,
  FeedPage,
  KycCase,
  KycStorage,
  NewCase,
  NewEvent,
  Page,
  PageQuery,
  RecordedEvent,
  SealedText,
  Transition,
} from './storage.js'
