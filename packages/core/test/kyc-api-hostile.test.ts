import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { createServer as createRawServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isKycError } from '../src/errors.js'
import { createKycApi, type KycApiOptions } from '../src/kyc-api.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { createListen } from './test-server.js'

const TOKEN = 'planted-token-7d1e'
const CASE_ID = 'planted-case-7d1e'
const CLAIM = { kyc_claim_id: 'planted-claim', kyc_claim_tx_hash: 'planted-hash' }
const START = { user_id: 'planted-user', document_type: 'passport', personal_info: { name_first: 'planted-name' } }
const JSON_TYPE = { 'content-type': 'application/json' }
const AT = '2026-01-02T03:04:05.678Z'
const KYC_CASE = {
  ...{ case_id: CASE_ID, user_id: 'planted-user', document_type: 'passport', status: 'verified', revision: 1 },
  ...{ verification_score: 1, persona_inquiry_id: 'inq_1', persona_status: 'approved', persona_session_token: null },
  ...{ kyc_claim_id: null, kyc_claim_tx_hash: null, created_at: AT, updated_at: AT, verified_at: AT, erased_at: null },
}

const listen = createListen()
let listener: RequestListener = () => {}
let baseUrl = ''

beforeAll(async () => {
  baseUrl = await listen((request, response) => listener(request, response))
})
afterEach(() => {
  listener = () => {}
})

/** Calls in each of the ways in which something of the caller's travels; resolves with what comes back, each an error. */
async function ask(options: Partial<KycApiOptions> = {}): Promise<unknown[]> {
  const api = createKycApi({ baseUrl, token: TOKEN, retries: 0, ...options })
  const errors = await Promise.all(
    [
      api.initiate(START, { idempotencyKey: 'planted-key' }),
      api.get(CASE_ID),
      api.setClaim(CASE_ID, CLAIM),
      api.clearClaim(CASE_ID, CLAIM),
      api.approve(CASE_ID, { comment: 'planted-comment' }),
      api.list({ after: 'planted-place' }),
      api.readFeed({ after: 'planted-place' }),
      api.health(),
      api.openapi(),
    ].map(toRejection),
  )
  for (const error of errors) expect(isKycError(error) && error.name).toBe('KycApiError')
  expectNoCanary(errors, 'planted', '127.0.0.1', new URL(baseUrl).port)
  return errors
}

const answer =
  (status: number, headers: Record<string, string>, body: string | Uint8Array = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body)
const json = (value: unknown, status = 200) => answer(status, JSON_TYPE, JSON.stringify(value))
const problem = (status: number, code: unknown) =>
  answer(status, { 'content-type': 'application/problem+json' }, JSON.stringify({ status, code, detail: 'planted' }))
const expectAll = (errors: readonly unknown[], expected: object) => {
  for (const error of errors) expect(error).toMatchObject(expected)
}
const UNREADABLE = { code: 'kyc_api_unreachable', reason: 'unreadable', problemCode: null }
const UNEXPECTED = { code: 'kyc_api_refused', reason: 'unexpected', problemCode: null }
const NETWORK = { code: 'kyc_api_unreachable', reason: 'network', status: null, problemCode: null }

describe('an answer that is no JSON', () => {
  const text = JSON.stringify(KYC_CASE)

  it.each<[string, RequestListener]>([
    ['a page in HTML', answer(200, { 'content-type': 'text/html' }, '<h1>planted</h1>')],
    ['a page in HTML that says it is JSON', answer(200, JSON_TYPE, '<h1>planted</h1>')],
    ['JSON that says it is text', answer(200, { 'content-type': 'text/plain' }, text)],
    ['JSON that says it is a script', answer(200, { 'content-type': 'application/javascript' }, text)],
    ['JSON of no type', answer(200, {}, text)],
    ['empty', answer(200, JSON_TYPE)],
    ['a 204', answer(204, JSON_TYPE)],
    ['half of it', answer(200, JSON_TYPE, text.slice(0, 100))],
    [
      'invalid UTF-8',
      answer(200, JSON_TYPE, Buffer.concat([Buffer.from('{"planted":"'), Buffer.from([0xff, 0x22, 0x7d])])),
    ],
    ['two of them', answer(200, JSON_TYPE, text + text)],
  ])('is an error: %s', async (_, handle) => {
    listener = handle
    expectAll(await ask(), UNREADABLE)
  })
})

