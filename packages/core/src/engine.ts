import type { AuditEntry, AuditQuery } from './audit-storage.js'
import { type KycCaseView, requireCase, toCaseView } from './case-view.js'
import type { PersonaEnvironment } from './client.js'
import type { Consumer, DeadLetter, DeadLetterQuery } from './consumer-storage.js'
import { type DecideCaseOptions, decideCase } from './decide-case.js'
import type { EngineContext } from './engine-context.js'
import { type KycEngineOptions, toContext } from './engine-options.js'
import { eraseCase } from './erase-case.js'
import { type FeedHandler, type FollowOptions, followFeed } from './follow-feed.js'
import { createStorageProbe, type KycHealth } from './health.js'
import { type ImportOptions, type ImportReport, importEvents } from './import-events.js'
import { type InitiateKycOptions, initiateKyc } from './initiate-kyc.js'
import { requireInitiation, requirePage } from './input.js'
import type { Logger } from './logger.js'
import { openPersonalData, type PersonalData } from './personal-data.js'
import { processWebhook, type WebhookDelivery, type WebhookResult } from './process-webhook.js'
import {
  type ReconcileEveryOptions,
  type ReconcileOptions,
  type ReconcileReport,
  reconcile,
  reconcileEvery,
} from './reconcile.js'
import { type ReplayOptions, type ReplayReport, replayEvents } from './replay-events.js'
import { resumeCase } from './resume-case.js'
import { openSessionToken } from './session-token.js'
import type { CaseEvent, CaseQuery, ClaimReference, FeedPage, KycCase, KycStorage, Page, PageQuery } from './storage.js'
import { clearClaim, updateClaim } from './update-claim.js'
import { checkWebhook, type ExpectedWebhook, type WebhookDrift } from './webhook-drift.js'

/** The KYC engine. Its methods reject with a KycError, a StorageError or a PersonaApiError. */
export interface KycEngine {
  /** Where it logs; the routes log there too, unless they are given another one. */
  readonly logger: Logger
  /** The environment of the Persona client; null where nobody told. */
  readonly environment: PersonaEnvironment | null
  /**
   * Resolves with the user's open case, or a new one (`created`), and a session token to go on with. Safe to call at
   * any time, by any number of callers: a user has at most one open case, and a case at most one live inquiry.
   */
  initiateKyc(options: InitiateKycOptions): Promise<{ readonly created: boolean; readonly kycCase: KycCaseView }>
  /** Checks, records and applies one delivery. Once it resolves, the event is durable. */
  processWebhook(delivery: WebhookDelivery): Promise<WebhookResult>
  /** Rejects with `case_not_found` for an unknown id. */
  getCase(caseId: string): Promise<KycCaseView>
  /** Lists cases in the order of their creation, without session tokens. */
  listCases(query?: Partial<CaseQuery>): Promise<Page<KycCaseView>>
  /** Stores the claim's reference. Rejects with `case_not_verified` or, for another claim than the stored one, `claim_conflict`. */
  updateClaim(caseId: string, claim: ClaimReference): Promise<KycCaseView>
  /**
   * Removes that claim's reference, whatever the case's status; a case without one stays as it is. Rejects with
   * `claim_conflict` when the case has another one.
   */
  clearClaim(caseId: string, claim: ClaimReference): Promise<KycCaseView>
  /** Resolves with the case and a fresh session token. Rejects with `case_not_resumable` when Persona would not resume it. */
  resumeCase(caseId: string): Promise<KycCaseView>
  /** Passes a decision to Persona and applies its answer. */
  decideCase(caseId: string, options: DecideCaseOptions): Promise<KycCaseView>
  /** Erases the personal data here and redacts the inquiries at Persona. Call again when it rejects: it goes on where it ended. */
  eraseCase(caseId: string): Promise<KycCaseView>
  /** Resolves with what the app gave at initiation; null where it was not stored, or is erased. */
  readPersonalData(caseId: string): Promise<PersonalData | null>
  listCaseEvents(caseId: string, query?: Partial<PageQuery>): Promise<Page<CaseEvent>>
  /** The feed of all transitions, in an order in which a follower misses none. */
  readFeed(query?: Partial<PageQuery>): Promise<FeedPage>
  /**
   * Calls the handler with each transition, in order for each case, at least once; resolves when the signal is aborted.
   * Any number of processes may follow under one name: one at a time does the work, from where the last one was. A
   * transition that fails `maxAttempts` times is put aside as a dead letter, and those of its case that follow with it.
   * Storage failures are waited out. Rejects with `argument_invalid` for a malformed option, and when the consumer's
   * place is one of another database.
   */
  follow(name: string, handler: FeedHandler, options?: FollowOptions): Promise<void>
  /** The consumers of the feed, by name; the reconciler is one of them, as `$reconciler`. */
  listConsumers(): Promise<readonly Consumer[]>
  /** Pages through what followers have put aside. */
  listDeadLetters(query?: Partial<Pick<DeadLetterQuery, 'consumer' | 'after' | 'limit'>>): Promise<Page<DeadLetter>>
  /** Has the consumer's follower handle its dead letters again, or those of one case; resolves with their number. */
  replayDeadLetters(consumer: string, options?: { readonly caseId?: string | undefined }): Promise<number>
  /**
   * Brings what webhooks did not: asks Persona about the cases that are unsettled for some time, and reads its events
   * since the last run. One process at a time does it. Rejects with PersonaApiError or StorageError.
   */
  reconcile(options?: ReconcileOptions): Promise<ReconcileReport>
  /** Reconciles now and again, and resolves when the signal is aborted. Failures are logged. */
  reconcileEvery(options?: ReconcileEveryOptions): Promise<void>
  /**
   * Moves each case to what the present status policy makes of its newest stored event, and looks again at events that
   * had no case when they came.
   */
  replayEvents(options?: ReplayOptions): Promise<ReplayReport>
  /**
   * Records a history of events, one as JSON on each line: the body of a webhook, or an event as Persona lists it. The
   * same way as webhooks, but nobody checks a signature: import what you trust. An event that is there is passed over, so an
   * import may be repeated. What the storage cannot take for the moment is tried again twenty times, two seconds apart.
   * Rejects with StorageError, once all that was under way has ended.
   */
  importEvents(lines: AsyncIterable<string> | Iterable<string>, options?: ImportOptions): Promise<ImportReport>
  /** Compares the webhook that is configured at Persona with what the app expects. */
  checkWebhook(expected: ExpectedWebhook): Promise<WebhookDrift>
  /** Appends to the audit trail who asked for what, and what was decided. Durable once it resolves. */
  recordAccess(access: Omit<AuditEntry, 'id' | 'decidedAt'>): Promise<void>
  /** Pages through the audit trail of who asked for what, the oldest first. */
  listAudit(query?: Partial<AuditQuery>): Promise<Page<AuditEntry>>
  /** Never rejects. The storage is asked at most every second, Persona every 15. */
  health(): Promise<KycHealth>
  /**
   * The same engine on another storage: one bound to your own transaction, for example. Then `onTransition` is called
   * before you commit.
   */
  withStorage(storage: KycStorage): KycEngine
}

