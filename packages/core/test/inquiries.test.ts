import { describe, expect, it } from 'vitest'
import type { JsonValue } from '../src/inflection.js'
import { toRejection } from './canaries.js'
import { INFLECTIONS, inflect } from './event-bodies.js'
import { createInquiryAnswer, createRecordedClient, type Reply } from './recorded-fetch.js'

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

describe('an answer', () => {
  it.each(INFLECTIONS)('in %s is read, its fields untouched', async (inflection) => {
    const fields = { 'name-first': { type: 'string' }, address_street_1: 1, birthDate: { 'a-b': 2 } }
    const answer = createInquiryAnswer({ fields, 'next-step-name': 'start' }, { 'session-token': 'token' })
    const reply = Response.json(inflect(answer as JsonValue, inflection), { status: 201 })
    const { client } = createRecordedClient([reply])
    const { inquiry, sessionToken } = await client.inquiries.create({ inquiryTemplateId: 'itmpl_main' })
    expect(sessionToken).toBe('token')
    expect(inquiry).toMatchObject({
      id: 'inq_1',
      attributes: {
        status: 'created',
        referenceId: 'case_1',
        createdAt: '2026-01-02T03:04:05.000Z',
        updatedAt: '2026-01-02T03:04:06.000Z',
        redactedAt: null,
        nextStepName: 'start',
        fields,
      },
      relationships: { inquiryTemplate: { data: { type: 'inquiry-template', id: 'itmpl_main' } } },
    })
  })

  it('without a session has no token', async () => {
    for (const meta of [undefined, {}, { 'session-token': null }]) {
      const { client } = createRecordedClient([Response.json(createInquiryAnswer({}, meta))])
      expect((await client.inquiries.resume('inq_1')).sessionToken).toBeNull()
    }
  })

  it('may lack what is optional', async () => {
    const { data } = createInquiryAnswer()
    const { status, 'created-at': createdAt, 'updated-at': updatedAt } = data.attributes as Record<string, unknown>
    const attributes = { status, 'created-at': createdAt, 'updated-at': updatedAt }
    const { client } = createRecordedClient([Response.json({ data: { id: 'inq_1', attributes } })])
    expect(await client.inquiries.retrieve('inq_1')).toMatchObject({
      id: 'inq_1',
      attributes: { referenceId: null, redactedAt: null, fields: {} },
      relationships: {},
    })
  })

  it.each<[string, Reply]>([
    ['an HTML page', new Response('<html>canary-body</html>', { headers: { 'content-type': 'text/html' } })],
    ['an empty page', new Response('')],
    ['no content', new Response(null, { status: 204 })],
    ['a list', Response.json(['canary-body'])],
    ['a string', Response.json('canary-body')],
    ['null', Response.json(null)],
    ['no data', Response.json({ meta: {} })],
    ['data that is null', Response.json({ data: null })],
    ['no attributes', Response.json({ data: { id: 'inq_1' } })],
    ['no id', Response.json({ data: { attributes: createInquiryAnswer().data.attributes } })],
    ['a status of another type', Response.json(createInquiryAnswer({ status: { 'canary-body': 1 } }))],
    ['a time of another type', Response.json(createInquiryAnswer({ 'updated-at': 17 }))],
    ['cut-off JSON', new Response('{"data": {"id": "canary-body"')],
    ['bytes', new Response(new Uint8Array([0xff, 0xfe, 0]))],
  ])('that is %s is an error without the body', async (_name, reply) => {
    const { client } = createRecordedClient([reply])
    const error = await toRejection(client.inquiries.retrieve('inq_1'))
    expect(error).toMatchObject({ code: 'persona_unexpected_answer' })
    expect(JSON.stringify(error) + String(error)).not.toContain('canary-body')
  })
})

describe('a one-time link', () => {
  it('is read', async () => {
    const meta = {
      'one-time-link': 'https://withpersona.com/verify?code=a',
      'one-time-link-short': 'https://perso.na/a',
    }
    const { client, requests } = createRecordedClient([Response.json(createInquiryAnswer({}, meta))])
    expect(await client.inquiries.createOneTimeLink('inq_1', { expiresInSeconds: 60 })).toEqual({
      link: 'https://withpersona.com/verify?code=a',
      shortLink: 'https://perso.na/a',
    })
    expect(requests[0]?.body).toEqual({ meta: { 'expires-in-seconds': 60 } })
  })

  it('that is missing is an error', async () => {
    const { client } = createRecordedClient([Response.json(createInquiryAnswer({}, { 'one-time-link': null }))])
    expect(await toRejection(client.inquiries.createOneTimeLink('inq_1'))).toMatchObject({
      code: 'persona_unexpected_answer',
    })
  })
})

