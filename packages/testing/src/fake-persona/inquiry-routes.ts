import { createInquiry } from './creation.js'
import { INQUIRY_FILTERS, toInquiryFilter } from './filters.js'
import { isInteger, isText, textOf, toRequestBody } from './members.js'
import { addSession, applyChanges, applyTransition, redact, resume } from './operations.js'
import { requireKnownParameters, toPage } from './pages.js'
import {
  type InquiryContext,
  type InquiryRecord,
  type InquiryRecords,
  requireRecord,
  requireUnredacted,
} from './records.js'
import { toConflict, toForbidden } from './rejection.js'
import { requireMeta, requireSimulateActions, requireUpdateRequest } from './requests.js'
import type { Answer, ApiRequest, Route } from './routes.js'
import { toSessionToken } from './sessions.js'
import { simulateAction } from './simulation.js'

/** What the routes of inquiries work on. */
export interface InquiryRouteContext extends InquiryContext {
  readonly records: InquiryRecords
  /** False with a production key, which may not simulate. */
  readonly isSandbox: boolean
}

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PATCH'])

/** Returns the operations under `/inquiries`. */
export function createInquiryRoutes(context: InquiryRouteContext): Route[] {
  return [
    { method: 'GET', path: '/inquiries', handle: (request) => listInquiries(context, request) },
    { method: 'POST', path: '/inquiries', handle: (request) => answerCreate(context, request) },
    toRecordRoute(context, 'GET', '', () => {}),
    toRecordRoute(context, 'PATCH', '', (record, body) => applyChanges(context, record, requireUpdateRequest(body))),
    toRecordRoute(context, 'DELETE', '', (record) => redact(context, record)),
    toRecordRoute(context, 'POST', '/approve', (record, body) => decide(context, record, { to: 'approve', body })),
    toRecordRoute(context, 'POST', '/decline', (record, body) => decide(context, record, { to: 'decline', body })),
    toRecordRoute(context, 'POST', '/mark-for-review', (record) => applyTransition(context, record, 'mark_for_review')),
    toRecordRoute(context, 'POST', '/expire', (record) => applyTransition(context, record, 'expire')),
    toRecordRoute(context, 'POST', '/perform-simulate-actions', (record, body) => simulate(context, record, body)),
    toMetaRoute(context, '/generate-one-time-link', (record, body) => addLink(context, record, body)),
    toMetaRoute(context, '/resume', async (record) => ({
      'session-token': await toSessionToken(resume(context, record)),
    })),
  ]
}

type Meta = Record<string, string>

/** An operation that answers the inquiry. */
function toRecordRoute(
  context: InquiryRouteContext,
  method: string,
  action: string,
  operation: (record: InquiryRecord, body: unknown) => void,
): Route {
  return {
    method,
    path: `/inquiries/{id}${action}`,
    handle({ text }, id) {
      const record = requireRecord(context.records, id)
      operation(record, METHODS_WITH_BODY.has(method) ? toRequestBody(text) : {})
      return { status: 200, body: { data: structuredClone(record.resource), included: [] } }
    },
  }
}

/** An action that answers the inquiry with a `meta`. */
function toMetaRoute(
  context: InquiryRouteContext,
  action: string,
  operation: (record: InquiryRecord, body: unknown) => Meta | Promise<Meta>,
): Route {
  return {
    method: 'POST',
    path: `/inquiries/{id}${action}`,
    async handle({ text }, id) {
      const record = requireRecord(context.records, id)
      const meta = operation(record, toRequestBody(text))
      const data = structuredClone(record.resource)
      return { status: 200, body: { data, included: [], meta: await meta } }
    },
  }
}

function listInquiries({ records }: InquiryRouteContext, { path, query }: ApiRequest): Answer {
  requireKnownParameters(query, INQUIRY_FILTERS)
  const matches = toInquiryFilter(query)
  const newestFirst = records
    .list()
    .map(({ resource }) => resource)
    .reverse()
  return { status: 200, body: structuredClone(toPage(newestFirst, { path, query, matches })) }
}

async function answerCreate(context: InquiryRouteContext, { text }: ApiRequest): Promise<Answer> {
  const { record, session, wantsOneTimeLink } = createInquiry(context, context.records, toRequestBody(text))
  const links = wantsOneTimeLink ? toLinks(context) : { 'one-time-link': null, 'one-time-link-short': null }
  const data = structuredClone(record.resource)
  const token = session === undefined ? null : await toSessionToken(session)
  return { status: 201, body: { data, included: [], meta: { 'session-token': token, ...links } } }
}

function decide(
  context: InquiryRouteContext,
  record: InquiryRecord,
  { to, body }: { to: 'approve' | 'decline'; body: unknown },
): void {
  const comment = textOf(requireMeta(body, { comment: isText }), 'comment')
  requireUnredacted(record)
  if (comment !== undefined) record.resource.attributes['reviewer-comment'] = comment
  applyTransition(context, record, to)
}

function simulate(context: InquiryRouteContext, record: InquiryRecord, body: unknown): void {
  if (!context.isSandbox) throw toForbidden('Simulate actions are only available in sandbox environments')
  for (const action of requireSimulateActions(body)) simulateAction(context, record, action)
}

function addLink(context: InquiryRouteContext, record: InquiryRecord, body: unknown): Meta {
  requireMeta(body, { 'expires-in-seconds': isInteger })
  requireUnredacted(record)
  const { status } = record.resource.attributes
  if (status !== 'created' && status !== 'pending') {
    throw toConflict(`Inquiry with status ${status} cannot have a one-time link`)
  }
  addSession(context, record)
  return toLinks(context)
}

function toLinks({ nextId }: InquiryRouteContext): { 'one-time-link': string; 'one-time-link-short': string } {
  const code = nextId('us1')
  return {
    'one-time-link': `https://withpersona.com/verify?code=${code}`,
    'one-time-link-short': `https://perso.na/verify?code=${code}`,
  }
}
