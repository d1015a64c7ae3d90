import { describe, expect, it } from 'vitest'
import { KycError } from '../src/errors.js'
import { isPersonaError, PersonaApiError, toNetworkError, toStatusError } from '../src/persona-error.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { API_KEY, createErrorAnswer, createRecordedClient, hang, type Reply } from './recorded-fetch.js'

const CANARY = 'canary-9f31c7'
const SECRET_INPUT = {
  inquiryTemplateId: 'itmpl_main',
  referenceId: `reference-${CANARY}`,
  accountReferenceId: `user-${CANARY}`,
  note: `note-${CANARY}`,
  fields: { 'name-first': CANARY },
  tags: [CANARY],
  redirectUri: `https://app.example/?token=${CANARY}`,
  idempotencyKey: `key-${CANARY}`,
}

describe('the error for a status', () => {
  it.each([
    [400, 'persona_request_rejected'],
    [401, 'persona_unauthorized'],
    [402, 'persona_request_rejected'],
    [403, 'persona_forbidden'],
    [404, 'persona_not_found'],
    [408, 'persona_request_rejected'],
    [409, 'persona_conflict'],
    [422, 'persona_request_rejected'],
    [429, 'persona_rate_limited'],
    [500, 'persona_server_error'],
    [503, 'persona_server_error'],
    [599, 'persona_server_error'],
    [302, 'persona_unexpected_answer'],
    [304, 'persona_unexpected_answer'],
    [0, 'persona_unexpected_answer'],
  ])('%i has the code %s', (status, code) => {
    expect(toStatusError(status, new Headers(), undefined)).toMatchObject({ code, status, requestId: null })
  })

  it('keeps the request id, the titles and the pointers', () => {
    const body = {
      errors: [
        { title: 'Record invalid', details: CANARY, source: { pointer: '/data/attributes/note' } },
        { title: 'Bad Request', meta: { value: CANARY } },
        { title: 5, source: { pointer: [CANARY] } },
        CANARY,
        null,
      ],
    }
    const error = toStatusError(422, new Headers({ 'request-id': 'req_1', 'set-cookie': CANARY }), body)
    expect(error).toMatchObject({
      requestId: 'req_1',
      titles: ['Record invalid', 'Bad Request'],
      pointers: ['/data/attributes/note'],
      retryAfterSeconds: null,
    })
    expectNoCanary(error, CANARY)
  })

  it.each([undefined, null, 'text', [], [1], { errors: 'x' }, { errors: { title: 'x' } }, { errors: [[]] }])(
    'stands whatever the body is: %j',
    (body) => {
      expect(toStatusError(500, new Headers(), body)).toMatchObject({ code: 'persona_server_error', titles: [] })
    },
  )

  it('bounds what it keeps', () => {
    const title = 'x'.repeat(10_000)
    const error = toStatusError(422, new Headers(), { errors: [{ title, source: { pointer: title } }] })
    expect(error.titles[0]?.length).toBeLessThanOrEqual(80)
    expect(error.pointers[0]?.length).toBeLessThanOrEqual(120)
  })

  it('says how long to wait only for a 429', () => {
    const headers = new Headers({ 'ratelimit-reset': '12' })
    expect(toStatusError(429, headers, null).retryAfterSeconds).toBe(12)
    expect(toStatusError(503, headers, null).retryAfterSeconds).toBeNull()
  })
})

describe('the error for no answer', () => {
  it('keeps the code of the innermost cause, and nothing else', () => {
    const root = Object.assign(new Error(`connect to ${CANARY}`), { code: 'ECONNREFUSED', address: CANARY })
    const fetchError = Object.assign(new Error(CANARY, { cause: new TypeError(CANARY, { cause: root }) }), {
      request: { headers: { authorization: CANARY } },
    })
    const error = toNetworkError(fetchError, false)
    expect(error).toMatchObject({ code: 'persona_unreachable', status: null, cause: { message: 'ECONNREFUSED' } })
    expectNoCanary(error, CANARY)
  })

  it.each([
    [new Error(CANARY)],
    [CANARY],
    [null],
    [{ message: CANARY }],
    [Object.assign(new Error(CANARY), { code: `refused ${CANARY}` })],
  ])('stands whatever was thrown: %s', (thrown) => {
    const error = toNetworkError(thrown, false)
    expect(error).toMatchObject({ code: 'persona_unreachable', cause: { message: 'network_error' } })
    expectNoCanary(error, CANARY)
  })

  it('is a timeout where the time ran out', () => {
    expect(toNetworkError(new Error(CANARY), true)).toMatchObject({ code: 'persona_timeout' })
  })
})

describe('isPersonaError', () => {
  const error = new PersonaApiError('persona_conflict')

  it('knows the codes', () => {
    expect(isPersonaError(error)).toBe(true)
    expect(isPersonaError(error, 'persona_not_found', 'persona_conflict')).toBe(true)
    expect(isPersonaError(error, 'persona_not_found')).toBe(false)
  })

  it('is false for all else', () => {
    const other = new KycError('case_not_found', { problem: 'x', fix: 'y' })
    expect(
      [other, new Error('persona_conflict'), { code: 'persona_conflict' }, null].some((e) => isPersonaError(e)),
    ).toBe(false)
  })
})

describe('the error of a failed call', () => {
  const html = `<html>${CANARY}</html>`
  it.each<[string, Reply]>([
    ['a validation error that echoes values', createErrorAnswer(422, { 'x-echo': CANARY }, CANARY)],
    ['a conflict', createErrorAnswer(409, {}, CANARY)],
    ['a refused key', createErrorAnswer(401, { 'www-authenticate': CANARY }, CANARY)],
    ['a page of a gateway', new Response(html, { status: 502, headers: { 'content-type': 'text/html' } })],
    ['a redirect', new Response(null, { status: 307, headers: { location: `https://${CANARY}.example/` } })],
    ['another page with 200', new Response(html)],
    ['JSON of another shape', Response.json({ data: { id: CANARY, attributes: { fields: CANARY } } })],
    ['no connection', Object.assign(new TypeError(CANARY), { cause: new Error(CANARY) })],
    ['a timeout', hang],
  ])('after %s shows no key, header, body or field', async (_name, reply) => {
    const { client } = createRecordedClient([reply], { retries: 0, timeoutMs: 20 })
    for (const call of [client.inquiries.create(SECRET_INPUT), client.inquiries.update('inq_1', SECRET_INPUT)]) {
      const error = await toRejection(call)
      expect(error).toBeInstanceOf(PersonaApiError)
      expectNoCanary(error, CANARY, API_KEY, 'canary-key', 'Bearer', 'persona_sandbox')
    }
    const listed = await toRejection(client.inquiries.list({ referenceId: CANARY }).next())
    expectNoCanary(listed, CANARY, API_KEY)
  })
})
