import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Authorize,
  createBearerAuthorize,
  createKycEngine,
  createKycHandler,
  createMemoryStorage,
  createPersonaClient,
  type KycHandler,
  type KycStorage,
} from '@persona-kyc/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ClaimChange, ClaimSource } from '../src/claim-source.js'
import { createHttpSource, type HttpSourceOptions } from '../src/http-source.js'
import { expectNoCanary, toRejection } from './canaries.js'

const TOKEN = 'planted-claim-token-0123456789'
const ADMIN_TOKEN = 'planted-admin-token-0123456789'
const HOST = 'https://kyc.example'
const START = Date.parse('2026-01-02T03:04:05.000Z')
const CLAIM = { kycClaimId: '0xab', kycClaimTxHash: '0xcd' }
const OTHER_CLAIM = { ...CLAIM, kycClaimTxHash: '0xce' }
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A KYC service, as far as the routes of claims need it: the real handler on a storage in memory. */
interface Service {
  readonly storage: KycStorage
  readonly handler: KycHandler
  /** What it was asked: method, path and query. */
  readonly requests: string[]
  readonly fetch: typeof fetch
}

function createService({ authorize, basePath = '' }: { authorize?: Authorize; basePath?: string } = {}): Service {
  const storage = createMemoryStorage()
  const persona = createPersonaClient({ apiKey: 'persona_sandbox_0123456789' })
  const engine = createKycEngine({
    persona,
    storage,
    templateId: 'itmpl_1',
    webhookSecrets: 'wbhsec_1',
    logger: silent,
  })
  const bearer = createBearerAuthorize({ tokens: ADMIN_TOKEN, claimTokens: TOKEN })
  const handler = createKycHandler({ engine, authorize: authorize ?? bearer, basePath })
  const requests: string[] = []
  return {
    storage,
    handler,
    requests,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { pathname, search } = new URL(request.url)
      requests.push(`${request.method} ${pathname}${search}`)
      return handler.fetch(request)
    },
  }
}

function createSource(service: Pick<Service, 'fetch'>, options: Partial<HttpSourceOptions> = {}): ClaimSource {
  return createHttpSource({ baseUrl: HOST, token: TOKEN, fetch: service.fetch, ...options })
}

const toCaseId = (index: number) => `case-${String(index).padStart(4, '0')}`

async function createCase({ storage }: Service, index: number): Promise<string> {
  const [id, now] = [toCaseId(index), new Date(START + index)]
  const nothing = { sealedPersonalData: null, idempotencyKey: null }
  const userId = `ada.lovelace.${index}@example.com`
  await storage.createCase({ id, userId, documentType: 'passport', createdAt: now, initiatingUntil: now, ...nothing })
  const inquiry = { inquiryId: `inq-${id}`, replaces: null, personaStatus: 'created', sealedSessionToken: null, now }
  await storage.attachInquiry(id, inquiry)
  return id
}

let events = 0

/** Has Persona decide: the case becomes verified, or no longer is. */
async function decide({ storage }: Service, caseId: string, isVerified: boolean): Promise<Date> {
  events += 1
  const occurredAt = new Date(START + 100_000 + events)
  const effect = isVerified
    ? ({ personaStatus: 'approved', status: 'verified', score: 1 } as const)
    : ({ personaStatus: 'declined', status: 'rejected', score: 0 } as const)
  await storage.recordEvent({
    ...{ id: `evt-${events}`, name: 'inquiry.transitioned', inquiryId: `inq-${caseId}`, referenceId: null },
    ...{ effect: { ...effect, occurredAt, rank: 6 }, createdAt: occurredAt, receivedAt: occurredAt, delivery: null },
  })
  return occurredAt
}

async function createVerified(service: Service, index: number): Promise<string> {
  const caseId = await createCase(service, index)
  await decide(service, caseId, true)
  return caseId
}

async function setClaim({ storage }: Service, caseId: string, claim = CLAIM): Promise<void> {
  expect(await storage.setClaim(caseId, { ...claim, now: new Date(START) })).toMatchObject({ result: 'stored' })
}

