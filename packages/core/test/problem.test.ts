import { describe, expect, it } from 'vitest'
import { KycError, type KycErrorCode, SignatureError, type SignatureRejection, StorageError } from '../src/errors.js'
import { toResponse, toSecureAnswer } from '../src/http-answer.js'
import { PersonaApiError } from '../src/persona-error.js'
import { HttpError, toProblemAnswer } from '../src/problem.js'

const CANARY = 'canary-9f31c7'

async function toAnswer(error: unknown) {
  const response = toResponse(
    toSecureAnswer(toProblemAnswer(error), { method: 'GET', isHttpsOnly: false, isLast: false }),
  )
  return { response, text: await response.clone().text(), json: (await response.json()) as Record<string, unknown> }
}

describe('the answer to an error', () => {
  it('is a problem as RFC 9457 defines it, and is never stored', async () => {
    const errors = [{ pointer: '/user_id', code: 'too_small' }]
    const { response, json } = await toAnswer(new HttpError(400, 'invalid_request', { detail: 'No.', errors }))
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(json).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      code: 'invalid_request',
      detail: 'No.',
      errors,
    })
  })

  it.each<[KycErrorCode, number, string]>([
    ['argument_invalid', 400, 'argument_invalid'],
    ['event_malformed', 400, 'event_malformed'],
    ['signature_invalid', 401, 'signature_invalid'],
    ['case_not_found', 404, 'case_not_found'],
    ['case_not_verified', 409, 'case_not_verified'],
    ['case_not_resumable', 409, 'case_not_resumable'],
    ['case_erased', 409, 'case_erased'],
    ['case_without_inquiry', 409, 'case_without_inquiry'],
    ['claim_conflict', 409, 'claim_conflict'],
    ['persona_conflict', 409, 'persona_conflict'],
    ['body_too_large', 413, 'body_too_large'],
    ['configuration_invalid', 500, 'configuration_invalid'],
    ['raw_body_unavailable', 500, 'raw_body_unavailable'],
    ['storage_failed', 500, 'storage_failed'],
    ['secrets_unavailable', 503, 'secrets_unavailable'],
    ['storage_unavailable', 503, 'storage_unavailable'],
    ['initiation_in_progress', 503, 'initiation_in_progress'],
    ['persona_rate_limited', 503, 'persona_rate_limited'],
    ['persona_unreachable', 503, 'persona_unavailable'],
    ['persona_timeout', 503, 'persona_unavailable'],
    ['persona_unauthorized', 502, 'persona_refused'],
    ['persona_forbidden', 502, 'persona_refused'],
    ['persona_not_found', 502, 'persona_refused'],
    ['persona_request_rejected', 502, 'persona_refused'],
    ['persona_server_error', 503, 'persona_unavailable'],
    ['persona_unexpected_answer', 503, 'persona_unavailable'],
  ])('%s is %i %s, without the error’s own words', async (code, status, publicCode) => {
    const error = new KycError(code, { problem: CANARY, fix: CANARY, cause: new Error(CANARY) })
    const { response, json, text } = await toAnswer(error)
    expect(response.status).toBe(status)
    expect(json).toMatchObject({ status, code: publicCode })
    expect(json.title).not.toBe('Error')
    expect(text).not.toContain(CANARY)
    expect(response.headers.get('retry-after')).toBe(status === 503 ? '5' : null)
  })

  it('is the same whatever was wrong with a signature', async () => {
    const reasons: SignatureRejection[] = ['missing', 'malformed', 'stale', 'future', 'mismatch']
    const answers = await Promise.all(reasons.map(async (reason) => (await toAnswer(new SignatureError(reason))).text))
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).not.toMatch(/missing|malformed|stale|future|mismatch/)
  })

  it('tells nothing of how Persona refused us', async () => {
    const error = new PersonaApiError('persona_unauthorized', { status: 401, requestId: CANARY, titles: [CANARY] })
    const { response, text } = await toAnswer(error)
    expect(response.status).toBe(502)
    expect(text).not.toContain(CANARY)
    expect(text).not.toContain('401')
  })

  it.each([
    [new TypeError(CANARY)],
    [Object.assign(new Error(CANARY), { code: 'case_not_found', problem: { status: 200, detail: CANARY } })],
    [CANARY],
    [null],
    [undefined],
    [{ problem: { status: 200 } }],
  ])('is a bare 500 for what is not ours: %s', async (error) => {
    const { response, text, json } = await toAnswer(error)
    expect(response.status).toBe(500)
    expect(json.code).toBe('internal_error')
    expect(text).not.toContain(CANARY)
  })

  it('carries the headers that belong to the error', async () => {
    const error = new HttpError(405, 'method_not_allowed', { detail: 'No.', headers: { allow: 'GET, PUT' } })
    expect((await toAnswer(error)).response.headers.get('allow')).toBe('GET, PUT')
  })

  it('keeps a storage’s failures apart', async () => {
    const description = { problem: CANARY, fix: CANARY }
    expect((await toAnswer(new StorageError('storage_unavailable', description))).response.status).toBe(503)
    expect((await toAnswer(new StorageError('storage_failed', description))).response.status).toBe(500)
  })
})

describe('an error of another copy of this library in the same process', () => {
  it('is answered as one of ours, not as a failure of the server', () => {
    const foreign = Object.assign(new Error('There is no case of this id.'), {
      name: 'KycError',
      code: 'case_not_found',
      [Symbol.for('persona-kyc.error')]: true,
    })
    expect(toProblemAnswer(foreign).status).toBe(404)
    expect(toProblemAnswer(Object.assign(foreign, { code: 'of_the_future' })).status).toBe(500)
  })
})
