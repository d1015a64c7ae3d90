import { createSignatureVerifier } from '@persona-kyc/core'
import { describe, expect, it } from 'vitest'
import { createInquiryEvent, createShortEvent } from '../src/event-builders.js'
import { createSignedDelivery } from '../src/signed-delivery.js'

const options = {
  name: 'inquiry.marked-for-review',
  inquiryId: 'inq_1',
  referenceId: 'case_1',
  eventId: 'evt_1',
  createdAt: '2026-01-02T03:04:05.678Z',
  fields: { 'name-first': 'Ada' },
}

describe('createInquiryEvent', () => {
  it('builds the envelope with the status the name stands for', () => {
    expect(createInquiryEvent(options)).toMatchObject({
      data: {
        type: 'event',
        id: 'evt_1',
        attributes: {
          name: 'inquiry.marked-for-review',
          'created-at': '2026-01-02T03:04:05.678Z',
          payload: {
            data: {
              type: 'inquiry',
              id: 'inq_1',
              attributes: {
                status: 'needs_review',
                'reference-id': 'case_1',
                fields: { 'name-first': { value: 'Ada' } },
              },
            },
            included: [],
          },
        },
      },
    })
  })

  it('takes another status, casing and a time in milliseconds', () => {
    const event = createInquiryEvent({ ...options, status: 'approved', inflection: 'camel', createdAt: 1000 })
    expect(event.data.attributes).toMatchObject({
      createdAt: '1970-01-01T00:00:01.000Z',
      payload: { data: { attributes: { status: 'approved', referenceId: 'case_1', fields: { 'name-first': {} } } } },
    })
  })

  it('makes an id of its own when none is given', () => {
    const ids = [1, 2].map(() => createInquiryEvent({ name: 'inquiry.created', inquiryId: 'inq_1' }).data.id)
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toMatch(/^evt_\w{24}$/)
  })
})

describe('createShortEvent', () => {
  it('builds the short form', () => {
    const event = { type: 'inquiry.approved', inquiryId: 'inq_1', status: 'approved', referenceId: 'case_1' }
    expect(createShortEvent(event)).toEqual({
      type: 'inquiry.approved',
      data: { id: 'inq_1', attributes: { status: 'approved', reference_id: 'case_1' } },
    })
  })
})

describe('createSignedDelivery', () => {
  it('is accepted by the verifier with each of its secrets', async () => {
    const event = createInquiryEvent(options)
    const delivery = await createSignedDelivery({ event, secrets: ['new', 'old'], timestampSeconds: 1000 })
    expect(JSON.parse(new TextDecoder().decode(delivery.body))).toEqual(event)
    for (const secrets of ['new', 'old']) {
      const verify = createSignatureVerifier({ secrets, now: () => 1_000_000 })
      const signature = delivery.headers['persona-signature']
      expect(await verify({ body: delivery.body, signature })).toEqual({ valid: true, timestampSeconds: 1000 })
    }
  })

  it('sends bytes as they are and counts attempts', async () => {
    const body = new Uint8Array([0xff, 0x00, 0x7b])
    const delivery = await createSignedDelivery({ body, secrets: 's', attemptsMade: 3, timestampSeconds: 5 })
    expect([...delivery.body]).toEqual([...body])
    expect(delivery.headers).toMatchObject({
      'persona-webhook-attempts-made': '3',
      'persona-webhook-attempts-left': '5',
      'persona-webhook-first-attempted-at': '5',
    })
  })
})
