import { describe, expect, it } from 'vitest'
import { PersonaRejection } from '../../src/fake-persona/rejection.js'
import { createFakeWithClient, START_MS, toCreateBody } from './client.js'

describe('an inquiry', () => {
  it('moves through its statuses with a time and an event each', async () => {
    const { fake, create, advance } = createFakeWithClient()
    const id = await create()
    for (const action of ['start', 'complete', 'mark_for_review', 'approve', 'decline'] as const) {
      advance(10)
      fake.inquiries.simulate(id, `${action}_inquiry`)
    }
    const at = (seconds: number) => new Date(START_MS + seconds * 1000).toISOString()
    expect(fake.inquiries.get(id)?.attributes).toMatchObject({
      status: 'declined',
      'created-at': at(0),
      'started-at': at(10),
      'completed-at': at(20),
      'marked-for-review-at': at(30),
      'decisioned-at': at(50),
      'updated-at': at(50),
      'expires-at': at(86_400),
      'failed-at': null,
    })
    expect(fake.events.list().map(({ attributes }) => [attributes.name, attributes['created-at']])).toEqual([
      ['inquiry.created', at(0)],
      ['inquiry.started', at(10)],
      ['inquiry.completed', at(20)],
      ['inquiry.marked-for-review', at(30)],
      ['inquiry.approved', at(40)],
      ['inquiry.declined', at(50)],
    ])
  })

  it('is kept in its events as it was then', async () => {
    const { fake, create } = createFakeWithClient()
    fake.inquiries.simulate(await create(), 'start_inquiry', 'complete_inquiry')
    const statuses = fake.events.list().map(({ attributes }) => attributes.payload.data.attributes)
    expect(statuses).toMatchObject([{ status: 'created' }, { status: 'pending' }, { status: 'completed' }])
  })

  it('has events whose times increase strictly on a clock that stands still', async () => {
    const { fake, create } = createFakeWithClient()
    for (let count = 0; count < 5; count++) fake.inquiries.simulate(await create(), 'start_inquiry', 'fail_inquiry')
    const times = fake.events.list().map(({ attributes }) => attributes['created-at'])
    expect([...new Set(times)].sort()).toEqual(times)
    expect(times.every((time) => /\.\d{3}Z$/.test(time))).toBe(true)
  })

  it('stays as it is when the status forbids the action', async () => {
    const { fake, create } = createFakeWithClient()
    const id = await create()
    expect(() => fake.inquiries.simulate(id, 'complete_inquiry')).toThrow(PersonaRejection)
    fake.inquiries.simulate(id, 'approve_inquiry')
    expect(() => fake.inquiries.simulate(id, 'mark_for_review_inquiry')).toThrow('Conflict')
    expect(() => fake.inquiries.simulate('inq_none', 'start_inquiry')).toThrow('Record not found')
    expect(fake.inquiries.get(id)?.attributes.status).toBe('approved')
  })

  it('sends no second event when it is approved again', async () => {
    const { fake, create, call } = createFakeWithClient()
    const id = await create()
    await call('POST', `/inquiries/${id}/approve`)
    await call('POST', `/inquiries/${id}/approve`, { body: { meta: { comment: 'again' } } })
    expect(fake.events.list().filter(({ attributes }) => attributes.name === 'inquiry.approved')).toHaveLength(1)
    expect(fake.inquiries.get(id)?.attributes['reviewer-comment']).toBe('again')
  })

  it('expires by the clock and says so in an event', async () => {
    const { fake, create, call, advance } = createFakeWithClient()
    const id = await create({ meta: { 'expiration-after-create-interval-seconds': 60 } })
    advance(59)
    expect(fake.inquiries.get(id)?.attributes.status).toBe('created')
    advance(1)
    expect((await call('GET', `/inquiries/${id}`)).body.data.attributes.status).toBe('expired')
    expect(fake.events.list().at(-1)?.attributes.name).toBe('inquiry.expired')
  })

  it('takes its reference id from either place, and shares the account with it', async () => {
    const { fake, create } = createFakeWithClient()
    const ids = [
      await create({ meta: { 'auto-create-account-reference-id': 'user_1' } }),
      await create({ attributes: { 'reference-id': 'user_1' } }),
      await create({ attributes: { 'reference-id': 'user_2' } }),
      await create({ meta: { 'auto-create-account': false } }),
    ]
    const inquiries = ids.map((id) => fake.inquiries.get(id))
    expect(inquiries.map((inquiry) => inquiry?.attributes['reference-id'])).toEqual([
      'user_1',
      'user_1',
      'user_2',
      null,
    ])
    const accounts = inquiries.map((inquiry) => inquiry?.relationships.account.data?.id)
    expect(accounts[0]).toBe(accounts[1])
    expect(new Set(accounts).size).toBe(3)
    expect(accounts[3]).toBeUndefined()
  })

  it('takes fields as values and gives them with their types', async () => {
    const { call } = createFakeWithClient()
    const fields = { 'name-first': 'Ada', birthdate: '1990-01-31', age: 36, height_m: 1.7, isMember: true, list: [1] }
    const { body } = await call('POST', '/inquiries', { body: toCreateBody({ fields }) })
    expect(body.data.attributes.fields).toEqual({
      'name-first': { type: 'string', value: 'Ada' },
      birthdate: { type: 'date', value: '1990-01-31' },
      age: { type: 'integer', value: 36 },
      height_m: { type: 'number', value: 1.7 },
      isMember: { type: 'boolean', value: true },
      list: { type: 'array', value: [1] },
    })
  })

  it('loses its personal data when it is redacted, once', async () => {
    const { fake, create, call } = createFakeWithClient()
    const id = await create({ attributes: { note: 'Ada', fields: { 'name-first': 'Ada' } } })
    const { status, body } = await call('DELETE', `/inquiries/${id}`)
    expect([status, JSON.stringify(body).includes('Ada')]).toEqual([200, false])
    expect(body.data.attributes['redacted-at']).not.toBeNull()
    const second = await call('DELETE', `/inquiries/${id}`)
    expect([second.status, second.body.errors?.[0]?.details]).toEqual([409, 'Inquiry already redacted'])
    expect(fake.events.list().at(-1)?.attributes.name).toBe('inquiry.redacted')
  })

  it('is not found with a method or path that the API does not have', async () => {
    const { fake, call } = createFakeWithClient()
    expect((await call('PUT', '/inquiries')).status).toBe(404)
    expect((await call('GET', '/unknown')).status).toBe(404)
    const headers = { Authorization: `Bearer ${fake.apiKey}` }
    expect((await fake.fetch('https://api.withpersona.com/inquiries', { headers })).status).toBe(404)
  })
})
