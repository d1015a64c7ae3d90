import { toWebhookBody } from './fake-persona/delivery.js'
import { createIdSource } from './fake-persona/ids.js'
import { type KeyInflection, toInflected } from './fake-persona/inflection.js'
import { type FakeInquiryStatus, toNewInquiry, toReadFields } from './fake-persona/inquiry.js'

/** What {@link createInquiryEvent} puts into the event. */
export interface InquiryEventOptions {
  /** The event's name, such as `inquiry.approved`. */
  readonly name: string
  readonly inquiryId: string
  readonly referenceId?: string | null
  /** The status in the snapshot. Default: the one that the name stands for, `pending` for names of no status. */
  readonly status?: FakeInquiryStatus | (string & {})
  /** An ISO instant or milliseconds since the epoch. Default: now. */
  readonly createdAt?: string | number
  /** Default: a new one. */
  readonly eventId?: string
  /** Default `itmpl_fake`. */
  readonly templateId?: string
  /** The inquiry's fields as they are written: name to value. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** The casing of the webhook. Default `kebab`. */
  readonly inflection?: KeyInflection
}

/** The body of a webhook. */
export interface CreatedEvent {
  readonly data: {
    readonly type: 'event'
    readonly id: string
    readonly attributes: Readonly<Record<string, unknown>>
  }
}

/** What {@link createShortEvent} puts into the event. */
export interface ShortEventOptions {
  /** The event's name, such as `inquiry.approved`. */
  readonly type: string
  readonly inquiryId: string
  readonly status: FakeInquiryStatus | (string & {})
  readonly referenceId: string
}

/** The short form of an event: no id, no time. */
export interface ShortEvent {
  readonly type: string
  readonly data: {
    readonly id: string
    readonly attributes: { readonly status: string; readonly reference_id: string }
  }
}

const STATUS_OF_EVENT: Readonly<Record<string, FakeInquiryStatus>> = {
  'inquiry.created': 'created',
  'inquiry.started': 'pending',
  'inquiry.completed': 'completed',
  'inquiry.failed': 'failed',
  'inquiry.expired': 'expired',
  'inquiry.marked-for-review': 'needs_review',
  'inquiry.approved': 'approved',
  'inquiry.declined': 'declined',
}

/** Returns the complete body of an inquiry's webhook, as Persona sends it: envelope, snapshot, empty `included`. */
export function createInquiryEvent(options: InquiryEventOptions): CreatedEvent {
  const createdAt = new Date(options.createdAt ?? Date.now()).toISOString()
  const inquiry = toNewInquiry({
    id: options.inquiryId,
    createdAt,
    inquiryTemplate: { type: 'inquiry-template', id: options.templateId ?? 'itmpl_fake' },
    attributes: {
      status: options.status ?? STATUS_OF_EVENT[options.name] ?? 'pending',
      'reference-id': options.referenceId ?? null,
      fields: toReadFields(options.fields ?? {}),
    },
  })
  const body = toWebhookBody({
    type: 'event',
    id: options.eventId ?? createIdSource(Math.random)('evt'),
    attributes: { name: options.name, payload: { data: inquiry }, 'created-at': createdAt },
  })
  // Inflection renames keys only; `data`, `type`, `id` and `attributes` read the same in all three casings.
  return toInflected(body, options.inflection ?? 'kebab') as CreatedEvent
}

/** Returns an event in the short form `{type, data: {id, attributes: {status, reference_id}}}`. */
export function createShortEvent({ type, inquiryId, status, referenceId }: ShortEventOptions): ShortEvent {
  return { type, data: { id: inquiryId, attributes: { status, reference_id: referenceId } } }
}
