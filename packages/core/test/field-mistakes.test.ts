import { createHmac } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import type { JsonObject } from '../src/inflection.js'
import { ROUTES } from '../src/routes.js'
import { createSignatureVerifier } from '../src/signature.js'
import { createEventBody, toBytes } from './event-bodies.js'
import { after, createTestEngine, START, toDelivery, USER } from './test-engine.js'
import { CASE_PATH, createTestHandler, HOST } from './test-handler.js'

// Mistakes of public integrations that no other test would notice here. All of them are listed in docs/security.md.

const DAY_MS = 86_400_000
const SECRET = 'wbhsec_current'
const APPROVED = { id: 'evt_1', status: 'approved', createdAt: after(1) }

describe('a correct signature in another header', () => {
  it.each(['X-Persona-Signature', 'Persona-Signature-256', 'X-Hub-Signature-256', 'X-Signature', 'Signature'])(
    'is none: %s',
    async (name) => {
      const { send, storage, initiate, clock } = createTestHandler()
      await initiate()
      const record = vi.spyOn(storage, 'recordEvent')
      const { body, signature } = await toDelivery(createEventBody(APPROVED), clock.ms)
      const init = { method: 'POST', body: new Uint8Array(body), headers: { [name]: String(signature) } }
      const { status, json } = await send(new Request(`${HOST}/webhooks/persona/inquiry`, init))
      expect([status, json.code]).toEqual([401, 'signature_invalid'])
      expect(record).not.toHaveBeenCalled()
    },
  )
})

describe('a digest of the body alone, without its time', () => {
  const seconds = Math.floor(START / 1000)
  const body = toBytes(createEventBody(APPROVED))
  const digest = createHmac('sha256', SECRET).update(body).digest('hex')

  it.each([
    ['the whole header', digest],
    ['the whole header, in base64', Buffer.from(digest, 'hex').toString('base64')],
    ['named as GitHub does', `sha256=${digest}`],
    ['v1 without a time', `v1=${digest}`],
    ['v1 beside a time of now', `t=${seconds},v1=${digest}`],
    ['v1 beside an empty time', `t=,v1=${digest}`],
  ])('is refused as %s', async (_name, signature) => {
    const verify = createSignatureVerifier({ secrets: SECRET, now: () => START })
    expect(await verify({ body, signature })).toMatchObject({ valid: false })
  })
})

describe('what a browser brings back from Persona', () => {
  /** Persona's hosted flow adds these to the redirect URI. Whoever holds the browser can write them too. */
  const REDIRECT = { 'inquiry-id': 'inq_1', status: 'approved', 'reference-id': 'user_1' }

  it.each(ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path))(
    'moves no case in a query of %s',
    async (path) => {
      const { call, engine, storage, initiate } = createTestHandler()
      const caseId = await initiate()
      const record = vi.spyOn(storage, 'recordEvent')
      await call('GET', `${path.replace(':case_id', caseId)}?${new URLSearchParams(REDIRECT)}`)
      expect(record).not.toHaveBeenCalled()
      expect(await engine.getCase(caseId)).toMatchObject({ status: 'pending', personaStatus: 'created' })
    },
  )

  it('moves no case when it is sent with an initiation or a resume', async () => {
    const { call, engine, storage, persona, initiate } = createTestHandler()
    const caseId = await initiate()
    persona.change('inq_1', { status: 'pending' })
    const record = vi.spyOn(storage, 'recordEvent')
    const query = new URLSearchParams(REDIRECT)
    const body = { user_id: 'user_1', document_type: 'passport' }
    expect((await call('POST', CASE_PATH, { ...body, ...REDIRECT })).status).toBe(400)
    expect((await call('POST', `${CASE_PATH}?${query}`, body)).json).toMatchObject({ status: 'pending' })
    expect((await call('POST', `${CASE_PATH}/${caseId}/resume?${query}`)).json).toMatchObject({ status: 'pending' })
    expect((await engine.getCase(caseId)).status).toBe('pending')
    // The resume has told that the inquiry is pending: what Persona says counts, and nothing else.
    expect(record.mock.calls.map(([{ effect }]) => effect?.personaStatus)).toEqual(['pending'])
  })
})

describe('what the person typed in, or a document says', () => {
  /** An event, and its inquiry to be changed. */
  function createChangeableEvent(status: string) {
    const event = createEventBody({ ...APPROVED, status, name: 'inquiry.transitioned' })
    const { payload } = (event.data as { attributes: { payload: JsonObject } }).attributes
    return { event, payload, inquiry: payload.data as { attributes: JsonObject; relationships?: JsonObject } }
  }

  it('is not needed to move a case: neither fields nor included nor relationships', async () => {
    const { engine, deliverBody } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    const { event, payload, inquiry } = createChangeableEvent('approved')
    delete payload.included
    delete inquiry.relationships
    inquiry.attributes = { status: 'approved' }
    expect(await deliverBody(event)).toMatchObject({ outcome: 'applied' })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('moves no case, whatever it calls itself', async () => {
    const { engine, deliverBody } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    const { event, payload, inquiry } = createChangeableEvent('pending')
    inquiry.attributes.fields = { status: { type: 'string', value: 'approved' }, 'inquiry-status': 'approved' }
    payload.included = [
      { type: 'verification/government-id', id: 'ver_1', attributes: { status: 'passed', 'name-first': 'Ada' } },
      { type: 'inquiry', id: 'inq_1', attributes: { status: 'approved' } },
    ]
    expect(await deliverBody(event)).toMatchObject({ outcome: 'applied', transition: null })
    expect(await engine.getCase(kycCase.id)).toMatchObject({ status: 'pending', personaStatus: 'pending' })
  })
})

describe('a resume that is answered without a session token', () => {
  it('gives nobody an old token or an empty one, and is asked for again at the next call', async () => {
    const { engine, persona, clock } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    persona.change('inq_1', { status: 'pending' })
    clock.ms += DAY_MS
    persona.calls.resume.mockImplementationOnce(async (id) => ({
      inquiry: persona.change(id, { status: 'pending' }),
      sessionToken: null,
    }))
    await expect(engine.initiateKyc(USER)).rejects.toMatchObject({ code: 'persona_unexpected_answer' })
    expect((await engine.getCase(kycCase.id)).personaSessionToken).toBeNull()
    const second = await engine.initiateKyc(USER)
    expect(second.kycCase.personaSessionToken).toEqual(expect.any(String))
    expect(persona.calls.resume).toHaveBeenCalledTimes(2)
  })

  it('leaves the token that is stored', async () => {
    const { engine, persona } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    persona.change('inq_1', { status: 'pending' })
    persona.calls.resume.mockImplementationOnce(async (id) => ({
      inquiry: persona.change(id, { status: 'pending' }),
      sessionToken: null,
    }))
    await expect(engine.resumeCase(kycCase.id)).rejects.toMatchObject({ code: 'persona_unexpected_answer' })
    const { personaSessionToken } = await engine.getCase(kycCase.id)
    expect(personaSessionToken).toBe(kycCase.personaSessionToken)
    expect(personaSessionToken).toEqual(expect.any(String))
  })
})
