import type * as z from 'zod'
import { KycError } from './errors.js'
import { requireText } from './input.js'
import {
  isAuditPage,
  isCase,
  isCasePage,
  isDescription,
  isEventPage,
  isFeedPage,
  isHealth,
  isSession,
  type KycApiAuditEntry,
  type KycApiAuditPage,
  type KycApiCase,
  type KycApiCasePage,
  type KycApiDescription,
  type KycApiEvent,
  type KycApiEventPage,
  type KycApiFeedPage,
  type KycApiHealth,
  type KycApiSession,
} from './kyc-api-answer.js'
import { KycApiError } from './kyc-api-error.js'
import { type KycApiOptions, toSenderOptions } from './kyc-api-options.js'
import { createKycApiSender, type KycApiRequest } from './kyc-api-request.js'
import type * as wire from './wire.js'

export type {
  KycApiAuditEntry,
  KycApiAuditPage,
  KycApiCase,
  KycApiCasePage,
  KycApiDescription,
  KycApiEvent,
  KycApiEventPage,
  KycApiFeedPage,
  KycApiHealth,
  KycApiSession,
  KycApiTransition,
} from './kyc-api-answer.js'
export {
  isKycApiError,
  KycApiError,
  type KycApiErrorCode,
  type KycApiFailure,
  type KycApiFailureReason,
  type KycProblemCode,
} from './kyc-api-error.js'

export type { KycApiOptions } from './kyc-api-options.js'

/** What each call accepts. */
export interface KycApiCallOptions {
  /** Ends the call, its retries included: it rejects with the reason `aborted`. */
  readonly signal?: AbortSignal | undefined
}

/** What starts a verification: the body of `POST /compliance/kyc`. */
export type KycApiInitiation = z.input<typeof wire.initiateBody>
/** The reference of a claim: what is stored, and what is cleared. */
export type KycApiClaim = z.input<typeof wire.claimBody>
/** What a decision may bring along. */
export type KycApiDecision = z.input<typeof wire.decisionBody>
/** Where a page starts, and how long it may be: 1 to 500, 50 by default. */
export type KycApiPageQuery = WithLimit<z.input<typeof wire.pageQuery>>
/** Which cases to list. */
export type KycApiCaseQuery = WithLimit<z.input<typeof wire.listQuery>>
/** Which entries of the audit trail to list. */
export type KycApiAuditQuery = WithLimit<z.input<typeof wire.auditQuery>>

/** In a URL a number is text, so the schema takes anything. */
type WithLimit<Query> = Omit<Query, 'limit'> & { limit?: number | undefined }

/**
 * The routes of a KYC service. Values are the JSON of its HTTP contract; answers are checked. Every call rejects with
 * `KycApiError`, and with a `KycError` of the code `argument_invalid` for an argument that cannot be sent.
 */
