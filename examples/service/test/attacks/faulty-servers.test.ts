import type { RequestListener, ServerResponse } from 'node:http'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attack, toAttack, toPlay } from './attack.js'
import { createListener } from './attack-servers.js'
import { SECRETS, type Stage } from './attack-stage.js'
import { type Battlefield, createBattlefield, type LineOptions, type Tamper } from './battlefield.js'
import { toHeadBytes } from './request-draft.js'

const attack = toAttack('without a token', () => ({}), { caller: 'nobody' })
const allowed = toAttack('with a token', () => ({}))

/** A server with other options of the routes. */
function withOptions(change: (options: KycHandlerOptions) => KycHandlerOptions): Tamper {
  return (_listener, stage) => createListener('express', change(stage.options))
}

/** Does something before the server answers. */
function before(work: (stage: Stage) => Promise<unknown>): Tamper {
  return (listener, stage) => async (req, res) => {
    await work(stage)
    listener(req, res)
  }
}

/** Changes the answer as it is written. */
function rewrite(change: (res: ServerResponse) => void): Tamper {
  return (listener) => (req, res) => {
    if (req.url !== '/sentinel') change(res)
    listener(req, res)
  }
}

/** Answers every request in the same way. */
function answer(body: string, headers: Record<string, string> = {}): Tamper {
  return (listener) => (req, res) => {
    if (req.url === '/sentinel') listener(req, res)
    else res.writeHead(401, { ...GOOD_HEADERS, 'content-length': Buffer.byteLength(body), ...headers }).end(body)
  }
}

const GOOD_HEADERS = {
  'content-type': 'application/problem+json',
  'www-authenticate': 'Bearer',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}
const UNAUTHENTICATED = {
  type: 'about:blank',
  title: 'Unauthorized',
  status: 401,
  code: 'unauthenticated',
  detail: 'Authentication is missing or not accepted.',
}

function toBody(more: object = {}): string {
  return JSON.stringify({ ...UNAUTHENTICATED, ...more })
}

/** A fault, how a server comes by it, and what is found. */
type Case = readonly [name: string, tamper: Tamper, fault: RegExp]

