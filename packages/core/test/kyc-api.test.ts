import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import type * as z from 'zod'
import { isKycError } from '../src/errors.js'
import {
  createKycApi,
  isKycApiError,
  type KycApi,
  type KycApiCase,
  type KycApiFeedPage,
  type KycApiOptions,
} from '../src/kyc-api.js'
import { ROUTES } from '../src/routes.js'
import type * as wire from '../src/wire.js'
import { toRejection } from './canaries.js'
import { after } from './test-engine.js'
import { createTestHandler } from './test-handler.js'
import { createListen, toListener } from './test-server.js'

const TOKEN = 'planted-api-token-0123456789'
const CLAIM = { kyc_claim_id: '0xab', kyc_claim_tx_hash: '0xcd' }
const START = { user_id: 'user_1', document_type: 'passport' }
const listen = createListen()

/** The real handler behind a real server, and its caller. */
async function createService({ basePath = '', ...options }: Partial<KycApiOptions> & { basePath?: string } = {}) {
  const test = createTestHandler({ basePath })
  const requests: Request[] = []
  const url = await listen(
    toListener((request) => {
      requests.push(request.clone())
      return test.handler.fetch(request)
    }),
  )
  const api = createKycApi({ baseUrl: `${url}${basePath}`, token: TOKEN, ...options })
  const initiate = async (user_id: string) => (await api.initiate({ ...START, user_id })).case_id
  /** Has Persona decide on the inquiry of that number. */
  const decide = (number: number, status: 'approved' | 'declined' = 'approved') =>
    test.deliver({ id: `evt_${number}`, inquiryId: `inq_${number}`, status, createdAt: after(number) })
  return { ...test, api, requests, initiate, decide }
}

const isWalk = (name: string) => name.startsWith('walk')

/** Every method, with what it takes. */
const CALLS: Readonly<Record<keyof KycApi, (api: KycApi, caseId: string) => unknown>> = {
  initiate: (api) => api.initiate(START),
  get: (api, caseId) => api.get(caseId),
  list: (api) => api.list(),
  setClaim: (api, caseId) => api.setClaim(caseId, CLAIM),
  clearClaim: (api, caseId) => api.clearClaim(caseId, CLAIM),
  resume: (api, caseId) => api.resume(caseId),
  approve: (api, caseId) => api.approve(caseId),
  decline: (api, caseId) => api.decline(caseId),
  markForReview: (api, caseId) => api.markForReview(caseId),
  listEvents: (api, caseId) => api.listEvents(caseId),
  readFeed: (api) => api.readFeed(),
  listAudit: (api) => api.listAudit(),
  erase: (api, caseId) => api.erase(caseId),
  health: (api) => api.health(),
  openapi: (api) => api.openapi(),
  walkCases: (api) => api.walkCases(),
  walkEvents: (api, caseId) => api.walkEvents(caseId),
  walkFeed: (api) => api.walkFeed(),
  walkAudit: (api) => api.walkAudit(),
}

describe('the methods', () => {
  it('are one for each route but the webhook, and the walks', async () => {
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      asked.push(`${init?.method} ${new URL(String(input)).pathname.replace('case-1', ':case_id')}`)
      return Response.json({})
    }
    const api = createKycApi({ baseUrl: 'https://kyc.example', token: TOKEN, fetch })
    expect(Object.keys(api).sort()).toEqual(Object.keys(CALLS).sort())
    const plain = Object.entries(CALLS).filter(([name]) => !isWalk(name))
    for (const [, call] of plain) await Promise.resolve(call(api, 'case-1')).catch(() => {})
    const routes = ROUTES.filter(({ path }) => path !== '/webhooks/persona/inquiry').map(
      ({ method, path }) => `${method} ${path}`,
    )
    expect(asked.sort()).toEqual([...routes, 'GET /compliance/openapi.json'].sort())
  })
})

