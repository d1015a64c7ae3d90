import { describe, expect, it } from 'vitest'
import { isInquiryEvent, parseEvent, toEvent } from '../src/events.js'
import type { JsonValue } from '../src/inflection.js'
import { createSignatureVerifier, signWebhook } from '../src/signature.js'
import { createStatusPolicy } from '../src/status.js'
import { createEventBody, toBytes } from './event-bodies.js'

/** A mistake must be found by its message: which member, which setting, and what to do. */
describe('an event that cannot be read is told by the place', () => {
  const envelope = (attributes: Record<string, JsonValue>, id: JsonValue = 'evt_1') => ({
    data: { type: 'event', id, attributes },
  })
  const payload = { data: { type: 'inquiry', id: 'inq_1' } }
  const complete = { name: 'inquiry.created', 'created-at': '2026-01-02T03:04:05.000Z', payload }

  it.each<[string, JsonValue]>([
    ['not a JSON object', []],
    ['no data object', {}],
    ['no object at data.attributes.', { data: { type: 'event', id: 'evt_1' } }],
    ['no object at data.attributes.payload.', envelope({ ...complete, payload: 1 })],
    ['no object at data.attributes.payload.data.', envelope({ ...complete, payload: {} })],
    ['no usable value at data.attributes.name.', envelope({ ...complete, name: 1 })],
    ['no usable value at data.id.', envelope(complete, '')],
    ['no usable value at data.attributes.created-at.', envelope({ ...complete, 'created-at': 'now' })],
    ['no usable value at the payload’s resource.', envelope({ ...complete, payload: { data: {} } })],
    ['no usable value at type.', { data: { id: 'inq_1' } }],
  ])('%s', async (message, body) => {
    const text = new TextEncoder().encode(JSON.stringify(body))
    await expect(parseEvent(text)).rejects.toThrow(message)
  })

  it('not JSON in UTF-8', async () => {
    for (const bytes of [[0x7b], [0xff, 0xfe]]) {
      await expect(parseEvent(new Uint8Array(bytes))).rejects.toThrow('not JSON in UTF-8')
    }
  })

  it('no object at data', () => {
    expect(() => toEvent({})).toThrow('no object at data.')
    expect(toEvent(envelope(complete))).toMatchObject({
      id: 'evt_1',
      name: 'inquiry.created',
      inquiry: { id: 'inq_1' },
    })
  })
})

describe('events that move cases', () => {
  it.each([
    'created',
    'started',
    'completed',
    'failed',
    'expired',
    'marked-for-review',
    'needs-review',
    'approved',
    'declined',
    'transitioned',
    'redacted',
  ])('are known by name: inquiry.%s', (name) => {
    expect(isInquiryEvent(`inquiry.${name}`)).toBe(true)
    expect(isInquiryEvent(name)).toBe(false)
  })

  it.each(['inquiry.transitioned', 'inquiry.redacted'])('stand for no status of their own: %s', async (name) => {
    const body = createEventBody({ name, status: '' })
    expect((await parseEvent(toBytes(body))).inquiry).toMatchObject({ status: null })
  })
})

describe('a setting of the signature is told with what to do', () => {
  it.each([
    [{ secrets: '' }, /secret is missing or empty.*wbhsec_/],
    [{ secrets: [] }, /secret is missing or empty.*wbhsec_/],
    [{ secrets: ['a', ' '] }, /secret is missing or empty.*wbhsec_/],
    [{ secrets: 'a', toleranceSeconds: 0 }, /toleranceSeconds is not a positive number.*300/],
  ])('%j', (options, message) => {
    expect(() => createSignatureVerifier(options)).toThrow(message)
  })

  it('signs now where no time is given', async () => {
    const body = new Uint8Array([1])
    const signature = await signWebhook({ body, secrets: 's' })
    expect(await createSignatureVerifier({ secrets: 's' })({ body, signature })).toMatchObject({ valid: true })
  })

  it('looks at eight sets, and at headers of 4096 characters', async () => {
    const body = new Uint8Array([1])
    const verify = createSignatureVerifier({ secrets: 's', now: () => 1_700_000_000_000 })
    const good = await signWebhook({ body, secrets: 's', timestampSeconds: 1_700_000_000 })
    const wrong = `t=1700000000,v1=${'0'.repeat(64)}`
    const after = (count: number) => verify({ body, signature: [...Array(count).fill(wrong), good].join(' ') })
    expect(await after(7)).toMatchObject({ valid: true })
    expect(await after(8)).toEqual({ valid: false, reason: 'mismatch' })
    const padded = (length: number) => verify({ body, signature: `${good} x=${'y'.repeat(length - good.length - 3)}` })
    expect(await padded(4096)).toMatchObject({ valid: true })
    expect(await padded(4097)).toEqual({ valid: false, reason: 'malformed' })
  })

  it.each([undefined, null, 7, {}])('takes the header %j for missing', async (signature) => {
    const verdict = await createSignatureVerifier({ secrets: 's' })({
      body: new Uint8Array(),
      signature: signature as never,
    })
    expect(verdict).toEqual({ valid: false, reason: 'missing' })
  })
})

describe('a status table is told with what to do', () => {
  it('names the policy that it does not know', () => {
    expect(() => createStatusPolicy('strict' as never)).toThrow(/not one of the tables.*"completed", "decision"/)
  })

  it.each([
    null,
    { status: 'odd', score: null },
    { status: 'verified', score: 1.1 },
    { status: 'verified', score: -0.1 },
  ])('names the row of %j', (verdict) => {
    expect(() => createStatusPolicy({ approved: verdict as never })).toThrow(
      /row for "approved" is not a verdict.*score/,
    )
  })

  it.each(['pending', 'verified', 'rejected', 'review'] as const)(
    'takes %s, with a score from 0 to 1 or none',
    (status) => {
      for (const score of [0, 0.5, 1, null]) {
        expect(createStatusPolicy({ approved: { status, score } })('approved')).toEqual({ status, score })
      }
    },
  )
})
