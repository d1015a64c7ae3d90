import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SignatureError } from '../src/errors.js'
import { constructEvent, isInquiryEvent, parseEvent } from '../src/events.js'
import { isJsonObject, type JsonValue, toCamelKeys } from '../src/inflection.js'
import { signWebhook } from '../src/signature.js'
import { toRejection } from './canaries.js'
import { createEventBody, INFLECTIONS, inflect, toBytes } from './event-bodies.js'
import { requireOfficialDescription } from './official-description.js'

function dig(value: JsonValue | undefined, ...path: string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((at, key) => (isJsonObject(at) ? at[key] : undefined), value)
}

describe.each(INFLECTIONS)('the envelope in %s', (inflection) => {
  it('is read', async () => {
    const body = inflect(createEventBody(), inflection)
    expect(await parseEvent(toBytes(body))).toEqual({
      id: 'evt_1',
      name: 'inquiry.approved',
      createdAt: new Date('2026-01-02T03:04:05.678Z'),
      inquiry: {
        id: 'inq_1',
        status: 'approved',
        referenceId: 'user_42',
        templateIds: ['itmpl_main', 'itmplv_main'],
      },
      body,
    })
  })

  it('keeps the names of the template’s fields', async () => {
    const fields = { 'name-first': 'a', name_last: 'b', birthDate: 'c', 'a_b-cD': { 'deep-er': 1 } }
    const { body } = await parseEvent(toBytes(inflect(createEventBody({ fields }), inflection)))
    const attributes = dig(toCamelKeys(body), 'data', 'attributes', 'payload', 'data', 'attributes')
    expect(attributes).toEqual({
      status: 'approved',
      referenceId: 'user_42',
      createdAt: '2026-01-02T03:00:00.000Z',
      markedForReviewAt: null,
      fields,
    })
  })
})

describe('the short form', () => {
  it('is read, with a digest of its body for an id and without a time', async () => {
    const bytes = toBytes({ type: 'inquiry.completed', data: { id: 'inq_1', attributes: { status: 'completed' } } })
    expect(await parseEvent(bytes)).toMatchObject({
      id: `short_${createHash('sha256').update(bytes).digest('hex')}`,
      name: 'inquiry.completed',
      createdAt: null,
      inquiry: { id: 'inq_1', status: 'completed', referenceId: null, templateIds: [] },
    })
  })

  it('takes the status from the name where it has none', async () => {
    const event = await parseEvent(toBytes({ type: 'inquiry.failed', data: { id: 'inq_1' } }))
    expect(event.inquiry?.status).toBe('failed')
  })

  it('reads the reference id in each inflection', async () => {
    for (const key of ['reference-id', 'reference_id', 'referenceId']) {
      const data = { id: 'inq_1', attributes: { [key]: 'user_1' } }
      expect((await parseEvent(toBytes({ type: 'inquiry.started', data }))).inquiry?.referenceId).toBe('user_1')
    }
  })

  it('has no inquiry when it is about something else', async () => {
    const event = await parseEvent(toBytes({ type: 'account.created', data: { id: 'act_1' } }))
    expect(event).toMatchObject({ name: 'account.created', inquiry: null })
    const typed = await parseEvent(toBytes({ type: 'inquiry.created', data: { type: 'account', id: 'act_1' } }))
    expect(typed.inquiry).toBeNull()
  })
})

describe('the status of the snapshot', () => {
  it.each([
    ['approved', 'inquiry.declined', 'approved'],
    ['needs_review', 'inquiry.marked-for-review', 'needs_review'],
    ['needs-review', 'inquiry.needs-review', 'needs_review'],
    ['needsReview', 'inquiry.transitioned', 'needs_review'],
    ['marked-for-review', 'inquiry.transitioned', 'needs_review'],
    ['brand_new_status', 'inquiry.approved', 'brand_new_status'],
    ['approved', 'inquiry.something-new', 'approved'],
    ['constructor', 'inquiry.approved', 'constructor'],
  ])('%s with the name %s is %s', async (status, name, expected) => {
    expect((await parseEvent(toBytes(createEventBody({ status, name })))).inquiry?.status).toBe(expected)
  })

  it.each([
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
    ['inquiry.brand-new', null],
    ['__proto__', null],
    ['constructor', null],
  ])('is missing with the name %s, so it is %s', async (name, expected) => {
    expect((await parseEvent(toBytes(createEventBody({ status: null, name })))).inquiry?.status).toBe(expected)
  })
})

