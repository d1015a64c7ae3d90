/** Persona's statuses of an inquiry, verbatim. */
export type FakeInquiryStatus =
  | 'created'
  | 'pending'
  | 'completed'
  | 'failed'
  | 'expired'
  | 'needs_review'
  | 'approved'
  | 'declined'

/** A field as it is read: written as a bare value, read with its type. */
export interface FakeInquiryField {
  readonly type: string
  readonly value: unknown
}

/** A pointer to another resource. */
export interface ResourceIdentifier {
  readonly type: string
  readonly id: string
}

/** The attributes of an inquiry in kebab-case, complete as API version 2025-12-08 describes them. */
export interface FakeInquiryAttributes {
  status: FakeInquiryStatus | (string & {})
  'reference-id': string | null
  note: string | null
  behaviors: Record<string, unknown> | null
  tags: string[]
  creator: string
  'reviewer-comment': string | null
  'created-at': string
  'updated-at': string
  'started-at': string | null
  'expires-at': string | null
  'completed-at': string | null
  'failed-at': string | null
  'marked-for-review-at': string | null
  'decisioned-at': string | null
  'expired-at': string | null
  'redacted-at': string | null
  'previous-step-name': string | null
  'next-step-name': string | null
  fields: Record<string, FakeInquiryField>
}

/** An inquiry as the API serialises it, in kebab-case. */
export interface FakeInquiry {
  readonly type: 'inquiry'
  readonly id: string
  readonly attributes: FakeInquiryAttributes
  readonly relationships: {
    readonly account: { data: ResourceIdentifier | null }
    readonly template: { data: ResourceIdentifier | null }
    readonly 'inquiry-template': { data: ResourceIdentifier | null }
    readonly 'inquiry-template-version': { data: ResourceIdentifier | null }
    readonly transaction: { data: ResourceIdentifier | null }
    readonly reviewer: { data: ResourceIdentifier | null }
    readonly documents: { data: ResourceIdentifier[] }
    readonly reports: { data: ResourceIdentifier[] }
    readonly selfies: { data: ResourceIdentifier[] }
    readonly sessions: { data: ResourceIdentifier[] }
    readonly verifications: { data: ResourceIdentifier[] }
  }
}

/** What distinguishes a new inquiry; everything else starts empty. */
export interface NewInquiry {
  readonly id: string
  readonly createdAt: string
  readonly attributes?: Partial<FakeInquiryAttributes>
  readonly account?: ResourceIdentifier | null
  readonly template?: ResourceIdentifier | null
  readonly inquiryTemplate?: ResourceIdentifier | null
  readonly inquiryTemplateVersion?: ResourceIdentifier | null
}

/** Returns an inquiry in status `created` with every described member present. */
export function toNewInquiry(inquiry: NewInquiry): FakeInquiry {
  return {
    type: 'inquiry',
    id: inquiry.id,
    attributes: { ...toEmptyAttributes(inquiry.createdAt), ...inquiry.attributes },
    relationships: {
      account: { data: inquiry.account ?? null },
      template: { data: inquiry.template ?? null },
      'inquiry-template': { data: inquiry.inquiryTemplate ?? null },
      'inquiry-template-version': { data: inquiry.inquiryTemplateVersion ?? null },
      transaction: { data: null },
      reviewer: { data: null },
      documents: { data: [] },
      reports: { data: [] },
      selfies: { data: [] },
      sessions: { data: [] },
      verifications: { data: [] },
    },
  }
}

function toEmptyAttributes(createdAt: string): FakeInquiryAttributes {
  return {
    status: 'created',
    'reference-id': null,
    note: null,
    behaviors: {},
    tags: [],
    creator: 'API',
    'reviewer-comment': null,
    'created-at': createdAt,
    'updated-at': createdAt,
    'started-at': null,
    'expires-at': null,
    'completed-at': null,
    'failed-at': null,
    'marked-for-review-at': null,
    'decisioned-at': null,
    'expired-at': null,
    'redacted-at': null,
    'previous-step-name': null,
    'next-step-name': 'start',
    fields: {},
  }
}

/** Converts fields as they are written (name to value) to fields as they are read (name to type and value). */
export function toReadFields(values: Readonly<Record<string, unknown>>): Record<string, FakeInquiryField> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { type: toFieldType(name, value), value }]),
  )
}

function toFieldType(name: string, value: unknown): string {
  if (name === 'birthdate') return 'date'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  if (typeof value === 'boolean') return 'boolean'
  return typeof value === 'object' && value !== null ? 'hash' : 'string'
}
