export type { KycAlarm } from './alarms.js'
export type { AuditEntry, AuditQuery, AuditStorage } from './audit-storage.js'
export {
  type Authorization,
  type AuthorizationRequest,
  type Authorize,
  combineAuthorize,
  type KycAction,
} from './authorize.js'
export {
  type BearerAuthorizeOptions,
  type BearerToken,
  createBearerAuthorize,
  hashToken,
} from './bearer-authorize.js'
export type { KycCaseView } from './case-view.js'
export { type Cipher, createCipher, type EncryptionKey } from './cipher.js'
export type {
  ChainSender,
  ChainTransaction,
  ChainTransactionState,
  ClaimRequest,
  ClaimState,
  ClaimStorage,
  ClaimWork,
  NewChainTransaction,
  NewStoredClaim,
  StoredClaim,
} from './claim-storage.js'
export {
  createPersonaClient,
  type PersonaClient,
  type PersonaClientOptions,
  type PersonaEnvironment,
  type PersonaHealth,
} from './client.js'
export { type HeldLease, type LeaseContext, type LeaseOptions, sleepUntilAborted, withLease } from './consumer-lease.js'
export type {
  Consumer,
  ConsumerLease,
  ConsumerStorage,
  DeadLetter,
  DeadLetterQuery,
  NewDeadLetter,
} from './consumer-storage.js'
export type { DecideCaseOptions, Decision } from './decide-case.js'
export { createKycEngine, type KycEngine } from './engine.js'
export type { KycEngineOptions } from './engine-options.js'
export {
  type ClaimErrorCode,
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
export type { FeedDelivery, FeedHandler, FollowOptions } from './follow-feed.js'
export type { KycHandlerOptions } from './handler-options.js'
export type { KycHealth } from './health.js'
export { createKycHandler, type KycHandler, type RequestHints } from './http.js'
export type { HttpAnswer } from './http-answer.js'
export type { ImportOptions, ImportProgress, ImportReport } from './import-events.js'
export { getMember, isJsonObject, type JsonObject, type JsonValue, toCamelKeys } from './inflection.js'
export type { InitiateKycOptions } from './initiate-kyc.js'
export type { CallOptions, CreateInquiryOptions, Inquiries, ListInquiriesOptions, SimulateAction } from './inquiries.js'
export type { Inquiry, InquiryWithSession, OneTimeLink } from './inquiry.js'
export {
  createKycApi,
  isKycApiError,
  type KycApi,
  type KycApiAuditEntry,
  type KycApiAuditPage,
  type KycApiAuditQuery,
  type KycApiCallOptions,
  type KycApiCase,
  type KycApiCasePage,
  type KycApiCaseQuery,
  type KycApiClaim,
  type KycApiDecision,
  type KycApiDescription,
  KycApiError,
  type KycApiErrorCode,
  type KycApiEvent,
  type KycApiEventPage,
  type KycApiFailure,
  type KycApiFailureReason,
  type KycApiFeedPage,
  type KycApiHealth,
  type KycApiInitiation,
  type KycApiOptions,
  type KycApiPageQuery,
  type KycApiSession,
  type KycApiTransition,
  type KycProblemCode,
} from './kyc-api.js'
export { consoleLogger, type Logger, toLogFields, toSafeLogger } from './logger.js'
export { createMemoryStorage } from './memory-storage.js'
export { createPacer, type Pacer, type PacerOptions } from './pacer.js'
export type { PersonaPage } from './page-walk.js'
export { isPersonaError, PersonaApiError, type PersonaFailure } from './persona-error.js'
export type { ListEventsOptions, PersonaEventPage, PersonaEvents } from './persona-events.js'
export type { InquiryInput, PersonalData } from './personal-data.js'
export type { BodyReading, PlainRequest } from './plain-request.js'
export type { Problem } from './problem.js'
export type { WebhookDelivery, WebhookResult } from './process-webhook.js'
export { createMemoryRateLimiter, type MemoryRateLimiterOptions, type RateLimiter } from './rate-limiter.js'
export type { RateLimit, RateLimits } from './rate-limits.js'
export type { ReconcileEveryOptions, ReconcileOptions, ReconcileProgress, ReconcileReport } from './reconcile.js'
export type { ReplayOptions, ReplayReport } from './replay-events.js'
export type { RequestLimitOptions } from './request-limits.js'
export { sleep } from './retries.js'
export { CLAIM_SCOPES, type ClaimScope, type KycScope, USER_SCOPES, type UserScope } from './scopes.js'
export {
  createSignatureVerifier,
  isSignatureHeader,
  type SignatureHeader,
  type SignatureOptions,
  type SignatureVerdict,
  type SignedDelivery,
  type SignWebhookOptions,
  signWebhook,
  verifySignature,
  type WebhookSecrets,
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
  DeliveryTelemetry,
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
  StoredEvent,
  Transition,
  UnsettledCaseQuery,
} from './storage.js'
export {
  checkWebhook,
  type ExpectedWebhook,
  REQUIRED_EVENTS,
  type WebhookDifference,
  type WebhookDrift,
} from './webhook-drift.js'
export type { PersonaWebhook, PersonaWebhooks } from './webhooks.js'