/** Follows for so many rounds; `between` is called after each but the last. Resolves with what was told in each round. */
async function follow(
  fetching: Pick<Service, 'fetch'>,
  {
    rounds,
    between = async () => {},
    onChange = async () => {},
    ...options
  }: Partial<HttpSourceOptions> & {
    rounds: number
    between?: (round: number) => Promise<void>
    onChange?: (change: ClaimChange, round: number) => Promise<void>
  },
): Promise<readonly ClaimChange[][]> {
  const ended = new AbortController()
  const told: ClaimChange[][] = [[]]
  const sleep = async () => {
    if (told.length === rounds) return ended.abort()
    await between(told.length)
    told.push([])
  }
  const source = createSource(fetching, { sleep, ...options })
  const note = async (change: ClaimChange) => {
    told.at(-1)?.push(change)
    await onChange(change, told.length)
  }
  await source.follow(note, { signal: ended.signal })
  return told
}

describe('follow', () => {
  it('tells of each verified case without a claim once, and of stale ones after them, page by page', async () => {
    const service = createService()
    const [verified, stale, none]: [string[], string[], string[]] = [[], [], []]
    for (let index = 0; index < 450; index++) verified.push(await createVerified(service, index))
    for (let index = 450; index < 660; index++) {
      const caseId = await createVerified(service, index)
      await setClaim(service, caseId)
      await decide(service, caseId, false)
      stale.push(caseId)
    }
    none.push(await createCase(service, 700), await createVerified(service, 701), await createVerified(service, 702))
    await setClaim(service, none[1] ?? '')
    await decide(service, none[2] ?? '', false)

    const [first, second] = await follow(service, { rounds: 2 })
    expect(first).toEqual([
      ...verified.map((caseId) => ({ caseId, revision: 1, isVerified: true })),
      ...stale.map((caseId) => ({ caseId, revision: 2, isVerified: false })),
    ])
    expect(second).toEqual([])
    const lists = service.requests.slice(0, 5).map((request) => request.replace(/after=[^&]+/, 'after=…'))
    const [missing, old] = ['status=verified&claim=missing&limit=200', 'claim=stale&limit=200']
    expect(lists).toEqual(
      [missing, `${missing}&after=…`, `${missing}&after=…`, old, `${old}&after=…`].map(
        (query) => `GET /compliance/kyc?${query}`,
      ),
    )
    expect(service.requests).toHaveLength(10)
  })

  it('tells of a case again once it has another revision', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    const told = await follow(service, {
      rounds: 6,
      between: async (round) => {
        if (round === 1) await decide(service, caseId, false)
        if (round === 2) await decide(service, caseId, true)
        if (round === 3) await setClaim(service, caseId)
        if (round === 4) await decide(service, caseId, false)
      },
    })
    const change = (revision: number, isVerified: boolean) => [{ caseId, revision, isVerified }]
    expect(told).toEqual([change(1, true), [], change(3, true), [], change(4, false), []])
  })

  it('tells again what was not taken in, and what comes after it', async () => {
    const service = createService()
    const caseIds = [
      await createVerified(service, 1),
      await createVerified(service, 2),
      await createVerified(service, 3),
    ]
    const [errors, failure]: [unknown[], Error] = [[], new Error('The store is away.')]
    const told = await follow(service, {
      rounds: 3,
      onError: (error) => errors.push(error),
      onChange: async ({ caseId }, round) => {
        if (round === 1 && caseId === caseIds[1]) throw failure
      },
    })
    expect(told.map((round) => round.map(({ caseId }) => caseId))).toEqual([caseIds.slice(0, 2), caseIds.slice(1), []])
    expect(errors).toEqual([failure])
  })

  it('goes on only once a change is taken in', async () => {
    const service = createService()
    for (let index = 0; index < 5; index++) await createVerified(service, index)
    let [open, most] = [0, 0]
    await follow(service, {
      rounds: 1,
      onChange: async () => {
        open += 1
        most = Math.max(most, open)
        await new Promise(setImmediate)
        open -= 1
      },
    })
    expect(most).toBe(1)
  })

  it('waits out failures of the service, and reports them', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    let isAway = true
    const fetch: typeof globalThis.fetch = (...given) =>
      isAway ? Promise.reject(new TypeError(`fetch failed with ${TOKEN}`)) : service.fetch(...given)
    const errors: unknown[] = []
    const told = await follow(
      { fetch },
      {
        rounds: 3,
        onError: (error) => errors.push(error),
        between: async (round) => {
          isAway = round < 2
        },
      },
    )
    expect(told).toEqual([[], [], [{ caseId, revision: 1, isVerified: true }]])
    // Two lists, twice.
    expect(errors).toHaveLength(4)
    for (const error of errors) expect(error).toMatchObject({ code: 'kyc_api_unreachable' })
    expectNoCanary(errors, TOKEN)
  })

  it('goes on where the report of a failure fails', async () => {
    const fetch = () => Promise.reject(new TypeError('fetch failed'))
    const onError = () => {
      throw new Error('The log is full.')
    }
    expect(await follow({ fetch }, { rounds: 3, onError })).toEqual([[], [], []])
  })

  it('asks for stale cases also where there is something wrong with the others', async () => {
    const service = createService()
    const [broken, caseId] = [await createVerified(service, 1), await createVerified(service, 2)]
    await setClaim(service, caseId)
    await decide(service, caseId, false)
    const told = await follow(service, {
      rounds: 2,
      onChange: async (change) => {
        if (change.caseId === broken) throw new Error('This one never goes in.')
      },
    })
    expect(told.flat()).toContainEqual({ caseId, revision: 2, isVerified: false })
  })

  it('asks every 5 seconds, or as often as it is told to', async () => {
    for (const [options, expected] of [
      [{}, 5000],
      [{ pollMs: 20 }, 20],
    ] as const) {
      const ended = new AbortController()
      const waits: number[] = []
      const sleep = async (ms: number) => {
        waits.push(ms)
        ended.abort()
      }
      await createSource(createService(), { ...options, sleep }).follow(async () => {}, { signal: ended.signal })
      expect(waits).toEqual([expected])
    }
  })

  it('ends at once where it is aborted during a request, and reports nothing', async () => {
    const ended = new AbortController()
    const errors: unknown[] = []
    const fetch = () => {
      ended.abort()
      return new Promise<Response>(() => {})
    }
    await createSource({ fetch }, { onError: (error) => errors.push(error) }).follow(async () => {}, ended)
    expect(errors).toEqual([])
  })

  it('ends at once where it is aborted before, while it waits, and after the page under way', async () => {
    const service = createService()
    await createSource(service).follow(async () => {}, { signal: AbortSignal.abort() })
    expect(service.requests).toEqual([])

    const waiting = new AbortController()
    const sleep = () => {
      waiting.abort()
      return new Promise<void>(() => {})
    }
    await createSource(service, { sleep }).follow(async () => {}, { signal: waiting.signal })
    expect(service.requests).toHaveLength(2)

    for (let index = 0; index < 201; index++) await createVerified(service, index)
    const reading = new AbortController()
    let told = 0
    const onChange = async () => {
      told += 1
      reading.abort()
    }
    await createSource(service).follow(onChange, { signal: reading.signal })
    expect([told, service.requests.length]).toEqual([200, 3])
  })
})

