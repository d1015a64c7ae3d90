import { createCipher, type EncryptionKey } from './cipher.js'
import type { PersonaClient, PersonaHealth } from './client.js'
import { type DecideCaseOptions, decideCase } from './decide-case.js'
import type { EngineContext } from './engine-context.js'
import { eraseCase } from './erase-case.js'
import { ConfigurationError, KycError } from './errors.js'
import type { JsonObject } from './inflection.js'
import { type InitiateKycOptions, initiateKyc } from './initiate-kyc.js'
import { requireInitiation, requirePage, requireText } from './input.js'
import { consoleLogger, type Logger, toLogFields, toSafeLogger } from './logger.js'
import { type InquiryInput, openPersonalData, type PersonalData } from './personal-data.js'
import { processWebhook, type WebhookDelivery, type WebhookResult } from './process-webhook.js'
import { sleep } from './request.js'
import { resumeCase } from './resume-case.js'
import { openSessionToken } from './session-token.js'
import { createSignatureVerifier } from './signature.js'
import { createStatusPolicy, type STATUS_TABLES, type StatusTable } from './status.js'
import type {
  CaseEvent,
  CaseQuery,
  ClaimReference,
  FeedPage,
  KycCase,
  KycStorage,
  Page,
  PageQuery,
  Transition,
} from './storage.js'

/** What {@link createKycEngine} accepts. */
export interface KycEngineOptions {
  readonly persona: PersonaClient
  readonly storage: KycStorage
  /** The inquiry template: `itmpl_…`, or `itmplv_…` for a version, or `tmpl_…` for a legacy one. */
  readonly templateId: string
  /** The webhook's secrets (`wbhsec_…`); several during rotation. */
  readonly webhookSecrets: string | readonly string[]
  /** The replay window of webhooks, in seconds either way. Default 300. */
  readonly toleranceSeconds?: number | undefined
  /** `completed` (the default), `decision`, or a table of your own. */
  readonly statusPolicy?: keyof typeof STATUS_TABLES | StatusTable | undefined
  /** The first key encrypts personal data and session tokens; without any, neither is stored. */
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined
  /** Where Persona's hosted flow sends the person afterwards. */
  readonly redirectUri?: string | undefined
  /** Makes the inquiry's prefilled fields, by your template's names. Default: none are sent. */
  readonly toInquiryFields?: ((input: InquiryInput) => JsonObject) | undefined
  /** Default: warnings and errors go to the console. */
  readonly logger?: Logger | undefined
  /** Called after a transition is committed, at most once, by the process that made it. For at least once, follow the feed. */
  readonly onTransition?: ((transition: Transition) => unknown) | undefined
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Waits that many milliseconds. Default: a timer. */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined
}

/** A case as apps see it: without ciphertexts, with the session token while it is pending. */
export interface KycCaseView
  extends Omit<KycCase, 'sealedSessionToken' | 'sealedPersonalData' | 'initiatingUntil' | 'inquiryAttempt'> {
  readonly personaSessionToken: string | null
}

/** How storage and Persona's API do. */
export interface KycHealth {
  readonly storage: 'ok' | 'unreachable'
  readonly persona: PersonaHealth['status']
}

/** The KYC engine. Its methods reject with a KycError, a StorageError or a PersonaApiError. */
export interface KycEngine {
  /** Where it logs; the routes log there too, unless they are given another one. */
  readonly logger: Logger
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
  /** Never rejects. Persona is asked at most every 15 seconds. */
  health(): Promise<KycHealth>
  /**
   * The same engine on another storage: one bound to your own transaction, for example. Then `onTransition` is called
   * before you commit.
   */
  withStorage(storage: KycStorage): KycEngine
}

const HEALTH_CACHE_MS = 15_000

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
  const view = async (kycCase: KycCase) => toCaseView(kycCase, await openSessionToken(context, kycCase))

  return {
    logger: context.logger,
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
    async health() {
      const [storageHealth, persona] = await Promise.all([checkStorage(context), context.checkPersona()])
      return { storage: storageHealth, persona }
    },
    // Work that is under way there may be in a transaction: nobody else joins it.
    withStorage: (other) => toEngine({ ...context, storage: other, underWay: new Map() }),
  }
}