describe.each(['', '/api/v1'])('over HTTP, below %j', (basePath) => {
  it('takes a person from a start to a claim', async () => {
    const { api, decide, persona } = await createService({ basePath })
    const started = await api.initiate({ ...START, personal_info: { name_first: 'Ada' } })
    expect(started).toEqual({
      case_id: expect.any(String),
      persona_inquiry_id: 'inq_1',
      persona_session_token: expect.any(String),
      status: 'pending',
    })
    const { case_id: caseId } = started
    expect(await api.initiate(START)).toEqual(started)
    persona.change('inq_1', { status: 'expired' })
    expect(await api.resume(caseId)).toMatchObject({ case_id: caseId, status: 'pending' })
    await decide(1)
    const verified = await api.get(caseId)
    expect(verified).toMatchObject({ ...START, case_id: caseId, status: 'verified', verification_score: 1 })
    expect(await api.setClaim(caseId, CLAIM)).toEqual({ ...verified, ...CLAIM, updated_at: expect.any(String) })
    expect(await api.list({ status: 'verified', claim: 'present' })).toMatchObject({ cases: [CLAIM], next_after: null })
    expect(await api.clearClaim(caseId, CLAIM)).toMatchObject({ kyc_claim_id: null, kyc_claim_tx_hash: null })
    expect(await api.erase(caseId)).toMatchObject({ case_id: caseId, erased_at: after(0) })
  })

  it('passes decisions, with and without a comment', async () => {
    const { api, persona, initiate } = await createService({ basePath })
    const caseId = await initiate('user_1')
    expect(await api.markForReview(caseId)).toMatchObject({ case_id: caseId, status: 'review' })
    expect(await api.decline(caseId, {})).toMatchObject({ status: 'rejected' })
    expect(await api.approve(caseId, { comment: 'Checked by phone.' })).toMatchObject({ status: 'verified' })
    expect(persona.calls.approve).toHaveBeenCalledWith(
      'inq_1',
      expect.objectContaining({ comment: 'Checked by phone.' }),
    )
  })

  it('reads trails, feed, health and description', async () => {
    const { api, initiate, decide } = await createService({ basePath })
    const caseId = await initiate('user_1')
    await decide(1)
    const transition = { case_id: caseId, revision: 1, from: 'pending', to: 'verified', event_id: 'evt_1' }
    expect(await api.listEvents(caseId)).toMatchObject({
      events: [{ event_id: 'evt_1', transition }],
      next_after: null,
    })
    const feed = await api.readFeed()
    expect(feed).toMatchObject({ events: [transition], next_after: expect.any(String) })
    expect(await api.readFeed({ after: feed.next_after })).toEqual({ events: [], next_after: feed.next_after })
    expect(await api.listAudit({ case_id: 'nobody' })).toEqual({ entries: [], next_after: null })
    expect(await api.health()).toMatchObject({ status: 'ok' })
    expect(await api.openapi()).toMatchObject({ openapi: '3.1.0', paths: { '/compliance/kyc': {} } })
  })
})

describe('what is sent', () => {
  it('is the token, JSON, and the idempotency key where there is one', async () => {
    const { api, requests } = await createService()
    await api.initiate(START, { idempotencyKey: 'order-1001' })
    await api.list()
    const [start, list] = requests.map(({ headers }) => Object.fromEntries(headers))
    expect(start).toMatchObject({
      accept: 'application/json',
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'idempotency-key': 'order-1001',
    })
    expect(await requests[0]?.json()).toEqual(START)
    expect(list).toMatchObject({ authorization: `Bearer ${TOKEN}` })
    expect(list).not.toHaveProperty('content-type')
    expect(list).not.toHaveProperty('idempotency-key')
  })

  it('has queries encoded, and what is null or undefined left out', async () => {
    const { api, requests } = await createService()
    await api.list({ status: 'review', claim: null, after: undefined, limit: 7 })
    await toRejection(api.readFeed({ after: 'a&b=c d/ü#?' }))
    await api.list({})
    const asked = requests.map(({ url }) => url.replace(/^https?:\/\/[^/]+/, ''))
    expect(asked[0]).toBe('/compliance/kyc?status=review&limit=7')
    expect(new URL(`http://x${asked[1]}`).searchParams.get('after')).toBe('a&b=c d/ü#?')
    expect(asked[2]).toBe('/compliance/kyc')
  })

  it.each(['a/b', '../openapi.json', 'a?b#c', 'ä ö', '%2e%2e', '..%2f', '…', '.a', 'a\\b', 'x'.repeat(255)])(
    'leads to the case of that id and nowhere else: %s',
    async (caseId) => {
      const { api, requests } = await createService()
      for (const call of [api.get(caseId), api.erase(caseId), api.approve(caseId), api.listEvents(caseId)]) {
        expect(await toRejection(call)).toMatchObject({ status: 404, problemCode: 'case_not_found' })
      }
      const segment = encodeURIComponent(caseId)
      expect(requests.map(({ url }) => new URL(url).pathname.replace(segment, '…'))).toEqual(
        ['', '', '/approve', '/events'].map((action) => `/compliance/kyc/…${action}`),
      )
    },
  )

  it.each(['', '.', '..', 'a\u0000', 'a\nb', '\ud800', 'x'.repeat(256), undefined, null, 5])(
    'is nothing for an id that is none: %j',
    async (given) => {
      const { api, requests } = await createService()
      const caseId = given as string
      const withCase = Object.entries(CALLS).filter(([name, { length }]) => length === 2 && !isWalk(name))
      expect(withCase).toHaveLength(9)
      for (const [, call] of withCase) {
        const error = await toRejection(call(api, caseId) as Promise<unknown>)
        expect(isKycError(error) && error.code).toBe('argument_invalid')
      }
      expect(await toRejection(api.walkEvents(caseId).next())).toMatchObject({ code: 'argument_invalid' })
      expect(requests).toEqual([])
    },
  )

  it.each(['', ' a', 'a ', 'ä', 'a\r\nx: y', 'x'.repeat(256)])(
    'is nothing for an idempotency key that is none: %j',
    async (idempotencyKey) => {
      const { api, requests } = await createService()
      expect(await toRejection(api.initiate(START, { idempotencyKey }))).toMatchObject({ code: 'argument_invalid' })
      expect(requests).toEqual([])
    },
  )

  it('is nothing for a body that is no JSON', async () => {
    const { api, requests } = await createService()
    const circle: Record<string, unknown> = {}
    circle.circle = circle
    for (const personal_info of [circle, { age: 5n }]) {
      expect(await toRejection(api.initiate({ ...START, personal_info }))).toMatchObject({ code: 'argument_invalid' })
    }
    expect(requests).toEqual([])
  })
})