describe('readCase', () => {
  it('reads a verified case', async () => {
    const service = createService()
    const caseId = await createCase(service, 1)
    const verifiedAt = await decide(service, caseId, true)
    const kycCase = { caseId, userId: 'ada.lovelace.1@example.com', revision: 1, verifiedAt, claim: null }
    expect(await createSource(service).readCase(caseId)).toEqual(kycCase)
    await setClaim(service, caseId)
    expect(await createSource(service).readCase(caseId)).toEqual({ ...kycCase, claim: CLAIM })
  })

  it('reads a case with a claim that is no longer verified', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    await setClaim(service, caseId)
    await decide(service, caseId, false)
    const expected = { revision: 2, verifiedAt: null, claim: CLAIM }
    expect(await createSource(service).readCase(caseId)).toMatchObject(expected)
  })

  it('reads an erased case as one that is not verified', async () => {
    const service = createService()
    const [plain, claimed] = [await createVerified(service, 1), await createVerified(service, 2)]
    await setClaim(service, claimed)
    for (const caseId of [plain, claimed]) await service.storage.eraseCase(caseId, new Date())
    const source = createSource(service)
    expect(await source.readCase(plain)).toMatchObject({ verifiedAt: null, claim: null })
    expect(await source.readCase(claimed)).toMatchObject({ verifiedAt: null, claim: CLAIM })
  })

  it('reads a case that says when it was verified, and is so no more, as one that is not', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    await setClaim(service, caseId)
    const fetch: typeof globalThis.fetch = async (...given) => {
      const answer = (await (await service.fetch(...given)).json()) as object
      return Response.json({ ...answer, status: 'review' })
    }
    expect(await createSource({ fetch }).readCase(caseId)).toMatchObject({ verifiedAt: null, claim: CLAIM })
  })

  it('is null for a case that it may not see, or that does not exist', async () => {
    const service = createService()
    const [pending, declined] = [await createCase(service, 1), await createVerified(service, 2)]
    await decide(service, declined, false)
    for (const caseId of [pending, declined, 'nobody']) {
      expect(await createSource(service).readCase(caseId)).toBeNull()
    }
  })

  it('asks for the case of that id, whatever is in it', async () => {
    const service = createService()
    for (const caseId of ['a/b', '../openapi.json', 'a?b#c', 'ä ö', '%2e%2e']) {
      expect(await createSource(service).readCase(caseId)).toBeNull()
      expect(service.requests.at(-1)).toBe(`GET /compliance/kyc/${encodeURIComponent(caseId)}`)
    }
  })

  it('finds the routes below a base path, with or without a slash at its end', async () => {
    const service = createService({ basePath: '/api/v1' })
    const caseId = await createVerified(service, 1)
    for (const baseUrl of [`${HOST}/api/v1`, `${HOST}/api/v1/`, `${HOST}/api/v1//`]) {
      expect(await createSource(service, { baseUrl }).readCase(caseId)).toMatchObject({ caseId })
    }
  })
})