const SLIPS: readonly Case[] = [
  [
    'writes a table',
    before(({ knex }) => knex('persona_kyc.kyc_events').update({ attempts_made: 7 })),
    /^the table kyc_events has changed$/,
  ],
  [
    'writes the audit trail',
    before(({ engine }) =>
      engine.recordAccess({ principal: 'x', action: 'x', route: 'x', verdict: 'allowed', caseId: null }),
    ),
    /^audit trail: .*"principal":"x".* is too much\n/,
  ],
  [
    'asks Persona',
    before(({ persona }) => fetch(`${persona.baseUrl}/inquiries`)),
    /^Persona: "GET \/inquiries" is too much/,
  ],
  [
    'logs a token',
    before(async ({ logger }) => logger.debug({ token: SECRETS.operator }, 'seen')),
    /^token-canary-ope… is told in the log/,
  ],
  [
    'logs a person',
    before(async ({ logger }) => logger.debug({ body: { name: 'Canary-Ada' } }, 'seen')),
    /^Canary-Ada… is told in the log/,
  ],
  [
    'logs a signature',
    before(async ({ logger, sign }) => logger.debug({ signature: sign(Buffer.alloc(0)) }, 'seen')),
    /^[0-9a-f]{16}… is told in the log/,
  ],
  [
    'names its software in a header',
    rewrite((res) => res.setHeader('Server', 'nginx')),
    /^read: an unknown header server$/,
  ],
  [
    'names its software in the body',
    answer(toBody({ detail: 'Unexpected token < in JSON' })),
    /^read: unexpected token in an answer$/i,
  ],
  [
    'tells where it failed',
    answer(toBody({ detail: 'Error\n    at work (http.ts:1:2)' })),
    /^read: at work \( in an answer$/,
  ],
  ['tells a token', answer(toBody({ detail: SECRETS.operator })), /^read: token-canary-ope… is told$/],
  ['tells a digest', answer(toBody({ detail: 'ab'.repeat(32) })), /^read: (ab){32} in an answer$/],
  ['tells a user', answer(toBody({ detail: 'user_canary_0' })), /^read: user_canary… is told$/],
  [
    'lacks a security header',
    answer(toBody(), { 'cache-control': 'private' }),
    /^read: cache-control is not no-store$/,
  ],
  [
    'is of another type',
    answer(toBody(), { 'content-type': 'text/html' }),
    /^read: the type is not application\/problem\+json$/,
  ],
  ['answers with another code', answer(toBody({ code: 'forbidden' })), /^read: 403, not 401$/],
  ['answers with another status', answer(toBody({ status: 403 })), /^read: 401 .*, not 401$/],
  [
    'loses what follows',
    () => (req, res) => {
      if (req.url !== '/sentinel') res.writeHead(401, GOOD_HEADERS).end(toBody(), () => req.socket.destroy())
    },
    /^read: the connection does not go on as its answer says$/,
  ],
  [
    'answers twice',
    rewrite((res) => res.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')),
    /^read: n200,401, not 401$/,
  ],
  ['is cut off', answer(toBody(), { 'content-length': '10000', connection: 'close' }), /an answer is cut off/],
]

describe('a server that is wrong', () => {
  let tamper: Tamper = (listener) => listener
  let field: Battlefield | undefined

  beforeAll(async () => {
    const given: Tamper = (listener, stage) => (req, res) => tamper(listener, stage)(req, res)
    field = await createBattlefield('express', given)
  })
  afterAll(() => field?.close())

  /** Plays a line on one route, and returns what was found. */
  const play = async (
    given: Tamper,
    {
      attack: played = attack,
      row: name = 'read',
      expected = '401',
      ...options
    }: LineOptions & {
      readonly attack?: Attack
      readonly row?: string
      readonly expected?: string
    } = {},
  ) => {
    const row = field?.rows.find((one) => one.name === name)
    if (row === undefined || field === undefined) throw new Error('There is no such row.')
    tamper = given
    return (await field.playLine(played, [{ row, expected }], options)).join('\n')
  }

  it('is told from one that is right', async () => {
    expect(await play((listener) => listener)).toBe('')
    expect(await play(answer(toBody()))).toBe('')
    expect(await play((listener) => listener, { attack: allowed, expected: 'ok' })).toBe('')
  })

  it.each(SLIPS)('is found: it %s', async (_name, given, fault) => {
    expect(await play(given)).toMatch(fault)
  })

  it('is found: it is late', async () => {
    const late = before(() => new Promise((resolve) => setTimeout(resolve, 300)))
    expect(await play(late, { boundMs: 250 })).toMatch(/^read: it took \d+ ms$/)
  })

  it('is found: it never answers', async () => {
    expect(await play(() => () => {}, { boundMs: 250 })).toMatch(/^read: end, not 401\nread: it took \d+ ms$/)
  })

  it('is found: it takes more than it should', async () => {
    const swallow: RequestListener = (req, res) => {
      req.on('data', () => {})
      setTimeout(() => res.socket?.destroy(), 200)
    }
    const flood = toPlay('a flood', (target, { client }) => {
      client.send(toHeadBytes(target.draft({ body: '', framing: [['Content-Length', '1000000000000']] })))
      client.sendForever('x'.repeat(64 * 1024))
    })
    const faults = await play(() => swallow, { attack: flood, expected: 'end', boundBytes: 1024 * 1024 })
    expect(faults).toMatch(/^read: \d+ bytes were taken$/)
  })

  it('is found: it says nothing of a request in the audit trail', async () => {
    const silent = withOptions((given) => ({ ...given, engine: { ...given.engine, recordAccess: async () => {} } }))
    const faults = await play(silent, { attack: allowed, expected: 'ok' })
    expect(faults).toMatch(/^audit trail: .*"operator".* is missing$/)
  })

  it('is found: it serves what must be refused', async () => {
    const open = withOptions((given) => ({ ...given, authorize: () => ({ principal: 'operator' }) }))
    const faults = await play(open, { row: 'appr' })
    expect(faults).toMatch(/^appr: 200 /)
    expect(faults).toContain('the table kyc_transitions has changed')
    expect(faults).toMatch(/Persona: "POST \/inquiries\/inq_\w+\/approve" is too much/)
  })
})
