import type * as z from 'zod'
import type { KycAction } from './authorize.js'
import type { ClaimEngine } from './claimable-cases.js'
import type { Decision } from './decide-case.js'
import type { KycEngine } from './engine.js'
import { parseJsonBody, requireValid } from './json-body.js'
import type { OwnEngine } from './own-cases.js'
import type { PlainRequest } from './plain-request.js'
import * as wire from './wire.js'

/** What a route's handler works with. */
export interface RouteContext<Engine = KycEngine> {
  readonly engine: Engine
  readonly request: PlainRequest
  /** The `:case_id` of the path; empty where the route has none. */
  readonly caseId: string
  readonly query: Readonly<Record<string, string>>
  /** The raw body; empty for routes without one. */
  readonly body: Uint8Array
  /** False where nobody knows the caller, which only a route that is open to strangers sees. */
  readonly isAdmitted: boolean
}

/** What a handler answers with: a status, and JSON or a page. */
export type RouteAnswer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly html: string; readonly contentSecurityPolicy: string }

/** What a route is called, who may use it, what it reads and answers. */
interface RouteDescription {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the base path; `:case_id` stands for one segment. */
  readonly path: string
  /** What `authorize` is asked; null for the webhook, which is signed. */
  readonly action: KycAction | null
  /** True for a route that also answers those whom `authorize` refuses. */
  readonly isOpen?: true
  /** Which rate limit counts: of initiations, or of webhooks that are refused. */
  readonly limit?: 'initiation' | 'refusal'
  readonly summary: string
  /** How the body is used: not at all, as JSON, or as the bytes that arrived. */
  readonly body: 'none' | 'json' | 'raw'
  readonly bodySchema?: z.ZodType
  readonly querySchema?: z.ZodObject
  /** The headers that the route reads, besides those of authentication. */
  readonly headerSchema?: z.ZodObject
  /** The JSON of each answer but the errors. */
  readonly answers: Readonly<Record<number, z.ZodType>>
  /** The error statuses that the route has besides 401, 403 and 500. */
  readonly problems: readonly number[]
}

/** A route that may touch any case: a caller who may not see all of them is refused. */
interface UnlimitedRoute extends RouteDescription {
  readonly keepsTo?: undefined
  handle(context: RouteContext): Promise<RouteAnswer>
}

/** A route that keeps to claimable cases where its caller may see no others: by the engine that it is given then. */
interface ClaimRoute extends RouteDescription {
  readonly keepsTo: 'claimable'
  handle(context: RouteContext<ClaimEngine>): Promise<RouteAnswer>
}

/** A route that keeps to the cases of one user, in the same way. */
interface OwnRoute extends RouteDescription {
  readonly keepsTo: 'own'
  handle(context: RouteContext<OwnEngine>): Promise<RouteAnswer>
}

/** A route that can keep to either. */
interface SharedRoute extends RouteDescription {
  readonly keepsTo: 'either'
  handle(context: RouteContext<Pick<ClaimEngine & OwnEngine, 'getCase'>>): Promise<RouteAnswer>
}

/** One route: its description, and the function that does it. */
export type Route = UnlimitedRoute | ClaimRoute | OwnRoute | SharedRoute

