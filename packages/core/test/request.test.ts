import { describe, expect, it } from 'vitest'
import { KycError } from '../src/errors.js'
import type { Inquiries } from '../src/inquiries.js'
import { toRejection } from './canaries.js'
import { API_KEY, createErrorAnswer, createInquiryAnswer, createRecordedClient } from './recorded-fetch.js'

const OK = Response.json(createInquiryAnswer())
const CREATE = { inquiryTemplateId: 'itmpl_main' }

const CALLS: [string, string, string, (inquiries: Inquiries) => Promise<unknown>][] = [
  ['create', 'POST', '/inquiries', (inquiries) => inquiries.create(CREATE)],
  ['retrieve', 'GET', '/inquiries/inq_1', (inquiries) => inquiries.retrieve('inq_1')],
  ['update', 'PATCH', '/inquiries/inq_1', (inquiries) => inquiries.update('inq_1', { note: 'x' })],
  ['approve', 'POST', '/inquiries/inq_1/approve', (inquiries) => inquiries.approve('inq_1')],
  ['decline', 'POST', '/inquiries/inq_1/decline', (inquiries) => inquiries.decline('inq_1')],
  ['markForReview', 'POST', '/inquiries/inq_1/mark-for-review', (inquiries) => inquiries.markForReview('inq_1')],
  ['resume', 'POST', '/inquiries/inq_1/resume', (inquiries) => inquiries.resume('inq_1')],
  ['expire', 'POST', '/inquiries/inq_1/expire', (inquiries) => inquiries.expire('inq_1')],
  ['redact', 'DELETE', '/inquiries/inq_1', (inquiries) => inquiries.redact('inq_1')],
  [
    'performSimulateActions',
    'POST',
    '/inquiries/inq_1/perform-simulate-actions',
    (inquiries) => inquiries.performSimulateActions('inq_1', [{ type: 'approve_inquiry' }]),
  ],
]

describe.each(CALLS)('%s', (_name, method, path, call) => {
  it(`is ${method} ${path} with the headers that Persona wants`, async () => {
    const { client, requests } = createRecordedClient([OK])
    await call(client.inquiries)
    expect(requests).toHaveLength(1)
    const [request] = requests
    expect(request?.method).toBe(method)
    expect(request?.url.href).toBe(`https://api.withpersona.com/api/v1${path}`)
    const headers = Object.fromEntries(request?.headers ?? [])
    expect(headers).toMatchObject({
      accept: 'application/json',
      authorization: `Bearer ${API_KEY}`,
      'key-inflection': 'camel',
      'persona-version': '2025-12-08',
    })
    expect(headers['idempotency-key'] !== undefined).toBe(method === 'POST')
  })

  it('follows no redirect', async () => {
    const location = 'https://elsewhere.example/'
    const { client, requests } = createRecordedClient([new Response(null, { status: 302, headers: { location } })])
    const error = await toRejection(call(client.inquiries))
    expect(error).toMatchObject({ code: 'persona_unexpected_answer', status: 302 })
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual'])
  })
})

describe('the version', () => {
  it('may be another one', async () => {
    const { client, requests } = createRecordedClient([OK], { apiVersion: '2026-09-29' })
    await client.inquiries.retrieve('inq_1')
    expect(requests[0]?.headers.get('persona-version')).toBe('2026-09-29')
  })
})

describe('the idempotency key', () => {
  it('is the one given, and the same over all retries', async () => {
    const { client, requests } = createRecordedClient([new TypeError('x'), createErrorAnswer(429), OK])
    await client.inquiries.create({ ...CREATE, idempotencyKey: 'kyc-1' })
    expect(requests.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['kyc-1', 'kyc-1', 'kyc-1'])
    expect(new Set(requests.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  })

  it('is a random one per call where none is given, and the same over all retries', async () => {
    const { client, requests } = createRecordedClient([new TypeError('x'), new TypeError('x'), OK])
    await client.inquiries.create(CREATE)
    await client.inquiries.create(CREATE)
    const keys = requests.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toHaveLength(4)
    expect(new Set(keys.slice(0, 3)).size).toBe(1)
    expect(keys[3]).not.toBe(keys[0])
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('is not sent with anything but a POST, though one is given', async () => {
    const { client, requests } = createRecordedClient([OK])
    await client.inquiries.retrieve('inq_1', { idempotencyKey: 'a' })
    await client.inquiries.update('inq_1', { note: 'x', idempotencyKey: 'a' })
    await client.inquiries.redact('inq_1', { idempotencyKey: 'a' })
    expect(requests.map(({ headers }) => headers.get('idempotency-key'))).toEqual([null, null, null])
  })
})

describe('an id', () => {
  it.each([
    '',
    '.',
    '..',
    '../accounts/act_1',
    'inq_1/../..',
    'inq_1/approve',
    'inq_1?x=1',
    'inq_1#x',
    'inq_1%2fapprove',
    '%2e%2e',
    'inq 1',
    'inq_1\n',
    'inq_\0',
    'inq_é',
    'inq_1\\x',
    '@host',
    'a'.repeat(256),
  ])('that would leave its path segment is refused, and nothing is sent: %j', async (id) => {
    const { client, requests } = createRecordedClient([OK])
    const { inquiries } = client
    const attempts = [
      inquiries.retrieve(id),
      inquiries.update(id, {}),
      inquiries.approve(id),
      inquiries.decline(id),
      inquiries.markForReview(id),
      inquiries.resume(id),
      inquiries.expire(id),
      inquiries.redact(id),
      inquiries.createOneTimeLink(id),
      inquiries.performSimulateActions(id, []),
    ]
    for (const attempt of attempts) {
      const error = await toRejection(attempt)
      expect(error).toBeInstanceOf(KycError)
      expect(error).toMatchObject({ code: 'argument_invalid' })
      if (id.length > 4) expect(String(error)).not.toContain(id)
    }
    expect(requests).toEqual([])
  })

  it('of a form that Persona has not used so far is accepted', async () => {
    const { client, requests } = createRecordedClient([OK])
    await client.inquiries.retrieve('Inquiry.2031~a-b')
    expect(requests[0]?.url.pathname).toBe('/api/v1/inquiries/Inquiry.2031~a-b')
  })
})
