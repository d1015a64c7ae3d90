import type { FakeEvent } from './events.js'
import type { FakeInquiry, ResourceIdentifier } from './inquiry.js'
import { toBadRequest } from './rejection.js'

/** The filters of GET /inquiries. */
export const INQUIRY_FILTERS = [
  'inquiry-id',
  'account-id',
  'note',
  'reference-id',
  'inquiry-template-id',
  'template-id',
  'status',
  'created-at-start',
  'created-at-end',
] as const

/** The filters of GET /events. */
export const EVENT_FILTERS = ['name', 'object-id', 'id'] as const

type Accepts<T> = (value: string, item: T) => boolean

const MAX_INQUIRY_IDS = 100

const INQUIRY_RULES: Record<(typeof INQUIRY_FILTERS)[number], Accepts<FakeInquiry>> = {
  'inquiry-id': (value, { id }) => toList(value).includes(id),
  'account-id': (value, { relationships }) => refersTo(value, relationships.account),
  note: (value, { attributes }) => attributes.note === value,
  'reference-id': (value, { attributes }) => toList(value).includes(attributes['reference-id'] ?? ''),
  'inquiry-template-id': (value, { relationships }) => refersTo(value, relationships['inquiry-template']),
  'template-id': (value, { relationships }) => refersTo(value, relationships.template),
  status: (value, { attributes }) => toList(value).includes(attributes.status),
  'created-at-start': (value, { attributes }) => Date.parse(attributes['created-at']) >= Date.parse(value),
  'created-at-end': (value, { attributes }) => Date.parse(attributes['created-at']) <= Date.parse(value),
}

const EVENT_RULES: Record<(typeof EVENT_FILTERS)[number], Accepts<FakeEvent>> = {
  name: (value, { attributes }) => toList(value).includes(attributes.name),
  'object-id': (value, { attributes }) => toList(value).includes(attributes.payload.data.id),
  id: (value, { id }) => toList(value).includes(id),
}

/** Returns the predicate of GET /inquiries' filters. Throws Persona's 400 for a filter that cannot be understood. */
export function toInquiryFilter(query: URLSearchParams): (inquiry: FakeInquiry) => boolean {
  const note = query.get('filter[note]')
  const others = INQUIRY_FILTERS.filter((name) => name !== 'note' && query.has(`filter[${name}]`))
  if (note !== null && others.length > 0) throw toBadRequest('filter[note] must be the only filter')
  if (toList(query.get('filter[inquiry-id]') ?? '').length > MAX_INQUIRY_IDS) {
    throw toBadRequest(`filter[inquiry-id] takes at most ${MAX_INQUIRY_IDS} ids`)
  }
  for (const name of ['created-at-start', 'created-at-end'] as const) {
    const value = query.get(`filter[${name}]`)
    if (value !== null && Number.isNaN(Date.parse(value))) throw toBadRequest(`filter[${name}] is not a date and time`)
  }
  return toPredicate(query, INQUIRY_RULES)
}

/** Returns the predicate of GET /events' filters. */
export function toEventFilter(query: URLSearchParams): (event: FakeEvent) => boolean {
  return toPredicate(query, EVENT_RULES)
}

function toPredicate<T>(query: URLSearchParams, rules: Record<string, Accepts<T>>): (item: T) => boolean {
  const given = Object.entries(rules).flatMap(([name, accepts]) => {
    const value = query.get(`filter[${name}]`)
    return value === null ? [] : [(item: T) => accepts(value, item)]
  })
  return (item) => given.every((accepts) => accepts(item))
}

function toList(value: string): string[] {
  return value.split(',').map((item) => item.trim())
}

function refersTo(value: string, { data }: { data: ResourceIdentifier | null }): boolean {
  return data !== null && toList(value).includes(data.id)
}
