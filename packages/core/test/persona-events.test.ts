import { createFakePersona } from '@persona-kyc/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { createPersonaClient } from '../src/client.js'
import { requireOfficialDescription } from './official-description.js'
import { createRecordedClient } from './recorded-fetch.js'

/** A client of a fake Persona, with the paths that were asked for. */
function createFaked() {
  const fake = createFakePersona({ webhook: { url: 'https://app.example/hook', secrets: 'wbhsec_canary' } })
  const paths: string[] = []
  const client = createPersonaClient({
    apiKey: fake.apiKey,
    fetch: (input, init) => {
      paths.push(decodeURIComponent(new URL(String(input)).search))
      return fake.fetch(input, init)
    },
  })
  return { fake, client, paths }
}

describe('events', () => {
  it('are listed newest first, as the webhook would tell them, and a page at a time', async () => {
    const { fake, client, paths } = createFaked()
    const { inquiry } = await client.inquiries.create({ inquiryTemplateId: 'itmpl_1', referenceId: 'case-1' })
    fake.inquiries.simulate(inquiry.id, 'start_inquiry', 'complete_inquiry')
    const events = []
    for await (const event of client.events.list({ pageSize: 2 })) events.push(event)
    expect(events.map(({ name }) => name)).toEqual(['inquiry.completed', 'inquiry.started', 'inquiry.created'])
    expect(events[0]).toMatchObject({
      id: expect.stringMatching(/^evt_/),
      createdAt: expect.any(Date),
      inquiry: {
        id: inquiry.id,
        status: 'completed',
        referenceId: 'case-1',
        templateIds: expect.arrayContaining(['itmpl_1']),
      },
    })
    expect(paths.slice(1)).toEqual(['?page[size]=2', `?page[size]=2&page[after]=${events[1]?.id}`])
    expect(await client.events.retrieve(events[1]?.id ?? '')).toMatchObject({
      id: events[1]?.id,
      name: 'inquiry.started',
    })
  })

  it('are filtered by name and by what they are about', async () => {
    const { fake, client } = createFaked()
    for (const _ of [1, 2]) {
      const { inquiry } = await client.inquiries.create({ inquiryTemplateId: 'itmpl_1' })
      fake.inquiries.simulate(inquiry.id, 'start_inquiry')
    }
    const objectId = fake.events.list()[0]?.attributes.payload.data.id
    const page = await client.events.listPage({ name: 'inquiry.started', objectId })
    expect(page).toMatchObject({ items: [{ name: 'inquiry.started', inquiry: { id: objectId } }], next: null })
  })

  it('that cannot be read are counted, and keep no others from being read', async () => {
    const event = (id: string, createdAt: unknown) => ({
      type: 'event',
      id,
      attributes: {
        name: 'inquiry.created',
        'created-at': createdAt,
        payload: { data: { type: 'inquiry', id: 'inq_1' } },
      },
    })
    const data = [event('evt_1', '2026-01-02T03:04:05.000Z'), event('evt_2', 'yesterday'), { type: 'event' }]
    const { client } = createRecordedClient([Response.json({ data, links: { prev: null, next: null } })])
    const page = await client.events.listPage()
    expect([page.items.map(({ id }) => id), page.unreadable]).toEqual([['evt_1'], 2])
  })

  it('refuse an answer that is no list, and an id that leaves the path', async () => {
    const { client } = createRecordedClient([Response.json({ data: {} })])
    await expect(client.events.listPage()).rejects.toMatchObject({ code: 'persona_unexpected_answer' })
    await expect(client.events.retrieve('../x')).rejects.toMatchObject({ code: 'argument_invalid' })
    await expect(client.events.retrieve('evt_1')).rejects.toMatchObject({ code: 'event_malformed' })
  })

  it('stop at a page that leads to itself', async () => {
    const links = { prev: null, next: '/api/v1/events?page%5Bafter%5D=evt_1' }
    const { client } = createRecordedClient([Response.json({ data: [], links })])
    const walk = async () => {
      for await (const _ of client.events.list()) expect.fail('there is none')
    }
    await expect(walk()).rejects.toMatchObject({ code: 'persona_unexpected_answer' })
  })
})

describe('webhooks', () => {
  it('are listed without their secrets', async () => {
    const { client } = createFaked()
    const webhooks = []
    for await (const webhook of client.webhooks.list()) webhooks.push(webhook)
    expect(webhooks).toEqual([
      {
        id: expect.stringMatching(/^wbh_/),
        attributes: {
          name: 'Fake',
          url: 'https://app.example/hook',
          status: 'enabled',
          enabledEvents: ['*'],
          apiVersion: '2025-12-08',
          apiKeyInflection: 'kebab',
        },
      },
    ])
  })

  it('drop a secret that an answer carries all the same, and bear missing members', async () => {
    const data = [
      { type: 'webhook', id: 'wbh_1', attributes: { secret: 'wbhsec_canary', secrets: [{ value: 'canary' }] } },
    ]
    const { client } = createRecordedClient([Response.json({ data, links: { prev: null, next: null } })])
    for await (const webhook of client.webhooks.list()) {
      expect(webhook.attributes).toMatchObject({ url: '', status: '', enabledEvents: [], apiVersion: null })
      expect(JSON.stringify(webhook)).not.toContain('canary')
    }
  })
})

describe('the official description', () => {
  beforeEach((context) => void requireOfficialDescription(context))

  it.each([
    ['/events', ['filter', 'page']],
    ['/webhooks', ['page']],
  ])('has GET %s with the parameters %j', (path, names) => {
    const description = requireOfficialDescription({ skip: () => {} } as never)
    const parameters = description.find('paths', path, 'get', 'parameters')
    expect(Array.isArray(parameters)).toBe(true)
    const found = (parameters as unknown[]).map((_, index) =>
      description.find('paths', path, 'get', 'parameters', String(index), 'name'),
    )
    expect(found).toEqual(expect.arrayContaining(names))
  })
})