describe('an answer of another form', () => {
  it.each<[string, RequestListener]>([
    ['null', json(null)],
    ['a text', json('planted')],
    ['a list', json([KYC_CASE])],
    ['an empty object', json({})],
    ['an error', json({ error: 'planted' })],
    ['a problem', problem(200, 'case_not_found')],
    ['a list ever deeper', answer(200, JSON_TYPE, '['.repeat(50_000) + ']'.repeat(50_000))],
    ['with a member named __proto__', answer(200, JSON_TYPE, `{"__proto__":${JSON.stringify(KYC_CASE)}}`)],
    ['the right one under another status', json({ ...KYC_CASE, openapi: '3.1.0' }, 202)],
  ])('is an error: %s', async (_, handle) => {
    listener = handle
    expectAll(await ask(), UNEXPECTED)
  })

  it('is an error: the right one of another case', async () => {
    const { persona_session_token, ...kycCase } = KYC_CASE
    const api = createKycApi({ baseUrl, token: TOKEN })
    const calls = () => [
      api.get(CASE_ID),
      api.setClaim(CASE_ID, CLAIM),
      api.clearClaim(CASE_ID, CLAIM),
      api.approve(CASE_ID),
      api.erase(CASE_ID),
    ]
    listener = json({ ...kycCase, case_id: 'planted-other' })
    const errors = await Promise.all(calls().map(toRejection))
    expectAll(errors, { ...UNEXPECTED, status: 200 })
    expectNoCanary(errors, 'planted')
    listener = json(kycCase)
    expect(await Promise.all(calls())).toEqual(Array(5).fill(kycCase))
  })
})

describe('an error status', () => {
  it.each([400, 401, 403, 404, 405, 409, 413, 422, 451, 499])('of 4xx is a refusal: %i', async (status) => {
    listener = problem(status, 'claim_conflict')
    const expected = { code: 'kyc_api_refused', reason: 'refused', status, problemCode: 'claim_conflict' }
    expectAll(await ask(), expected)
  })

  it.each([429, 500, 502, 503, 504, 599])('of a failing service is not: %i', async (status) => {
    listener = problem(status, 'storage_unavailable')
    const expected = { code: 'kyc_api_unreachable', reason: 'failing', status, problemCode: 'storage_unavailable' }
    expectAll(await ask(), expected)
  })

  it.each<[string, RequestListener]>([
    ['HTML', answer(404, { 'content-type': 'text/html' }, '<h1>planted</h1>')],
    ['nothing', answer(404, {})],
    ['invalid JSON', answer(404, JSON_TYPE, '{"code":')],
    ['JSON without a code', json({ message: 'planted' }, 404)],
    ['null', json(null, 404)],
    ['a code that is no text', problem(404, { planted: true })],
    ['a code that is no word', problem(404, `${TOKEN} planted`)],
    ['a code with a secret', problem(404, TOKEN)],
    ['a code that is too long', problem(404, 'planted_'.repeat(20))],
    ['no end', (_, response) => flood(response.writeHead(404, JSON_TYPE))],
  ])('counts without a code where its body is %s', async (_, handle) => {
    listener = handle
    expectAll(await ask(), { code: 'kyc_api_refused', reason: 'refused', status: 404, problemCode: null })
  })
})

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('is not followed, and nobody gets the token: %i', async (status) => {
    let asked = 0
    const elsewhere = await listen((_, response) => {
      asked += 1
      response.writeHead(200, JSON_TYPE).end(JSON.stringify(KYC_CASE))
    })
    listener = answer(status, { location: `${elsewhere}/planted` })
    expectAll(await ask(), { code: 'kyc_api_unreachable', reason: 'redirected', status })
    expect(asked).toBe(0)
  })
})

/** Writes as long as somebody reads. */
function flood(response: ServerResponse, count = { bytes: 0 }): void {
  const chunk = Buffer.alloc(65_536, '[')
  const write = () => {
    while (!response.destroyed) {
      count.bytes += chunk.length
      if (!response.write(chunk)) {
        response.once('drain', write)
        return
      }
    }
  }
  write()
}