describe('a refusal', () => {
  it('has the status and the code of the server', async () => {
    const { api, initiate, decide, authorize } = await createService()
    const [pending, verified] = [await initiate('user_1'), await initiate('user_2')]
    await decide(2)
    await api.setClaim(verified, CLAIM)
    const refusals: [() => Promise<unknown>, number, string][] = [
      [() => api.get('nobody'), 404, 'case_not_found'],
      [() => api.setClaim(pending, CLAIM), 409, 'case_not_verified'],
      [() => api.setClaim(verified, { ...CLAIM, kyc_claim_id: '0xac' }), 409, 'claim_conflict'],
      [() => api.resume(verified), 409, 'case_not_resumable'],
      [() => api.list({ limit: 501 }), 400, 'invalid_request'],
    ]
    for (const [call, status, problemCode] of refusals) {
      const error = await toRejection(call())
      expect(error).toMatchObject({ name: 'KycApiError', code: 'kyc_api_refused', reason: 'refused' })
      expect(error).toMatchObject({ status, problemCode, retryAfterSeconds: null })
      expect(isKycApiError(error, problemCode)).toBe(true)
    }
    authorize.mockImplementation(() => 'unauthenticated')
    expect(await toRejection(api.list())).toMatchObject({ status: 401, problemCode: 'unauthenticated' })
    authorize.mockImplementation(() => 'forbidden')
    expect(await toRejection(api.list())).toMatchObject({ status: 403, problemCode: 'forbidden' })
  })
})

describe('health', () => {
  it('resolves also where the service is not well', async () => {
    const { api, persona, requests } = await createService()
    persona.health.mockResolvedValue({ status: 'unauthorized', latencyMs: 1 })
    expect(await api.health()).toMatchObject({ status: 'unavailable' })
    expect(requests).toHaveLength(1)
  })
})

