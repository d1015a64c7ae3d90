import { beforeEach, describe, expect, it } from 'vitest'
import { createInquiryEvent } from '../../src/event-builders.js'
import { toWebhookBody } from '../../src/fake-persona/delivery.js'
import { createFakeWithClient, type FakeWithClient, type TestCall, toCreateBody } from './client.js'
import { hasDescription, loadPersonaDescription } from './persona-description.js'

const INQUIRY = '/inquiries/{inquiry-id}'
const ACTIONS = ['approve', 'decline', 'mark-for-review', 'resume', 'expire', 'generate-one-time-link']

/** Calls the operation and checks its answer against the description. */
function createChecker(description: ReturnType<typeof loadPersonaDescription>, client: FakeWithClient) {
  return async (operation: string, expected: number, { id = 'inq_none', query = '', ...call }: CheckedCall = {}) => {
    const [method = '', path = ''] = operation.split(' ')
    const answer = await client.call(method, `${path.replace(/\{.*\}/, id)}${query}`, call)
    expect({ operation, status: answer.status }).toEqual({ operation, status: expected })
    description.expectAnswer(operation, answer)
    return answer
  }
}

interface CheckedCall extends TestCall {
  readonly id?: string
  readonly query?: string
}

describe('every answer is one that Persona’s official description allows', () => {
  beforeEach((context) => {
    if (!hasDescription) context.skip('the official description is not beside the repository (../shared/persona)')
  })

  it('for inquiries from creation to redaction', async () => {
    const description = loadPersonaDescription()
    const client = createFakeWithClient()
    const check = createChecker(description, client)
    const fields = { 'name-first': 'Ada', birthdate: '1990-01-31', 'favourite-number': 7 }
    const meta = { 'auto-create-inquiry-session': true, 'auto-create-one-time-link': true }
    const body = toCreateBody({ fields, tags: ['A'], note: 'n' }, { ...meta, 'auto-create-account-reference-id': 'u' })
    const { id } = (await check('POST /inquiries', 201, { body })).body.data
    await check(`GET ${INQUIRY}`, 200, { id })
    await check(`POST ${INQUIRY}/generate-one-time-link`, 200, { id, body: { meta: { 'expires-in-seconds': 60 } } })
    client.fake.inquiries.simulate(id, 'start_inquiry')
    await check(`POST ${INQUIRY}/resume`, 200, { id })
    await check(`POST ${INQUIRY}/expire`, 200, { id })
    await check(`POST ${INQUIRY}/resume`, 200, { id })
    await check(`PATCH ${INQUIRY}`, 200, { id, body: { data: { attributes: { note: null, fields: { x: [1] } } } } })
    const actions = [
      { type: 'create_passed_verification', data: { 'verification-template-id': 'vtmpl_1' } },
      { type: 'create_failed_verification', data: { 'verification-template-id': 'vtmpl_1' } },
      { type: 'complete_inquiry' },
    ]
    await check(`POST ${INQUIRY}/perform-simulate-actions`, 200, {
      id,
      body: { meta: { 'simulate-actions': actions } },
    })
    await check(`POST ${INQUIRY}/mark-for-review`, 200, { id })
    await check(`POST ${INQUIRY}/decline`, 200, { id, body: { meta: { comment: 'no' } } })
    await check(`POST ${INQUIRY}/approve`, 200, { id, body: { meta: { comment: 'yes' } } })
    await check('GET /inquiries', 200)
    await check(`DELETE ${INQUIRY}`, 200, { id })
    await check(`GET ${INQUIRY}`, 200, { id })
    await check(`DELETE ${INQUIRY}`, 409, { id })
    await check(`POST ${INQUIRY}/resume`, 409, { id })
  })

  it('for events and rate limits', async () => {
    const description = loadPersonaDescription()
    const client = createFakeWithClient()
    const check = createChecker(description, client)
    const id = await client.create()
    client.fake.inquiries.simulate(id, 'start_inquiry', 'create_passed_verification', 'complete_inquiry')
    const listed = await check('GET /events', 200, { query: `?filter[name]=inquiry.completed&filter[object-id]=${id}` })
    expect(listed.body.data).toHaveLength(1)
    const eventId = client.fake.events.list()[0]?.id ?? ''
    expect((await check('GET /events/{event-id}', 200, { id: eventId })).body.data.id).toBe(eventId)
    await check('GET /events/{event-id}', 404, { id: 'evt_none' })
    await check('GET /rate-limits', 200)
  })

  it('for webhooks, whose secrets only the retrieved one tells', async () => {
    const description = loadPersonaDescription()
    const client = createFakeWithClient()
    const check = createChecker(description, client)
    expect((await check('GET /webhooks', 200)).body.data).toEqual([])
    client.fake.webhooks.subscribe({
      url: 'https://app.example/webhooks',
      secrets: ['wbhsec_new', 'wbhsec_old'],
      enabledEvents: ['inquiry.completed'],
      inflection: 'snake',
      status: 'disabled',
    })
    const listed = await check('GET /webhooks', 200)
    expect(JSON.stringify(listed.body)).not.toContain('wbhsec')
    const [{ id = '', attributes } = {}] = Object.values(listed.body.data) as { id?: string; attributes?: object }[]
    expect(attributes).toMatchObject({ url: 'https://app.example/webhooks', status: 'disabled' })
    const retrieved = await check('GET /webhooks/{webhook-id}', 200, { id })
    expect(JSON.stringify(retrieved.body)).toContain('wbhsec_old')
    await check('GET /webhooks/{webhook-id}', 404, { id: 'wbh_none' })
  })

  it('for records that do not exist', async () => {
    const check = createChecker(loadPersonaDescription(), createFakeWithClient())
    await check(`GET ${INQUIRY}`, 404)
    await check(`PATCH ${INQUIRY}`, 404, { body: {} })
    await check(`DELETE ${INQUIRY}`, 404)
    for (const action of ACTIONS) await check(`POST ${INQUIRY}/${action}`, 404)
    await check(`POST ${INQUIRY}/perform-simulate-actions`, 404, { body: { meta: { 'simulate-actions': [] } } })
  })

  it('for requests that are not well formed', async () => {
    const client = createFakeWithClient()
    const check = createChecker(loadPersonaDescription(), client)
    const id = await client.create()
    const unknown = { data: { attributes: { environment: 'sandbox' } } }
    await check('POST /inquiries', 400, { body: {} })
    await check('POST /inquiries', 400, { body: toCreateBody({ environment: 'sandbox' }) })
    await check('POST /inquiries', 400, { body: toCreateBody({ note: 7 }) })
    await check('POST /inquiries', 400, { body: toCreateBody({}, { unknown: true }) })
    await check(`PATCH ${INQUIRY}`, 400, { id, body: unknown })
    await check(`POST ${INQUIRY}/approve`, 400, { id, body: { meta: { note: '' } } })
    await check(`POST ${INQUIRY}/decline`, 400, { id, body: { meta: [] } })
    await check(`POST ${INQUIRY}/generate-one-time-link`, 400, { id, body: { meta: { 'expires-in-seconds': 'x' } } })
    await check(`POST ${INQUIRY}/perform-simulate-actions`, 400, { id, body: {} })
    await check('GET /inquiries', 400, { query: '?page[size]=101' })
    await check('GET /inquiries', 400, { query: '?filter[environment]=sandbox' })
    await check('GET /inquiries', 400, { query: '?filter[note]=n&filter[status]=created' })
    await check('GET /events', 400, { query: '?page[after]=evt_none' })
    await check(`GET ${INQUIRY}`, 400, { id, headers: { 'Key-Inflection': 'pascal' } })
    await check('GET /rate-limits', 400, { headers: { 'Key-Inflection': 'pascal' } })
    await check('GET /events/{event-id}', 400, { headers: { 'Key-Inflection': 'pascal' } })
  })

  it('for values that are not valid', async () => {
    const client = createFakeWithClient({ maxSessionsPerInquiry: 1 })
    const check = createChecker(loadPersonaDescription(), client)
    const twoTemplates = toCreateBody({ 'template-id': 'tmpl_1' })
    const { body } = await check('POST /inquiries', 422, { body: twoTemplates })
    expect(body.errors?.[0]?.source).toEqual({ pointer: '/data/attributes/template-id' })
    await check('POST /inquiries', 422, { body: toCreateBody({ fields: { birthdate: 'yesterday' } }) })
    await check('POST /inquiries', 422, { body: { data: { attributes: {} } } })
    const id = await client.create({ meta: { 'auto-create-inquiry-session': true } })
    await check(`POST ${INQUIRY}/generate-one-time-link`, 422, { id })
    client.fake.inquiries.simulate(id, 'start_inquiry')
    await check(`POST ${INQUIRY}/resume`, 422, { id })
    const key = { 'Idempotency-Key': 'k' }
    await check('POST /inquiries', 201, { body: toCreateBody(), headers: key })
    for (const action of [...ACTIONS, 'perform-simulate-actions']) {
      await check(`POST ${INQUIRY}/${action}`, 422, { id, headers: key })
    }
  })

  it('for inquiries in the wrong state', async () => {
    const client = createFakeWithClient()
    const check = createChecker(loadPersonaDescription(), client)
    const id = await client.create()
    client.fake.inquiries.simulate(id, 'approve_inquiry')
    const body = { meta: { 'simulate-actions': [{ type: 'start_inquiry' }] } }
    await check(`POST ${INQUIRY}/mark-for-review`, 409, { id })
    await check(`POST ${INQUIRY}/resume`, 409, { id })
    await check(`POST ${INQUIRY}/expire`, 409, { id })
    await check(`POST ${INQUIRY}/generate-one-time-link`, 409, { id })
    await check(`POST ${INQUIRY}/perform-simulate-actions`, 409, { id, body })
    await check(`DELETE ${INQUIRY}`, 200, { id })
    await check(`POST ${INQUIRY}/approve`, 409, { id })
    await check(`POST ${INQUIRY}/decline`, 409, { id })
    await check(`PATCH ${INQUIRY}`, 409, { id, body: {} })
  })

  it('for keys that may not, and for too many requests', async () => {
    const client = createFakeWithClient({ apiKey: 'persona_production_1' })
    const description = loadPersonaDescription()
    const check = createChecker(description, client)
    const id = await client.create()
    const body = { meta: { 'simulate-actions': [] } }
    await check(`POST ${INQUIRY}/perform-simulate-actions`, 403, { id, body })
    const limited = createChecker(description, createFakeWithClient({ rateLimit: { limit: 0, windowSeconds: 60 } }))
    const operations = ['GET /inquiries', 'POST /inquiries', `GET ${INQUIRY}`, `PATCH ${INQUIRY}`, `DELETE ${INQUIRY}`]
      .concat(ACTIONS.map((action) => `POST ${INQUIRY}/${action}`))
      .concat(`POST ${INQUIRY}/perform-simulate-actions`, 'GET /events', 'GET /events/{event-id}', 'GET /rate-limits')
    for (const operation of operations) {
      await check(operation, 401, { headers: { Authorization: 'Bearer wrong' } })
      await limited(operation, 429)
    }
  })

  it('for the webhook of every event', async () => {
    const description = loadPersonaDescription()
    const { fake, create } = createFakeWithClient()
    for (const action of ['complete_inquiry', 'fail_inquiry', 'expire_inquiry'] as const) {
      fake.inquiries.simulate(
        await create({ attributes: { fields: { 'name-first': 'Ada' } } }),
        'start_inquiry',
        action,
      )
    }
    const id = await create()
    fake.inquiries.simulate(id, 'create_passed_verification', 'create_failed_verification', 'mark_for_review_inquiry')
    fake.inquiries.simulate(id, 'approve_inquiry', 'decline_inquiry')
    await fake.fetch(`${fake.baseUrl}/inquiries/${id}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${fake.apiKey}` },
    })
    for (const event of fake.events.list()) description.expectWebhook(event.attributes.name, toWebhookBody(event))
    expect([...description.checked].sort()).toEqual([
      'inquiry.approved',
      'inquiry.completed',
      'inquiry.created',
      'inquiry.declined',
      'inquiry.expired',
      'inquiry.failed',
      'inquiry.marked-for-review',
      'inquiry.redacted',
      'inquiry.started',
      'verification.failed',
      'verification.passed',
    ])
  })

  it('for events from the builder', () => {
    const description = loadPersonaDescription()
    const event = createInquiryEvent({ name: 'inquiry.approved', inquiryId: 'inq_1', fields: { 'name-first': 'Ada' } })
    description.expectWebhook('inquiry.approved', event)
  })
})