export interface KycApi {
  /** Starts a verification, or goes on with the user's open one. */
  initiate(
    body: KycApiInitiation,
    options?: KycApiCallOptions & { readonly idempotencyKey?: string | undefined },
  ): Promise<KycApiSession>
  /** Reads a case. */
  get(caseId: string, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Resolves with one page of cases, oldest first. */
  list(query?: KycApiCaseQuery, options?: KycApiCallOptions): Promise<KycApiCasePage>
  /** Yields the cases of all pages, and asks for the next page only when it is needed. */
  walkCases(query?: KycApiCaseQuery, options?: KycApiCallOptions): AsyncGenerator<KycApiCase, void>
  /** Stores the reference of the on-chain claim of a verified case. */
  setClaim(caseId: string, claim: KycApiClaim, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Removes the reference of a claim that was revoked on chain. */
  clearClaim(caseId: string, claim: KycApiClaim, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Gets a fresh session token for a pending or expired inquiry. Never repeated: Persona counts sessions. */
  resume(caseId: string, options?: KycApiCallOptions): Promise<KycApiSession>
  /** Approves the inquiry at Persona. Never repeated. */
  approve(caseId: string, decision?: KycApiDecision, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Declines the inquiry at Persona. Never repeated. */
  decline(caseId: string, decision?: KycApiDecision, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Marks the inquiry for review at Persona. Never repeated. */
  markForReview(caseId: string, decision?: KycApiDecision, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Resolves with one page of a case's audit trail. */
  listEvents(caseId: string, query?: KycApiPageQuery, options?: KycApiCallOptions): Promise<KycApiEventPage>
  /** Yields the entries of a case's audit trail, page after page. */
  walkEvents(caseId: string, query?: KycApiPageQuery, options?: KycApiCallOptions): AsyncGenerator<KycApiEvent, void>
  /** Resolves with one page of the feed. An empty one means that there is nothing new yet. */
  readFeed(query?: KycApiPageQuery, options?: KycApiCallOptions): Promise<KycApiFeedPage>
  /** Yields the pages of the feed up to its present end. Store `next_after` together with the work that a page causes. */
  walkFeed(query?: KycApiPageQuery, options?: KycApiCallOptions): AsyncGenerator<KycApiFeedPage, void>
  /** Resolves with one page of the audit trail of who asked for what, the newest first. */
  listAudit(query?: KycApiAuditQuery, options?: KycApiCallOptions): Promise<KycApiAuditPage>
  /** Yields the entries of that audit trail, page after page. */
  walkAudit(query?: KycApiAuditQuery, options?: KycApiCallOptions): AsyncGenerator<KycApiAuditEntry, void>
  /** Erases the personal data of a case, here and at Persona. */
  erase(caseId: string, options?: KycApiCallOptions): Promise<KycApiCase>
  /** Resolves with the state of the service, also where it is `unavailable`. */
  health(options?: KycApiCallOptions): Promise<KycApiHealth>
  /** Resolves with the OpenAPI description of the routes. */
  openapi(options?: KycApiCallOptions): Promise<KycApiDescription>
}

const CASES = '/compliance/kyc'
const FEED = '/compliance/events'
const AUDIT = '/compliance/audit'

/** What most routes have in common. */
const READ = { method: 'GET', statuses: [200], isRepeatable: true } as const

/**
 * Returns the typed client of the KYC routes, for front ends and for other services. What is safe to repeat is repeated
 * after a network failure, a timeout, a 429 or a 503: everything but resuming and deciding.
 *
 * @throws ConfigurationError when an option is missing or malformed, or a token would travel in clear.
 */
export function createKycApi(options: KycApiOptions): KycApi {
  const send = createKycApiSender(toSenderOptions(options))

  /** Another case than the one that was asked for may come from whatever stands between. */
  const sendForCase = async <Answer extends { readonly case_id: string }>(
    caseId: string,
    action: string,
    request: Omit<KycApiRequest<Answer>, 'path' | 'statuses'>,
  ): Promise<Answer> => {
    const answer = await send({ ...request, path: toCasePath(caseId, action), statuses: [200] })
    if (answer.case_id === caseId) return answer
    throw new KycApiError('unexpected', { status: 200 })
  }
  const decide =
    (action: string): KycApi['approve'] =>
    (caseId, body, { signal } = {}) =>
      sendForCase(caseId, action, { method: 'POST', body, isAnswer: isCase, isRepeatable: false, signal })

  const api: KycApi = {
    initiate: async (body, { idempotencyKey, signal } = {}) =>
      send({
        method: 'POST',
        path: CASES,
        headers: toIdempotencyHeader(idempotencyKey),
        body,
        statuses: [200, 201],
        isAnswer: isSession,
        isRepeatable: true,
        signal,
      }),
    get: (caseId, { signal } = {}) => sendForCase(caseId, '', { ...READ, isAnswer: isCase, signal }),
    list: (query, { signal } = {}) => send({ ...READ, path: CASES, query, isAnswer: isCasePage, signal }),
    walkCases: (query, call) =>
      walk(query, async (place) => {
        const { cases, next_after } = await api.list(place, call)
        return { items: cases, next_after }
      }),
    setClaim: (caseId, body, { signal } = {}) =>
      sendForCase(caseId, '/claim', { method: 'PUT', body, isAnswer: isCase, isRepeatable: true, signal }),
    clearClaim: (caseId, query, { signal } = {}) =>
      sendForCase(caseId, '/claim', { method: 'DELETE', query, isAnswer: isCase, isRepeatable: true, signal }),
    resume: (caseId, { signal } = {}) =>
      sendForCase(caseId, '/resume', { method: 'POST', isAnswer: isSession, isRepeatable: false, signal }),
    approve: decide('/approve'),
    decline: decide('/decline'),
    markForReview: decide('/mark-for-review'),
    listEvents: async (caseId, query, { signal } = {}) =>
      send({ ...READ, path: toCasePath(caseId, '/events'), query, isAnswer: isEventPage, signal }),
    walkEvents: (caseId, query, call) =>
      walk(query, async (place) => {
        const { events, next_after } = await api.listEvents(caseId, place, call)
        return { items: events, next_after }
      }),
    readFeed: (query, { signal } = {}) => send({ ...READ, path: FEED, query, isAnswer: isFeedPage, signal }),
    walkFeed: (query, call) =>
      walk(query, async (place) => {
        const page = await api.readFeed(place, call)
        return page.events.length === 0
          ? { items: [], next_after: null }
          : { items: [page], next_after: page.next_after }
      }),
    listAudit: (query, { signal } = {}) => send({ ...READ, path: AUDIT, query, isAnswer: isAuditPage, signal }),
    walkAudit: (query, call) =>
      walk(query, async (place) => {
        const { entries, next_after } = await api.listAudit(place, call)
        return { items: entries, next_after }
      }),
    erase: (caseId, { signal } = {}) =>
      sendForCase(caseId, '', { method: 'DELETE', isAnswer: isCase, isRepeatable: true, signal }),
    health: ({ signal } = {}) =>
      send({ ...READ, path: '/webhooks/persona/health', statuses: [200, 503], isAnswer: isHealth, signal }),
    openapi: ({ signal } = {}) => send({ ...READ, path: '/compliance/openapi.json', isAnswer: isDescription, signal }),
  }
  return api
}

/** The path of a case. `.` and `..` stay what they are when they are encoded, and would lead to another route. */
function toCasePath(caseId: string, action: string): string {
  if (requireText('caseId', caseId, 255) !== '.' && caseId !== '..') {
    return `${CASES}/${encodeURIComponent(caseId)}${action}`
  }
  throw new KycError('argument_invalid', {
    problem: 'caseId is not usable.',
    fix: 'Give the case_id of an answer.',
  })
}

function toIdempotencyHeader(key: string | undefined): Record<string, string> {
  if (key === undefined) return {}
  if (/^[!-~]([ -~]{0,253}[!-~])?$/.test(key)) return { 'idempotency-key': key }
  throw new KycError('argument_invalid', {
    problem: 'idempotencyKey is not usable.',
    fix: 'Give 1 to 255 characters of printable ASCII, without a space at either end.',
  })
}

/** Yields the items of all pages. A page that leads to itself would be asked for forever. */
async function* walk<Query extends KycApiPageQuery, Item>(
  query: Query | undefined,
  readPage: (
    query: KycApiPageQuery & Query,
  ) => Promise<{ readonly items: readonly Item[]; readonly next_after: string | null }>,
): AsyncGenerator<Item, void> {
  let after = query?.after ?? null
  do {
    const { items, next_after } = await readPage({ ...query, after } as Query)
    yield* items
    if (next_after !== null && next_after === after) throw new KycApiError('unexpected', { status: 200 })
    after = next_after
  } while (after !== null)
}