describe('storeClaim', () => {
  it('stores the reference, and the same again', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    for (let times = 0; times < 2; times++) {
      expect(await createSource(service).storeClaim(caseId, CLAIM)).toBe('stored')
      expect(await service.storage.getCase(caseId)).toMatchObject(CLAIM)
    }
  })

  it('says that the case has another one', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    await setClaim(service, caseId)
    expect(await createSource(service).storeClaim(caseId, OTHER_CLAIM)).toBe('conflict')
    expect(await service.storage.getCase(caseId)).toMatchObject(CLAIM)
  })

  it('says that the case is not verified, or not there', async () => {
    const service = createService()
    const [stale, pending] = [await createVerified(service, 1), await createCase(service, 2)]
    await setClaim(service, stale)
    await decide(service, stale, false)
    const source = createSource(service)
    expect(await source.storeClaim(stale, OTHER_CLAIM)).toBe('not_verified')
    expect(await source.storeClaim(pending, CLAIM)).toBe('not_found')
    expect(await source.storeClaim('nobody', CLAIM)).toBe('not_found')
    expect(await service.storage.getCase(pending)).toMatchObject({ kycClaimId: null })
  })
})

describe('clearClaim', () => {
  it('clears the reference, of a stale case too, and none', async () => {
    const service = createService()
    const [verified, stale] = [await createVerified(service, 1), await createVerified(service, 2)]
    for (const caseId of [verified, stale]) await setClaim(service, caseId)
    await decide(service, stale, false)
    const source = createSource(service)
    for (const caseId of [verified, stale, verified]) expect(await source.clearClaim(caseId, CLAIM)).toBe('cleared')
    for (const caseId of [verified, stale]) {
      expect(await service.storage.getCase(caseId)).toMatchObject({ kycClaimId: null, kycClaimTxHash: null })
    }
    // Without its reference it cannot be seen any more.
    expect(await source.clearClaim(stale, CLAIM)).toBe('not_found')
  })

  it('says that the case has another one, or is not there', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    await setClaim(service, caseId)
    expect(await createSource(service).clearClaim(caseId, OTHER_CLAIM)).toBe('conflict')
    expect(await createSource(service).clearClaim('nobody', CLAIM)).toBe('not_found')
    expect(await service.storage.getCase(caseId)).toMatchObject(CLAIM)
  })
})