function toContext(options: KycEngineOptions): EngineContext {
  const { webhookSecrets, toleranceSeconds = 300, encryptionKeys = [], now = Date.now } = options
  return {
    persona: options.persona,
    storage: options.storage,
    templateId: requireTemplateId(options.templateId),
    redirectUri: options.redirectUri ?? null,
    policy: createStatusPolicy(options.statusPolicy),
    cipher: encryptionKeys.length === 0 ? null : createCipher(encryptionKeys),
    logger: toSafeLogger(options.logger ?? consoleLogger),
    now,
    sleep: options.sleep ?? sleep,
    verify: createSignatureVerifier({ secrets: webhookSecrets, toleranceSeconds, now }),
    toInquiryFields: options.toInquiryFields ?? null,
    onTransition: options.onTransition ?? null,
    checkPersona: createPersonaProbe(options.persona, now),
    sessionTokens: new Map(),
    doubtfulSince: new Map(),
    underWay: new Map(),
  }
}

function requireTemplateId(templateId: string): string {
  if (typeof templateId === 'string' && templateId.trim() !== '') return templateId
  throw new ConfigurationError({
    problem: 'The inquiry template id is missing.',
    fix: 'Copy it from the Persona dashboard: Inquiries, Templates (itmpl_…).',
  })
}

async function requireCase(storage: KycStorage, caseId: string): Promise<KycCase> {
  const kycCase = await storage.getCase(caseId)
  if (kycCase !== null) return kycCase
  throw caseNotFound()
}

function caseNotFound(): KycError {
  return new KycError('case_not_found', {
    problem: 'There is no case of this id.',
    fix: 'Check the id and the environment.',
  })
}

function toCaseView(kycCase: KycCase, personaSessionToken: string | null): KycCaseView {
  const { sealedSessionToken, sealedPersonalData, initiatingUntil, inquiryAttempt, ...rest } = kycCase
  return { ...rest, personaSessionToken }
}

async function updateClaim({ storage, now }: EngineContext, caseId: string, claim: ClaimReference): Promise<KycCase> {
  const { result, kycCase } = await storage.setClaim(caseId, {
    kycClaimId: toCanonicalHex(requireText('kycClaimId', claim.kycClaimId, 128)),
    kycClaimTxHash: toCanonicalHex(requireText('kycClaimTxHash', claim.kycClaimTxHash, 128)),
    now: new Date(now()),
  })
  if (kycCase === null) throw caseNotFound()
  if (result === 'stored' || result === 'unchanged') return kycCase
  if (result === 'conflict') {
    throw new KycError('claim_conflict', {
      problem: 'The case has another claim already.',
      fix: 'Read the case: its claim is the one that counts.',
    })
  }
  throw new KycError('case_not_verified', {
    problem: 'Only a verified case takes a claim.',
    fix: 'Wait for the transition to verified before issuing one.',
  })
}

/** Hex means the same in either case; one spelling is stored, so that a repeated call is recognised. */
function toCanonicalHex(value: string): string {
  return /^0x[0-9a-f]+$/i.test(value) ? value.toLowerCase() : value
}

async function checkStorage({ storage, logger }: EngineContext): Promise<KycHealth['storage']> {
  try {
    await storage.ping()
    return 'ok'
  } catch (error) {
    logger.error(toLogFields(error), 'the storage does not answer')
    return 'unreachable'
  }
}

/** Asks Persona at most once in 15 seconds, whoever asks here. */
function createPersonaProbe(persona: PersonaClient, now: () => number): () => Promise<PersonaHealth['status']> {
  let last: { readonly at: number; readonly health: Promise<PersonaHealth> } | undefined
  return async () => {
    if (last === undefined || now() - last.at >= HEALTH_CACHE_MS) last = { at: now(), health: persona.health() }
    return (await last.health).status
  }
}
