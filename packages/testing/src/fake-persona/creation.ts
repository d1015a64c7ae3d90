import { type FakeInquiryAttributes, type ResourceIdentifier, toNewInquiry, toReadFields } from './inquiry.js'
import { type CheckedMembers, isObject, numberOf, textOf, textsOf } from './members.js'
import { addSession, extendExpiry } from './operations.js'
import type { ExpiryIntervals, InquiryContext, InquiryRecord, InquiryRecords } from './records.js'
import { requireCreateRequest } from './requests.js'
import type { FakeSession } from './sessions.js'

/** What POST /inquiries made. */
export interface CreatedInquiry {
  readonly record: InquiryRecord
  /** The session, when the request asked for one. */
  readonly session: FakeSession | undefined
  readonly wantsOneTimeLink: boolean
}

/** Creates an inquiry from a checked request, with its account and session, and records `inquiry.created`. */
export function createInquiry(context: InquiryContext, records: InquiryRecords, body: unknown): CreatedInquiry {
  const { attributes, meta } = requireCreateRequest(body)
  const createdAt = context.clock.nextInstant()
  const referenceId = textOf(attributes, 'reference-id')
  const accountReferenceId = textOf(meta, 'auto-create-account-reference-id') ?? referenceId
  const resource = toNewInquiry({
    id: context.nextId('inq'),
    createdAt,
    attributes: toWrittenAttributes(attributes, referenceId ?? accountReferenceId),
    account: toAccount(context, records, { attributes, meta, referenceId: accountReferenceId }),
    ...toTemplate(attributes),
  })
  const record: InquiryRecord = { resource, sessions: [], expiry: toExpiryIntervals(meta) }
  extendExpiry(record, createdAt, record.expiry.afterCreateSeconds ?? context.limits.inquiryExpirySeconds)
  const wantsOneTimeLink = meta['auto-create-one-time-link'] === true
  const wantsSession = meta['auto-create-inquiry-session'] === true
  const session = wantsSession || wantsOneTimeLink ? addSession(context, record) : undefined
  records.add(record)
  context.events.record('inquiry.created', resource, createdAt)
  return { record, session: wantsSession ? session : undefined, wantsOneTimeLink }
}

function toWrittenAttributes(
  attributes: CheckedMembers,
  referenceId: string | undefined,
): Partial<FakeInquiryAttributes> {
  return {
    'reference-id': referenceId ?? null,
    note: textOf(attributes, 'note') ?? null,
    creator: textOf(attributes, 'creator-email-address') ?? 'API',
    tags: textsOf(attributes, 'tags') ?? [],
    'next-step-name': textOf(attributes, 'initial-step-name') ?? 'start',
    fields: toReadFields(isObject(attributes.fields) ? attributes.fields : {}),
  }
}

function toAccount(
  { nextId }: InquiryContext,
  records: InquiryRecords,
  request: { attributes: CheckedMembers; meta: CheckedMembers; referenceId: string | undefined },
): ResourceIdentifier | null {
  const given = textOf(request.attributes, 'account-id')
  if (given !== undefined) return { type: 'account', id: given }
  if (request.meta['auto-create-account'] === false) return null
  const id = request.referenceId === undefined ? nextId('act') : records.accountFor(request.referenceId)
  return { type: 'account', id }
}

function toTemplate(attributes: CheckedMembers): {
  template: ResourceIdentifier | null
  inquiryTemplate: ResourceIdentifier | null
  inquiryTemplateVersion: ResourceIdentifier | null
} {
  const toIdentifier = (type: string): ResourceIdentifier | null => {
    const id = textOf(attributes, `${type}-id`)
    return id === undefined ? null : { type, id }
  }
  return {
    template: toIdentifier('template'),
    inquiryTemplate: toIdentifier('inquiry-template'),
    inquiryTemplateVersion: toIdentifier('inquiry-template-version'),
  }
}

function toExpiryIntervals(meta: CheckedMembers): ExpiryIntervals {
  return {
    afterCreateSeconds: numberOf(meta, 'expiration-after-create-interval-seconds'),
    afterStartSeconds: numberOf(meta, 'expiration-after-start-interval-seconds'),
    afterResumeSeconds: numberOf(meta, 'expiration-after-resume-interval-seconds'),
  }
}