describe('an answer that means nothing', () => {
  const problem = (status: number, code: string) => () =>
    Response.json({ type: 'about:blank', title: '', status, code, detail: TOKEN }, { status })
  const json =
    (value: unknown, status = 200) =>
    () =>
      Response.json(value, { status })
  const kycCase = {
    ...{ case_id: 'case-0001', user_id: 'u', document_type: 'passport', status: 'verified', revision: 1 },
    ...{ verification_score: 1, persona_inquiry_id: 'i', persona_status: 'approved' },
    ...{ kyc_claim_id: null, kyc_claim_tx_hash: null, erased_at: null },
    ...{ created_at: '2026-01-02T03:04:05.000Z', updated_at: '2026-01-02T03:04:05.000Z', verified_at: null },
  }
  const [refused, unreachable] = ['kyc_api_refused', 'kyc_api_unreachable']

  it.each<[string, () => Response | Promise<Response>, string]>([
    ['401', problem(401, 'unauthenticated'), refused],
    ['403', problem(403, 'forbidden'), refused],
    ['404 of another service', problem(404, 'not_found'), refused],
    ['404 without a code', json({ message: 'Not Found' }, 404), refused],
    ['404 in HTML', () => new Response('<h1>Not Found</h1>', { status: 404 }), refused],
    ['405', problem(405, 'method_not_allowed'), refused],
    ['409 of another kind', problem(409, 'case_erased'), refused],
    ['a code that every object has', problem(409, 'constructor'), refused],
    ['429', problem(429, 'rate_limited'), unreachable],
    ['500', problem(500, 'internal_error'), unreachable],
    ['502 in HTML', () => new Response('<h1>Bad Gateway</h1>', { status: 502 }), unreachable],
    ['503', problem(503, 'storage_unavailable'), unreachable],
    ['200 in HTML', () => new Response('<h1>Welcome</h1>'), unreachable],
    ['200 that is empty', () => new Response(''), unreachable],
    ['200 with half of it', () => new Response(JSON.stringify(kycCase).slice(0, 100)), unreachable],
    ['200 with null', json(null), refused],
    ['200 with an empty object', json({}), refused],
    ['200 with a list', json([kycCase]), refused],
    ['200 with an error in it', json({ error: 'unauthorized' }), refused],
    ['200 with a date that is none', json({ ...kycCase, verified_at: 'yesterday' }), refused],
    ['200 with another case', json({ ...kycCase, case_id: 'case-0002', kyc_claim_id: '0xab' }), refused],
    ['201 with the case', json(kycCase, 201), refused],
    ['204', () => new Response(null, { status: 204 }), unreachable],
    ['no answer', () => Promise.reject(new TypeError(`fetch failed: https://kyc.example ${TOKEN}`)), unreachable],
  ])('is an error: %s', async (_, answer, code) => {
    const errors: unknown[] = []
    const ended = new AbortController()
    const fetch = async () => answer()
    const sleep = async () => ended.abort()
    const source = createSource({ fetch }, { sleep, onError: (error) => errors.push(error) })
    await source.follow(async () => {}, { signal: ended.signal })
    for (const ask of [
      source.readCase('case-0001'),
      source.storeClaim('case-0001', CLAIM),
      source.clearClaim('case-0001', CLAIM),
    ]) {
      errors.push(await toRejection(ask))
    }
    expect(errors).toHaveLength(5)
    for (const error of errors) expect(error).toMatchObject({ code })
    expectNoCanary(errors, TOKEN, 'kyc.example', CLAIM.kycClaimTxHash)
  })

  it('is an error: one without end, of which little is read', async () => {
    let pulled = 0
    const pull = (controller: ReadableStreamDefaultController) => {
      pulled += 65_536
      controller.enqueue(new Uint8Array(65_536).fill(0x20))
    }
    const headers = { 'content-type': 'application/json' }
    const fetch = async () => new Response(new ReadableStream({ pull }), { headers })
    expect(await toRejection(createSource({ fetch }).readCase('case-0001'))).toMatchObject({ code: unreachable })
    expect(pulled).toBeLessThan(5_000_000)
  })

  it('is an error, which is not asked for again at once', async () => {
    let asked = 0
    const fetch = async () => {
      asked += 1
      return problem(503, 'storage_unavailable')()
    }
    await toRejection(createSource({ fetch }).readCase('case-0001'))
    expect(asked).toBe(1)
  })

  it.each([
    ['that does not show the reference', { ...kycCase }],
    ['that shows another one', { ...kycCase, kyc_claim_id: '0xab', kyc_claim_tx_hash: '0xce' }],
  ])('is an error: a case %s after it was stored', async (_, answer) => {
    const source = createSource({ fetch: async () => Response.json(answer) })
    expect(await toRejection(source.storeClaim('case-0001', CLAIM))).toMatchObject({ code: refused })
  })

  it('is an error: a case that shows a reference after it was cleared', async () => {
    const answer = { ...kycCase, kyc_claim_id: '0xab', kyc_claim_tx_hash: '0xcd' }
    const source = createSource({ fetch: async () => Response.json(answer) })
    expect(await toRejection(source.clearClaim('case-0001', CLAIM))).toMatchObject({ code: refused })
  })

  it.each<[string, Service, Partial<HttpSourceOptions>]>([
    ['another token', createService(), { token: 'planted-other-token-0123456789' }],
    ['a token that is forbidden to ask', createService({ authorize: () => 'forbidden' }), {}],
    ['a base path that is not there', createService(), { baseUrl: `${HOST}/api` }],
    ['a base path that is missing', createService({ basePath: '/api' }), {}],
  ])('is an error: that of the real routes to %s', async (_, service, options) => {
    const caseId = await createVerified(service, 1)
    const source = createSource(service, options)
    for (const ask of [source.readCase(caseId), source.storeClaim(caseId, CLAIM), source.clearClaim(caseId, CLAIM)]) {
      const error = await toRejection(ask)
      expect(error).toMatchObject({ code: refused })
      expectNoCanary(error, options.token ?? TOKEN)
    }
    expect(await service.storage.getCase(caseId)).toMatchObject({ kycClaimId: null })
  })
})

