import { toSha256Hex } from './digest.js'
import { EventError, SignatureError } from './errors.js'
import { getMember, isJsonObject, type JsonObject, type JsonValue } from './inflection.js'
import { createSignatureVerifier, type SignatureOptions, type SignedDelivery } from './signature.js'
import { type PersonaStatus, toPersonaStatus } from './status.js'
import { toTemplateIds } from './template.js'

/** The events that move a case. Persona sends many more; the set is open. */
export type InquiryEventName =
  | 'inquiry.created'
  | 'inquiry.started'
  | 'inquiry.completed'
  | 'inquiry.failed'
  | 'inquiry.expired'
  | 'inquiry.marked-for-review'
  | 'inquiry.needs-review'
  | 'inquiry.approved'
  | 'inquiry.declined'
  | 'inquiry.transitioned'
  | 'inquiry.redacted'

/** The name of a Persona event, `resource.action`. The set is open. */
export type EventName = InquiryEventName | (string & {})

/** The inquiry as it was when the event happened. */
export interface InquirySnapshot {
  readonly id: string
  /** Persona's status, or the one the event's name stands for; null where neither says. */
  readonly status: PersonaStatus | null
  readonly referenceId: string | null
  /** The id of its inquiry template (`itmpl_…`), version (`itmplv_…`) and legacy template (`tmpl_…`), as far as given. */
  readonly templateIds: readonly string[]
}

/** An event that Persona told about. */
export interface PersonaEvent {
  /** `evt_…`; the short form has none, there it is `short_` and the SHA-256 of the body, to which the engine adds the second. */
  readonly id: string
  readonly name: EventName
  /**
   * When it happened, by Persona's clock, in milliseconds; the end of the second where whole seconds are given; null in
   * the short form, which does not say.
   */
  readonly createdAt: Date | null
  /** Null for an event about anything but an inquiry. */
  readonly inquiry: InquirySnapshot | null
  /** The body as it was sent, in the webhook's own inflection; `toCamelKeys` makes it uniform. Holds personal data. */
  readonly body: JsonObject
}

const STATUS_BY_EVENT = new Map<string, PersonaStatus | null>([
  ['inquiry.created', 'created'],
  ['inquiry.started', 'pending'],
  ['inquiry.completed', 'completed'],
  ['inquiry.failed', 'failed'],
  ['inquiry.expired', 'expired'],
  ['inquiry.marked-for-review', 'needs_review'],
  ['inquiry.needs-review', 'needs_review'],
  ['inquiry.approved', 'approved'],
  ['inquiry.declined', 'declined'],
  ['inquiry.transitioned', null],
  ['inquiry.redacted', null],
])

/** True for the events that move a case; all others are recorded and ignored. */
export function isInquiryEvent(name: EventName): name is InquiryEventName {
  return STATUS_BY_EVENT.has(name)
}

// What follows is checked by hand: every webhook comes this way, and a schema would cost more than all else here.
const MAX_TEXT_LENGTH = 255
/** PostgreSQL stores neither NUL nor half a surrogate pair. */
const STORABLE = /^[^\0\p{Cs}]*$/u
/** RFC 3339, of a day that there is. */
const DATE_TIME =
  /^(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/
/** Of the years that the form allows, PostgreSQL takes 1 to 9999 in UTC. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the body of a webhook, in any of the three inflections. The signature must have been checked before.
 *
 * @throws EventError when the body is no JSON or no event. The error never quotes it.
 * @see https://docs.withpersona.com/webhooks
 */
export async function parseEvent(body: Uint8Array): Promise<PersonaEvent> {
  const json = parseJson(body)
  if (!isJsonObject(json)) throw new EventError('The webhook’s body is not a JSON object.')
  const { data } = json
  if (!isJsonObject(data)) throw new EventError('The webhook’s body has no data object.')
  return data.type === 'event' ? parseEnvelope(json, data) : parseShortForm(json, data, body)
}

/**
 * Checks a delivery's signature and reads its event, in one call.
 *
 * @throws SignatureError when the signature is refused, with the reason; EventError when the body is no event.
 */
export async function constructEvent(options: SignatureOptions & SignedDelivery): Promise<PersonaEvent> {
  const verdict = await createSignatureVerifier(options)(options)
  if (!verdict.valid) throw new SignatureError(verdict.reason)
  return parseEvent(options.body)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body))
  } catch {
    throw new EventError('The webhook’s body is not JSON in UTF-8.')
  }
}

/**
 * Reads an answer of `GET /events/{id}`, or one event of a list as its `data`, in any inflection.
 *
 * @throws EventError when it is no event.
 */
export function toEvent(answer: JsonObject): PersonaEvent {
  return parseEnvelope(answer, requireObject(answer.data, 'data'))
}

function parseEnvelope(body: JsonObject, data: JsonObject): PersonaEvent {
  const attributes = requireObject(data.attributes, 'data.attributes')
  const payload = requireObject(attributes.payload, 'data.attributes.payload')
  const name = requireText(attributes.name, 'data.attributes.name')
  return {
    id: requireText(data.id, 'data.id'),
    name,
    createdAt: requireTime(getMember(attributes, 'created-at'), 'data.attributes.created-at'),
    inquiry: toSnapshot(name, requireObject(payload.data, 'data.attributes.payload.data')),
    body,
  }
}

async function parseShortForm(body: JsonObject, data: JsonObject, bytes: Uint8Array): Promise<PersonaEvent> {
  const name = requireText(body.type, 'type')
  const inquiry = name.startsWith('inquiry.') ? toSnapshot(name, { type: 'inquiry', ...data }) : null
  return { id: `short_${await toSha256Hex(bytes)}`, name, createdAt: null, inquiry, body }
}

function toSnapshot(name: string, payload: JsonObject): InquirySnapshot | null {
  const { type, id, attributes = {} } = payload
  if (typeof type !== 'string' || !isText(id) || !isJsonObject(attributes)) throw unusable('the payload’s resource')
  if (type !== 'inquiry') return null
  const { status } = attributes
  const referenceId = getMember(attributes, 'reference-id')
  return {
    id,
    status: isText(status) ? toPersonaStatus(status) : (STATUS_BY_EVENT.get(name) ?? null),
    referenceId: isText(referenceId) ? referenceId : null,
    templateIds: toTemplateIds(payload.relationships),
  }
}

function requireObject(value: JsonValue | undefined, path: string): JsonObject {
  if (isJsonObject(value)) return value
  throw new EventError(`The event has no object at ${path}.`)
}

/** Ids are never checked by prefix: Persona reserves the right to change their form. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH && STORABLE.test(value)
}

function requireText(value: unknown, path: string): string {
  if (isText(value)) return value
  throw unusable(path)
}

/** A time in whole seconds stands for its second, all of which the events of that second with milliseconds come before. */
function requireTime(value: unknown, path: string): Date {
  if (typeof value !== 'string' || !DATE_TIME.test(value)) throw unusable(path)
  const ms = Date.parse(value) + (value.includes('.') ? 0 : 999)
  if (ms >= FIRST_MS && ms <= LAST_MS) return new Date(ms)
  throw unusable(path)
}

function unusable(path: string): EventError {
  return new EventError(`The event has no usable value at ${path}.`)
}