/**
 * Returns the engine that moves KYC cases.
 *
 * @throws ConfigurationError when an option is missing or malformed.
 */
export function createKycEngine(options: KycEngineOptions): KycEngine {
  return toEngine(toContext(options))
}

function toEngine(context: EngineContext): KycEngine {
  const { storage } = context
  const checkStorage = createStorageProbe(context)
  const view = async (kycCase: KycCase) => toCaseView(kycCase, await openSessionToken(context, kycCase))

  return {
    logger: context.logger,
    environment: context.persona.environment,
    async initiateKyc(options) {
      const { created, kycCase } = await initiateKyc(context, requireInitiation(options))
      return { created, kycCase: await view(kycCase) }
    },
    processWebhook: (delivery) => processWebhook(context, delivery),
    getCase: async (caseId) => view(await requireCase(storage, caseId)),
    async listCases(query = {}) {
      const { items, next } = await storage.listCases({
        status: query.status ?? null,
        claim: query.claim ?? null,
        ...requirePage(query),
      })
      return { items: items.map((kycCase) => toCaseView(kycCase, null)), next }
    },
    updateClaim: async (caseId, claim) => view(await updateClaim(context, caseId, claim)),
    clearClaim: async (caseId, claim) => view(await clearClaim(context, caseId, claim)),
    resumeCase: async (caseId) => view(await resumeCase(context, await requireCase(storage, caseId))),
    decideCase: async (caseId, decision) =>
      view(await decideCase(context, await requireCase(storage, caseId), decision)),
    eraseCase: async (caseId) => view(await eraseCase(context, await requireCase(storage, caseId))),
    readPersonalData: async (caseId) => openPersonalData(context, await requireCase(storage, caseId)),
    async listCaseEvents(caseId, query = {}) {
      const page = requirePage(query)
      await requireCase(storage, caseId)
      return storage.listCaseEvents(caseId, page)
    },
    readFeed: async (query = {}) => storage.readFeed(requirePage(query)),
    follow: (name, handler, options = {}) => followFeed(context, name, handler, options),
    listConsumers: async () => storage.listConsumers(),
    listDeadLetters: async (query = {}) =>
      storage.listDeadLetters({ consumer: query.consumer ?? null, isDue: false, ...requirePage(query) }),
    replayDeadLetters: async (consumer, { caseId = null } = {}) =>
      storage.requestReplay(consumer, { caseId, now: new Date(context.now()) }),
    reconcile: async (options = {}) => reconcile(context, options),
    reconcileEvery: async (options = {}) => reconcileEvery(context, options),
    replayEvents: async (options = {}) => replayEvents(context, options),
    importEvents: async (lines, options = {}) => importEvents(context, lines, options),
    checkWebhook: (expected) => checkWebhook(context.persona, expected),
    recordAccess: async ({ principal, action, route, verdict, caseId }) => {
      const id = crypto.randomUUID()
      await storage.appendAudit({ id, decidedAt: new Date(context.now()), principal, action, route, verdict, caseId })
    },
    listAudit: async ({ caseId = null, principal = null, ...page } = {}) =>
      storage.listAudit({ caseId, principal, ...requirePage(page) }),
    async health() {
      const [storageHealth, persona] = await Promise.all([checkStorage(), context.checkPersona()])
      return { storage: storageHealth, persona }
    },
    // Work that is under way there may be in a transaction: nobody else joins it.
    withStorage: (other) => toEngine({ ...context, storage: other, underWay: new Map() }),
  }
}