describe('an answer that is too long', () => {
  const LIMIT = 100_000
  const get = (maxAnswerBytes = LIMIT) =>
    toRejection(createKycApi({ baseUrl, token: TOKEN, retries: 0, maxAnswerBytes }).get(CASE_ID))

  it('is read no further, and its connection closed', async () => {
    const count = { bytes: 0 }
    const closed = new Promise((resolve) => {
      listener = (_, response) => {
        response.once('close', resolve)
        flood(response.writeHead(200, JSON_TYPE), count)
      }
    })
    expect(await get()).toMatchObject({ ...UNREADABLE, status: 200 })
    await closed
    // What is on its way, in the buffers of both sides, is not small.
    expect(count.bytes).toBeLessThan(50_000_000)
  })

  it('counts as what it is once it is unpacked', async () => {
    const packed = gzipSync(Buffer.alloc(30_000_000, ' '))
    listener = answer(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }, packed)
    expect(packed.length).toBeLessThan(LIMIT)
    expect(await get()).toMatchObject(UNREADABLE)
  })

  it('is one byte longer than the limit', async () => {
    const { persona_session_token, ...kycCase } = KYC_CASE
    const text = JSON.stringify({ ...kycCase, more: 'ü' })
    const length = Buffer.byteLength(text)
    listener = answer(200, JSON_TYPE, text)
    expect(await get(length - 1)).toMatchObject(UNREADABLE)
    const api = createKycApi({ baseUrl, token: TOKEN, maxAnswerBytes: length })
    expect(await api.get(CASE_ID)).toMatchObject({ case_id: CASE_ID })
  })

  it('is more than 4 MiB by default', async () => {
    const { persona_session_token, ...kycCase } = KYC_CASE
    const api = createKycApi({ baseUrl, token: TOKEN })
    const bare = JSON.stringify({ ...kycCase, more: '' }).length
    const toText = (length: number) => JSON.stringify({ ...kycCase, more: ' '.repeat(length - bare) })
    listener = answer(200, JSON_TYPE, toText(4 * 1024 * 1024))
    expect(await api.get(CASE_ID)).toMatchObject({ case_id: CASE_ID })
    listener = answer(200, JSON_TYPE, toText(4 * 1024 * 1024 + 1))
    expect(await toRejection(api.get(CASE_ID))).toMatchObject(UNREADABLE)
  })
})

describe('a connection', () => {
  const text = JSON.stringify(KYC_CASE)

  it.each<[string, RequestListener]>([
    ['is closed at once', (request) => request.socket.destroy()],
    [
      'is closed before the end that it announced',
      (_, response) => {
        response.writeHead(200, { ...JSON_TYPE, 'content-length': String(text.length + 1) })
        response.write(text, () => response.destroy())
      },
    ],
    [
      'is closed before its last chunk',
      (_, response) => {
        response.writeHead(200, JSON_TYPE)
        response.write(text, () => response.destroy())
      },
    ],
    [
      'is closed within a refusal',
      (_, response) => {
        response.writeHead(404, { ...JSON_TYPE, 'content-length': '100' })
        response.write('{"code":"case_not_found"}', () => response.destroy())
      },
    ],
  ])('that %s is an error', async (_, handle) => {
    listener = handle
    const errors = await ask()
    expectAll(errors, NETWORK)
    for (const error of errors) expect(error).toMatchObject({ cause: { message: expect.stringMatching(/^[A-Z_]+$/) } })
  })

  it('that nobody takes is an error', async () => {
    const server = createRawServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => server.close(resolve))
    const errors = await ask({ baseUrl: `http://127.0.0.1:${port}` })
    expectAll(errors, { ...NETWORK, cause: { message: 'ECONNREFUSED' } })
    expectNoCanary(errors, String(port))
  })

  it.each([
    ['no HTTP', 'SSH-2.0-planted\r\n'],
    ['a header without an end', `HTTP/1.1 200 OK\r\nplanted: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: planted\r\n\r\n'],
  ])('that speaks %s is an error', async (_, bytes) => {
    const sockets: Socket[] = []
    const server = createRawServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      socket.once('data', () => socket.write(bytes))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expectAll(await ask({ baseUrl: `http://127.0.0.1:${port}` }), NETWORK)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it.each<[string, RequestListener]>([
    ['has no answer', () => {}],
    ['has half an answer', (_, response) => response.writeHead(200, JSON_TYPE).write('{"case_id":')],
    ['has the start of a refusal', (_, response) => response.writeHead(404, JSON_TYPE).write('{"code":')],
  ])('that %s is waited for as long as timeoutMs', async (_, handle) => {
    listener = handle
    expectAll(await ask({ timeoutMs: 50 }), { code: 'kyc_api_unreachable', reason: 'timeout', status: null })
  })
})
