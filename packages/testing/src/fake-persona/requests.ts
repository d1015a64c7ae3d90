import {
  type CheckedMembers,
  isBoolean,
  isInteger,
  isObject,
  isText,
  isTextList,
  orNull,
  requireMembers,
  textsOf,
} from './members.js'
import type { InquiryChanges } from './operations.js'
import { toBadRequest, toUnprocessable } from './rejection.js'
import { isInquiryAction, isVerificationAction, type SimulateAction } from './simulation.js'

/** The attributes that name a template, of which a request gives exactly one. */
const TEMPLATE_ATTRIBUTES = ['inquiry-template-id', 'inquiry-template-version-id', 'template-id'] as const

const CREATE_ATTRIBUTES = {
  'template-id': orNull(isText),
  'inquiry-template-id': orNull(isText),
  'inquiry-template-version-id': orNull(isText),
  'reference-id': orNull(isText),
  'account-id': orNull(isText),
  'creator-email-address': orNull(isText),
  'theme-id': orNull(isText),
  'theme-set-id': orNull(isText),
  'redirect-uri': orNull(isText),
  note: orNull(isText),
  fields: orNull(isObject),
  tags: orNull(isTextList),
  'initial-step-name': orNull(isText),
}

const CREATE_META = {
  'auto-create-account': isBoolean,
  'auto-create-account-type-id': isText,
  'auto-create-account-reference-id': isText,
  'auto-create-inquiry-session': isBoolean,
  'auto-create-one-time-link': isBoolean,
  'expiration-after-create-interval-seconds': orNull(isInteger),
  'expiration-after-start-interval-seconds': orNull(isInteger),
  'expiration-after-resume-interval-seconds': orNull(isInteger),
  'one-time-link-expiration-seconds': orNull(isInteger),
}

const UPDATE_ATTRIBUTES = {
  note: orNull(isText),
  fields: orNull(isObject),
  tags: isTextList,
  'redirect-uri': orNull(isText),
}

/** The fields that every template has; their values are text. */
const DEFAULT_FIELDS = new Set([
  'name-first',
  'name-middle',
  'name-last',
  'phone-number',
  'email-address',
  'birthdate',
  'address-street-1',
  'address-street-2',
  'address-city',
  'address-subdivision',
  'address-postal-code',
  'address-country-code',
])

/** Checks the body of POST /inquiries. */
export function requireCreateRequest(body: unknown): { attributes: CheckedMembers; meta: CheckedMembers } {
  const { data, meta = {} } = requireMembers(body, '', { data: isObject, meta: isObject })
  if (data === undefined) throw toBadRequest('data is missing')
  const { attributes } = requireMembers(data, 'data', { attributes: isObject })
  if (attributes === undefined) throw toBadRequest('data.attributes is missing')
  const checked = {
    attributes: requireMembers(attributes, 'data.attributes', CREATE_ATTRIBUTES),
    meta: requireMembers(meta, 'meta', CREATE_META),
  }
  requireOneTemplate(checked.attributes)
  requireFields(checked.attributes.fields)
  requireAccountSettings(checked.meta)
  return checked
}

/** Checks the body of PATCH /inquiries/{id}. */
export function requireUpdateRequest(body: unknown): InquiryChanges {
  const { data = {} } = requireMembers(body, '', { data: isObject })
  const { attributes = {} } = requireMembers(data, 'data', { attributes: isObject })
  const checked = requireMembers(attributes, 'data.attributes', UPDATE_ATTRIBUTES)
  requireFields(checked.fields)
  const tags = textsOf(checked, 'tags')
  return {
    ...(typeof checked.note === 'string' || checked.note === null ? { note: checked.note } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(isObject(checked.fields) ? { fields: checked.fields } : {}),
  }
}

/** Checks the body of an action that takes only `meta`. */
export function requireMeta(body: unknown, rules: Parameters<typeof requireMembers>[2]): CheckedMembers {
  const { meta = {} } = requireMembers(body, '', { meta: isObject })
  return requireMembers(meta, 'meta', rules)
}

/** Checks the body of perform-simulate-actions. */
export function requireSimulateActions(body: unknown): SimulateAction[] {
  const actions = requireMeta(body, { 'simulate-actions': Array.isArray })['simulate-actions']
  if (!Array.isArray(actions)) throw toBadRequest('meta.simulate_actions is missing')
  return actions.map(requireSimulateAction)
}

function requireSimulateAction(action: unknown, index: number): SimulateAction {
  const place = `meta.simulate-actions.${index}`
  const { type, data = {} } = requireMembers(action, place, { type: isText, data: isObject })
  if (typeof type === 'string' && isInquiryAction(type)) return type
  if (typeof type !== 'string' || !isVerificationAction(type)) throw toBadRequest(`${place}.type is not known`)
  const templateId = requireMembers(data, `${place}.data`, { 'verification-template-id': isText })
  const id = templateId['verification-template-id']
  if (typeof id !== 'string') throw toBadRequest(`${place}.data.verification_template_id is missing`)
  return { type, data: { 'verification-template-id': id } }
}

function requireOneTemplate(attributes: CheckedMembers): void {
  const given = TEMPLATE_ATTRIBUTES.filter((name) => typeof attributes[name] === 'string')
  if (given.length === 1) return
  throw toUnprocessable(
    'Exactly one of inquiry_template_id, inquiry_template_version_id and template_id must be given',
    `/data/attributes/${given[1] ?? TEMPLATE_ATTRIBUTES[0]}`,
  )
}

function requireFields(fields: unknown): void {
  if (!isObject(fields)) return
  for (const [name, value] of Object.entries(fields)) {
    if (!DEFAULT_FIELDS.has(name) || value === null) continue
    const isValid = typeof value === 'string' && (name !== 'birthdate' || isDate(value))
    if (!isValid) throw toUnprocessable(`${name} is invalid`, `/data/attributes/fields/${name}`)
  }
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
}

function requireAccountSettings(meta: CheckedMembers): void {
  if (meta['auto-create-account'] !== false) return
  for (const name of ['auto-create-account-type-id', 'auto-create-account-reference-id']) {
    if (meta[name] !== undefined) {
      throw toBadRequest(`meta.${name.replaceAll('-', '_')} requires meta.auto_create_account`)
    }
  }
}