describe('a real connection', () => {
  const servers: Server[] = []
  let listener: RequestListener = (_, response) => response.end()
  let baseUrl: string

  async function listen(handle: RequestListener): Promise<string> {
    const server = createServer(handle)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  beforeAll(async () => {
    baseUrl = await listen((request, response) => listener(request, response))
  })
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
  afterEach(() => {
    listener = (_, response) => response.end()
  })

  const ask = (timeoutMs = 10_000) => {
    const source = createHttpSource({ baseUrl, token: TOKEN, timeoutMs })
    return Promise.all([
      toRejection(source.readCase('case-0001')),
      toRejection(source.storeClaim('case-0001', CLAIM)),
      toRejection(source.clearClaim('case-0001', CLAIM)),
    ])
  }
  const expectUnreachable = (errors: readonly unknown[]) => {
    for (const error of errors) expect(error).toMatchObject({ code: 'kyc_api_unreachable' })
    expectNoCanary(errors, TOKEN, baseUrl, '127.0.0.1')
  }

  it('leads to the routes, with the token', async () => {
    const service = createService()
    const caseId = await createVerified(service, 1)
    listener = async (request, response) => {
      const { method = '', url = '', headers } = request
      const body = method === 'PUT' ? Buffer.concat(await request.toArray()) : undefined
      const given = { method, headers: headers as Record<string, string>, ...(body && { body: new Uint8Array(body) }) }
      const answer = await service.handler.fetch(new Request(new URL(url, baseUrl), given))
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    }
    const source = createHttpSource({ baseUrl, token: TOKEN })
    expect(await source.storeClaim(caseId, CLAIM)).toBe('stored')
    expect(await source.readCase(caseId)).toMatchObject({ caseId, claim: CLAIM })
    expect(await source.clearClaim(caseId, CLAIM)).toBe('cleared')
  })

  it.each([301, 302, 303, 307, 308])(
    'does not follow a redirect (%i), nor give the token to anybody',
    async (status) => {
      let asked = 0
      const elsewhere = await listen((_, response) => {
        asked += 1
        response.end('{}')
      })
      listener = (_, response) => response.writeHead(status, { location: elsewhere }).end('{}')
      expectUnreachable(await ask())
      expect(asked).toBe(0)
    },
  )

  it('gives up on a service that does not answer, or not to the end', async () => {
    listener = () => {}
    expectUnreachable(await ask(50))
    listener = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"case_id":')
    expectUnreachable(await ask(50))
  })

  it('takes no answer that is cut off for one', async () => {
    const cut = '{"code":"case_not_found"}'
    listener = (_, response) => {
      response.writeHead(404, { 'content-length': String(cut.length + 1) })
      response.write(cut, () => response.destroy())
    }
    expectUnreachable(await ask())
    listener = (request) => request.socket.destroy()
    expectUnreachable(await ask())
  })
})

describe('createHttpSource', () => {
  const options = { baseUrl: HOST, token: TOKEN }

  it.each<[string, Partial<Record<keyof HttpSourceOptions, unknown>>]>([
    ['a URL without a scheme', { baseUrl: 'kyc.example' }],
    ['a URL of another scheme', { baseUrl: 'ftp://kyc.example' }],
    ['a URL with a query', { baseUrl: `${HOST}?token=${TOKEN}` }],
    ['a URL with a fragment', { baseUrl: `${HOST}#${TOKEN}` }],
    ['a URL with a password', { baseUrl: `https://user:${TOKEN}@kyc.example` }],
    ['a URL with a space', { baseUrl: `${HOST}/a b` }],
    ['a URL without a host', { baseUrl: 'https:///' }],
    ['a URL with a port that is none', { baseUrl: `${HOST}:99999` }],
    ['a URL of http that is not this machine', { baseUrl: 'http://kyc.example' }],
    ['no URL', { baseUrl: '' }],
    ['no URL at all', { baseUrl: undefined }],
    ['a short token', { token: 'planted-token-1' }],
    ['a token with a space', { token: `${TOKEN} ${TOKEN}` }],
    ['a token with a line break', { token: `${TOKEN}\r\nx: y` }],
    ['a token that is no ASCII', { token: `${TOKEN}…` }],
    ['no token', { token: '' }],
    ['no token at all', { token: undefined }],
    ['pollMs of 0', { pollMs: 0 }],
    ['pollMs below 0', { pollMs: -1 }],
    ['pollMs that is no number', { pollMs: Number.NaN }],
    ['pollMs beyond a timer', { pollMs: 2 ** 31 }],
    ['recheckMs of 0', { recheckMs: 0 }],
    ['recheckMs that is no number', { recheckMs: Number.NaN }],
    ['timeoutMs of 0', { timeoutMs: 0 }],
    ['timeoutMs that is no number', { timeoutMs: Number.NaN }],
    ['timeoutMs that is a fraction', { timeoutMs: 0.5 }],
    ['timeoutMs beyond a timer', { timeoutMs: Number.POSITIVE_INFINITY }],
  ])('refuses %s, without showing it', (_, change) => {
    let thrown: unknown
    try {
      createHttpSource({ ...options, ...change } as HttpSourceOptions)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'ConfigurationError', code: 'configuration_invalid' })
    expectNoCanary(thrown, 'planted', 'user:')
  })

  it('takes what is left out, or undefined, for the default', () => {
    expect(createHttpSource(options).recheckMs).toBe(3_600_000)
    expect(createHttpSource({ ...options, recheckMs: 1000 }).recheckMs).toBe(1000)
    const undefinedOptions = {
      pollMs: undefined,
      recheckMs: undefined,
      timeoutMs: undefined,
      fetch: undefined,
      onError: undefined,
    }
    expect(() => createHttpSource({ ...options, ...undefinedOptions })).not.toThrow()
    expect(() => createHttpSource({ ...options, baseUrl: 'http://localhost:3000/api/' })).not.toThrow()
    expect(() => createHttpSource({ ...options, baseUrl: 'http://kyc', allowInsecureHttp: true })).not.toThrow()
  })
})