describe('the body of a request', () => {
  it('has only what was given', async () => {
    const { client, requests } = createRecordedClient([Response.json(createInquiryAnswer())])
    await client.inquiries.create({ templateId: 'tmpl_1' })
    await client.inquiries.create({
      inquiryTemplateId: 'itmpl_1',
      referenceId: 'case-1',
      accountReferenceId: 'user-1',
      createSession: true,
      redirectUri: 'https://app.example/done',
      note: 'note',
      tags: ['A'],
      fields: { 'name-first': 'Ada' },
    })
    await client.inquiries.approve('inq_1', { comment: 'fine' })
    await client.inquiries.markForReview('inq_1')
    await client.inquiries.update('inq_1', { tags: [] })
    const verification = { type: 'create_passed_verification', data: { verificationTemplateId: 'vtmpl_1' } }
    await client.inquiries.performSimulateActions('inq_1', [{ type: 'start_inquiry' }, verification])
    expect(requests.map(({ body }) => body)).toEqual([
      { data: { attributes: { 'template-id': 'tmpl_1' } }, meta: {} },
      {
        data: {
          attributes: {
            'inquiry-template-id': 'itmpl_1',
            'reference-id': 'case-1',
            'redirect-uri': 'https://app.example/done',
            note: 'note',
            tags: ['A'],
            fields: { 'name-first': 'Ada' },
          },
        },
        meta: { 'auto-create-account-reference-id': 'user-1', 'auto-create-inquiry-session': true },
      },
      { meta: { comment: 'fine' } },
      undefined,
      { data: { attributes: { tags: [] } } },
      {
        meta: {
          'simulate-actions': [
            { type: 'start_inquiry' },
            { type: 'create_passed_verification', data: { 'verification-template-id': 'vtmpl_1' } },
          ],
        },
      },
    ])
  })
})

describe('a list', () => {
  const page = (ids: string[], next: string | null) =>
    Response.json({ data: ids.map((id) => ({ ...createInquiryAnswer().data, id })), links: { prev: null, next } })
  const nextOf = (id: string) => `/api/v1/inquiries?page%5Bafter%5D=${id}&page%5Bsize%5D=2`

  it('follows the cursors to the end', async () => {
    const { client, requests } = createRecordedClient([
      page(['a', 'b'], nextOf('b')),
      page(['c'], nextOf('c')),
      page([], null),
    ])
    const inquiries = await collect(client.inquiries.list({ pageSize: 2 }))
    expect(inquiries.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(requests.map(({ url }) => url.searchParams.get('page[after]'))).toEqual([null, 'b', 'c'])
  })

  it('keeps the filters on every page', async () => {
    const { client, requests } = createRecordedClient([page(['a'], nextOf('a')), page(['b'], null)])
    await collect(client.inquiries.list({ referenceId: 'case-1', pageSize: 2 }))
    for (const { url } of requests) {
      expect(url.searchParams.get('filter[reference-id]')).toBe('case-1')
      expect(url.searchParams.get('page[size]')).toBe('2')
    }
  })

  it('asks for nothing before it is read, and for no page that is not needed', async () => {
    const { client, requests } = createRecordedClient([page(['a', 'b'], nextOf('b')), page(['c'], null)])
    const inquiries = client.inquiries.list()
    expect(requests).toHaveLength(0)
    for await (const { id } of inquiries) if (id === 'b') break
    expect(requests).toHaveLength(1)
  })

  it('ends when the next link has no cursor, or is missing', async () => {
    for (const next of ['/api/v1/inquiries', 'nonsense', '']) {
      const { client, requests } = createRecordedClient([page(['a'], next)])
      expect(await collect(client.inquiries.list())).toHaveLength(1)
      expect(requests).toHaveLength(1)
    }
    const { client } = createRecordedClient([Response.json({ data: [], links: {} })])
    expect(await collect(client.inquiries.list())).toEqual([])
  })

  it('does not ask forever when a cursor leads to itself', async () => {
    for (const next of [nextOf('a'), '/api/v1/inquiries?page%5Bafter%5D=']) {
      const replies = [...Array.from({ length: 20 }, () => page(['a'], next)), page([], null)]
      const { client, requests } = createRecordedClient(replies)
      await collect(client.inquiries.list()).catch(() => [])
      expect(requests.length).toBeLessThan(4)
    }
  })

  it('rejects when a page fails', async () => {
    const { client } = createRecordedClient([page(['a'], nextOf('a')), new Response('x', { status: 404 })])
    expect(await toRejection(collect(client.inquiries.list()))).toMatchObject({ code: 'persona_not_found' })
  })

  it('encodes what would mean something else in a query', async () => {
    const { client, requests } = createRecordedClient([page([], null)])
    const referenceId = 'a+b c&d=e#f%2B"é[]'
    await collect(
      client.inquiries.list({
        referenceId,
        accountId: 'act_1',
        status: 'approved,declined',
        inquiryIds: ['inq_1', 'inq_2'],
        createdAtStart: '2026-01-02T03:04:05+01:00',
      }),
    )
    const [url] = requests.map((request) => request.url)
    expect(Object.fromEntries(url?.searchParams ?? [])).toEqual({
      'filter[reference-id]': referenceId,
      'filter[account-id]': 'act_1',
      'filter[status]': 'approved,declined',
      'filter[inquiry-id]': 'inq_1,inq_2',
      'filter[created-at-start]': '2026-01-02T03:04:05+01:00',
      'page[size]': '100',
    })
    expect(url?.search).toContain('a%2Bb')
    expect(url?.hash).toBe('')
  })
})