/** The routes of this library, in the order in which they are documented. */
export const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/compliance/kyc',
    action: 'kyc:initiate',
    keepsTo: 'own',
    limit: 'initiation',
    summary: 'Start a verification, or go on with the open one',
    body: 'json',
    bodySchema: wire.initiateBody,
    headerSchema: wire.initiateHeaders,
    answers: { 200: wire.initiateAnswer, 201: wire.initiateAnswer },
    problems: [400, 408, 409, 413, 415, 429, 502, 503],
    async handle({ engine, request, body }) {
      const header = request.headers.get('idempotency-key') ?? undefined
      const { 'idempotency-key': key } = requireValid(wire.initiateHeaders, { 'idempotency-key': header })
      const options = wire.fromInitiateBody(parseJsonBody(wire.initiateBody, body), key)
      const { created, kycCase } = await engine.initiateKyc(options)
      return { status: created ? 201 : 200, json: wire.toInitiateAnswer(kycCase) }
    },
  },
  {
    method: 'GET',
    path: '/compliance/kyc',
    action: 'kyc:list',
    keepsTo: 'claimable',
    summary: 'List cases, oldest first',
    body: 'none',
    querySchema: wire.listQuery,
    answers: { 200: wire.caseListAnswer },
    problems: [400, 503],
    async handle({ engine, query }) {
      const { items, next } = await engine.listCases(requireValid(wire.listQuery, query))
      return { status: 200, json: { cases: items.map(wire.toCaseAnswer), next_after: next } }
    },
  },
  {
    method: 'GET',
    path: '/compliance/kyc/:case_id',
    action: 'kyc:read',
    keepsTo: 'either',
    summary: 'Read a case',
    body: 'none',
    answers: { 200: wire.caseAnswer },
    problems: [404, 503],
    async handle({ engine, caseId }) {
      return { status: 200, json: wire.toCaseAnswer(await engine.getCase(caseId)) }
    },
  },
  {
    method: 'PUT',
    path: '/compliance/kyc/:case_id/claim',
    action: 'kyc:claim',
    keepsTo: 'claimable',
    summary: 'Store the reference of the on-chain claim of a verified case',
    body: 'json',
    bodySchema: wire.claimBody,
    answers: { 200: wire.caseAnswer },
    problems: [400, 404, 408, 409, 413, 415, 503],
    async handle({ engine, caseId, body }) {
      const claim = wire.fromClaim(parseJsonBody(wire.claimBody, body))
      return { status: 200, json: wire.toCaseAnswer(await engine.updateClaim(caseId, claim)) }
    },
  },
  {
    method: 'DELETE',
    path: '/compliance/kyc/:case_id/claim',
    action: 'kyc:claim',
    keepsTo: 'claimable',
    summary: 'Remove the reference of an on-chain claim that was revoked',
    body: 'none',
    querySchema: wire.claimQuery,
    answers: { 200: wire.caseAnswer },
    problems: [400, 404, 409, 503],
    async handle({ engine, caseId, query }) {
      const claim = wire.fromClaim(requireValid(wire.claimQuery, query))
      return { status: 200, json: wire.toCaseAnswer(await engine.clearClaim(caseId, claim)) }
    },
  },
  {
    method: 'POST',
    path: '/compliance/kyc/:case_id/resume',
    action: 'kyc:resume',
    keepsTo: 'own',
    summary: 'Get a fresh session token for a pending or expired inquiry',
    body: 'none',
    answers: { 200: wire.initiateAnswer },
    problems: [404, 409, 502, 503],
    async handle({ engine, caseId }) {
      return { status: 200, json: wire.toInitiateAnswer(await engine.resumeCase(caseId)) }
    },
  },
  decisionRoute('approve', 'Approve the inquiry at Persona'),
  decisionRoute('decline', 'Decline the inquiry at Persona'),
  decisionRoute('mark-for-review', 'Mark the inquiry for review at Persona'),
  {
    method: 'GET',
    path: '/compliance/kyc/:case_id/events',
    action: 'events:read',
    summary: 'Read the audit trail of a case',
    body: 'none',
    querySchema: wire.pageQuery,
    answers: { 200: wire.caseEventsAnswer },
    problems: [400, 404, 503],
    async handle({ engine, caseId, query }) {
      const { items, next } = await engine.listCaseEvents(caseId, requireValid(wire.pageQuery, query))
      return { status: 200, json: { events: items.map(wire.toCaseEventAnswer), next_after: next } }
    },
  },
  {
    method: 'GET',
    path: '/compliance/events',
    action: 'events:read',
    summary: 'Follow the transitions of all cases',
    body: 'none',
    querySchema: wire.pageQuery,
    answers: { 200: wire.feedAnswer },
    problems: [400, 503],
    async handle({ engine, query }) {
      const { items, next } = await engine.readFeed(requireValid(wire.pageQuery, query))
      return { status: 200, json: { events: items.map(wire.toTransitionAnswer), next_after: next } }
    },
  },
  {
    method: 'GET',
    path: '/compliance/audit',
    action: 'audit:read',
    summary: 'Read the audit trail of who asked for what',
    body: 'none',
    querySchema: wire.auditQuery,
    answers: { 200: wire.auditAnswer },
    problems: [400, 503],
    async handle({ engine, query }) {
      const { items, next } = await engine.listAudit(wire.fromAuditQuery(requireValid(wire.auditQuery, query)))
      return { status: 200, json: { entries: items.map(wire.toAuditEntry), next_after: next } }
    },
  },
  {
    method: 'DELETE',
    path: '/compliance/kyc/:case_id',
    action: 'kyc:erase',
    summary: 'Erase the personal data of a case, here and at Persona',
    body: 'none',
    answers: { 200: wire.caseAnswer },
    problems: [404, 502, 503],
    async handle({ engine, caseId }) {
      return { status: 200, json: wire.toCaseAnswer(await engine.eraseCase(caseId)) }
    },
  },
  {
    method: 'POST',
    path: '/webhooks/persona/inquiry',
    action: null,
    limit: 'refusal',
    summary: 'Receive a signed webhook from Persona',
    body: 'raw',
    bodySchema: wire.webhookBody,
    headerSchema: wire.webhookHeaders,
    answers: { 200: wire.webhookAnswer },
    problems: [400, 401, 408, 413, 429, 502, 503],
    async handle({ engine, request, body }) {
      const { outcome } = await engine.processWebhook({
        body,
        signature: request.headers.get('persona-signature'),
        firstAttemptedAtSeconds: toNumber(request.headers.get('persona-webhook-first-attempted-at'), 10),
        attemptsMade: toNumber(request.headers.get('persona-webhook-attempts-made'), 4),
        attemptsLeft: toNumber(request.headers.get('persona-webhook-attempts-left'), 4),
      })
      return { status: 200, json: { received: true, outcome } }
    },
  },
  {
    method: 'GET',
    path: '/webhooks/persona/health',
    action: 'health:read',
    isOpen: true,
    summary: 'Whether the service works; to those who may know, whether storage and Persona’s API answer',
    body: 'none',
    answers: { 200: wire.healthAnswer, 503: wire.healthAnswer },
    problems: [],
    async handle({ engine, isAdmitted }) {
      const { storage, persona } = await engine.health()
      const isUp = storage === 'ok' && (persona === 'ok' || persona === 'slow')
      const details = isAdmitted ? { storage, persona } : {}
      return { status: isUp ? 200 : 503, json: { status: isUp ? 'ok' : 'unavailable', ...details } }
    },
  },
]

function decisionRoute(decision: Decision, summary: string): Route {
  return {
    method: 'POST',
    path: `/compliance/kyc/:case_id/${decision}`,
    action: 'kyc:decide',
    summary,
    body: 'json',
    bodySchema: wire.decisionBody,
    answers: { 200: wire.caseAnswer },
    problems: [400, 404, 408, 409, 413, 415, 502, 503],
    async handle({ engine, caseId, body }) {
      const { comment } = body.length === 0 ? {} : parseJsonBody(wire.decisionBody, body)
      const kycCase = await engine.decideCase(caseId, { decision, comment })
      return { status: 200, json: wire.toCaseAnswer(kycCase) }
    },
  }
}

/** The header is not signed: what is no plain number of so many digits at most counts as missing. */
function toNumber(header: string | null, maxDigits: number): number | null {
  return header !== null && /^\d+$/.test(header) && header.length <= maxDigits ? Number(header) : null
}