describe('the walks', () => {
  const toList = async <Item>(items: AsyncIterable<Item>) => {
    const list: Item[] = []
    for await (const item of items) list.push(item)
    return list
  }

  it('go through all pages of cases, with the query', async () => {
    const { api, initiate, decide, requests } = await createService()
    const caseIds: string[] = []
    for (let number = 1; number <= 5; number++) caseIds.push(await initiate(`user_${number}`))
    for (let number = 1; number <= 4; number++) await decide(number)
    requests.length = 0
    const cases = await toList(api.walkCases({ status: 'verified', limit: 2 }))
    expect(cases.map(({ case_id }) => case_id).sort()).toEqual(caseIds.slice(0, 4).sort())
    expect(requests.map(({ url }) => new URL(url).searchParams.get('limit'))).toEqual(['2', '2'])
    expect(requests.map(({ url }) => new URL(url).searchParams.get('status'))).toEqual(['verified', 'verified'])
  })

  it('ask for the next page only when it is needed', async () => {
    const { api, initiate, requests } = await createService()
    for (let number = 1; number <= 3; number++) await initiate(`user_${number}`)
    requests.length = 0
    for await (const _ of api.walkCases({ limit: 1 })) break
    expect(requests).toHaveLength(1)
  })

  it('go through the audit trail of a case', async () => {
    const { api, initiate, decide } = await createService()
    const caseId = await initiate('user_1')
    await decide(1, 'declined')
    await decide(1)
    await api.approve(caseId)
    const pages = await api.listEvents(caseId)
    expect(pages.events.length).toBeGreaterThan(1)
    expect(await toList(api.walkEvents(caseId, { limit: 1 }))).toEqual(pages.events)
  })

  it('follow the feed to its end, page by page, and on from there', async () => {
    const { api, initiate, decide } = await createService()
    for (let number = 1; number <= 5; number++) await initiate(`user_${number}`)
    for (let number = 1; number <= 3; number++) await decide(number)
    const pages = await toList(api.walkFeed({ limit: 2 }))
    expect(pages.map(({ events }) => events.map(({ event_id }) => event_id))).toEqual([['evt_1', 'evt_2'], ['evt_3']])
    const place = pages.at(-1)?.next_after
    expect(await toList(api.walkFeed({ after: place }))).toEqual([])
    await decide(4)
    const [next] = await toList(api.walkFeed({ after: place }))
    expect(next?.events.map(({ event_id }) => event_id)).toEqual(['evt_4'])
  })

  it('end with an error where a page leads to itself', async () => {
    const page = { cases: [], events: [], entries: [], next_after: 'same' }
    const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json(page))
    const api = createKycApi({ baseUrl: 'https://kyc.example', fetch })
    for (const walk of [api.walkCases(), api.walkEvents('case-1'), api.walkAudit()]) {
      expect(await toRejection(toList<unknown>(walk))).toMatchObject({ code: 'kyc_api_refused', reason: 'unexpected' })
    }
    expect(fetch).toHaveBeenCalledTimes(6)
  })

  it('end with the error of a page, and when they are aborted', async () => {
    const { api, initiate } = await createService()
    for (let number = 1; number <= 2; number++) await initiate(`user_${number}`)
    const controller = new AbortController()
    const walk = api.walkCases({ limit: 1 }, { signal: controller.signal })
    expect((await walk.next()).done).toBe(false)
    controller.abort()
    expect(await toRejection(walk.next())).toMatchObject({ code: 'kyc_api_unreachable', reason: 'aborted' })
  })
})

describe('the types', () => {
  it('are those of the contract', () => {
    expectTypeOf<KycApi['get']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.caseAnswer>>()
    expectTypeOf<KycApiCase['status']>().toEqualTypeOf<'pending' | 'verified' | 'rejected' | 'review'>()
    expectTypeOf<KycApiCase['verified_at']>().toEqualTypeOf<string | null>()
    expectTypeOf<Parameters<KycApi['initiate']>[0]>().toEqualTypeOf<z.input<typeof wire.initiateBody>>()
    expectTypeOf<KycApi['initiate']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.initiateAnswer>>()
    expectTypeOf<KycApi['list']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.caseListAnswer>>()
    expectTypeOf<KycApi['listEvents']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.caseEventsAnswer>>()
    expectTypeOf<KycApi['readFeed']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.feedAnswer>>()
    expectTypeOf<KycApi['listAudit']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.auditAnswer>>()
    expectTypeOf<KycApi['health']>().returns.resolves.toEqualTypeOf<z.output<typeof wire.healthAnswer>>()
    expectTypeOf<KycApi['walkCases']>().returns.toEqualTypeOf<AsyncGenerator<KycApiCase, void>>()
    expectTypeOf<KycApi['walkFeed']>().returns.toEqualTypeOf<AsyncGenerator<KycApiFeedPage, void>>()
    expectTypeOf<NonNullable<Parameters<KycApi['list']>[0]>['limit']>().toEqualTypeOf<number | undefined>()
    const misuses = (api: KycApi) => [
      // @ts-expect-error: a status that does not exist
      api.list({ status: 'approved' }),
      // @ts-expect-error: half a claim
      api.setClaim('case-1', { kyc_claim_id: '0xab' }),
    ]
    expectTypeOf(misuses).toBeFunction()
  })
})
