import type { JsonObject, JsonValue } from '../src/inflection.js'

/** The ways in which Persona writes keys. */
export const INFLECTIONS = ['kebab', 'camel', 'snake'] as const
export type Inflection = (typeof INFLECTIONS)[number]

const encoder = new TextEncoder()

/** The value as bytes of JSON. */
export function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value))
}

/** What a test wants to say about an event; the rest is made up. */
export interface EventOptions {
  readonly id?: string
  readonly name?: string
  readonly createdAt?: string
  readonly inquiryId?: string
  readonly status?: string | null
  readonly referenceId?: string | null
  readonly templateId?: string | null
  readonly fields?: JsonObject
}

/** An event in kebab-case, in the envelope of reference.md §4.1. A null leaves the member out. */
export function createEventBody(options: EventOptions = {}): JsonObject {
  const { status = 'approved', referenceId = 'user_42', templateId = 'itmpl_main' } = options
  return {
    data: {
      type: 'event',
      id: options.id ?? 'evt_1',
      attributes: {
        name: options.name ?? 'inquiry.approved',
        payload: {
          data: {
            type: 'inquiry',
            id: options.inquiryId ?? 'inq_1',
            attributes: {
              ...(status !== null && { status }),
              ...(referenceId !== null && { 'reference-id': referenceId }),
              'created-at': '2026-01-02T03:00:00.000Z',
              'marked-for-review-at': null,
              fields: options.fields ?? { 'name-first': { type: 'string', value: 'Ada' } },
            },
            relationships: {
              'inquiry-template': { data: templateId === null ? null : { type: 'inquiry-template', id: templateId } },
              'inquiry-template-version': { data: { type: 'inquiry-template-version', id: 'itmplv_main' } },
              template: { data: null },
            },
          },
          included: [],
        },
        context: {},
        'created-at': options.createdAt ?? '2026-01-02T03:04:05.678Z',
      },
    },
  }
}

/** The value with its kebab-case keys in another inflection; those of `fields` stay as they are. */
export function inflect(value: JsonValue, inflection: Inflection): JsonValue {
  if (Array.isArray(value)) return value.map((item) => inflect(item, inflection))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [
    inflectKey(key, inflection),
    key === 'fields' ? item : inflect(item, inflection),
  ])
  return Object.fromEntries(entries)
}

function inflectKey(key: string, inflection: Inflection): string {
  const [first = '', ...rest] = key.split('-')
  if (inflection === 'kebab') return key
  if (inflection === 'snake') return [first, ...rest].join('_')
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