describe('the names that move a case', () => {
  it('are those of the inquiry’s life, and no others', () => {
    expect(isInquiryEvent('inquiry.marked-for-review')).toBe(true)
    expect(isInquiryEvent('inquiry.needs-review')).toBe(true)
    expect(
      ['inquiry.updated-tags', 'inquiry-session.started', 'case.created', 'toString'].filter(isInquiryEvent),
    ).toEqual([])
  })
})

describe('the time of an event', () => {
  it.each([
    ['2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.999Z'],
    ['2026-01-02T03:04:05.678901Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05.9999999Z', '2026-01-02T03:04:05.999Z'],
    ['2026-01-02T05:04:05.678+02:00', '2026-01-02T03:04:05.678Z'],
    ['2026-01-01T22:04:05.678-05:00', '2026-01-02T03:04:05.678Z'],
    ['2024-02-29T23:59:59.999+14:00', '2024-02-29T09:59:59.999Z'],
  ])('%s is %s', async (createdAt, expected) => {
    expect((await parseEvent(toBytes(createEventBody({ createdAt })))).createdAt?.toISOString()).toBe(expected)
  })
})

describe('constructEvent', () => {
  const body = toBytes(createEventBody())
  const now = () => 1_767_323_045_000

  it('reads what is signed', async () => {
    const signature = await signWebhook({ body, secrets: 'wbhsec_1', timestampSeconds: 1_767_323_045 })
    expect(await constructEvent({ body, signature, secrets: 'wbhsec_1', now })).toMatchObject({ id: 'evt_1' })
  })

  it('rejects with the reason where it is not', async () => {
    const signature = await signWebhook({ body, secrets: 'wbhsec_2', timestampSeconds: 1_767_323_045 })
    const options = { body, secrets: 'wbhsec_1', now }
    const error = await toRejection(constructEvent({ ...options, signature }))
    expect(error).toBeInstanceOf(SignatureError)
    expect(error).toMatchObject({ code: 'signature_invalid', reason: 'mismatch' })
    expect(await toRejection(constructEvent({ ...options, signature: null }))).toMatchObject({ reason: 'missing' })
  })
})

describe('Persona’s own examples', () => {
  it('are all read, in each inflection', async (context) => {
    const official = requireOfficialDescription(context)
    const names = Object.keys(official.document.webhooks ?? {})
    expect(names).toHaveLength(130)
    let examples = 0
    for (const name of names) {
      const content = ['webhooks', name, 'post', 'requestBody', 'content', 'application/json', 'examples']
      for (const example of Object.keys(official.find(...content) ?? {})) {
        const body = official.find(...content, example, 'value')
        const attributes = dig(body, 'data', 'attributes')
        const resource = dig(attributes, 'payload', 'data')
        const isInquiry = dig(resource, 'type') === 'inquiry'
        for (const inflection of INFLECTIONS) {
          const event = await parseEvent(toBytes(inflect(body ?? null, inflection)))
          expect(event).toMatchObject({ id: dig(body, 'data', 'id'), name })
          expect(event.createdAt).toEqual(new Date(String(dig(attributes, 'created-at'))))
          expect(event.inquiry?.id).toBe(isInquiry ? dig(resource, 'id') : undefined)
          expect(event.inquiry?.status).toBe(isInquiry ? dig(resource, 'attributes', 'status') : undefined)
          expect(isInquiry).toBe(name.startsWith('inquiry.'))
        }
        examples += 1
      }
    }
    expect(examples).toBeGreaterThanOrEqual(130)
  })
})
