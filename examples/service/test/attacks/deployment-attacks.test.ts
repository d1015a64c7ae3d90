import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { createMemoryRateLimiter, type KycHandlerOptions } from '@persona-kyc/core'
import { createInquiryEvent } from '@persona-kyc/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readHeader } from './answers.js'
import {
  ask,
  askBy,
  CASES,
  HEALTH,
  HSTS,
  OPERATOR,
  toClient,
  toInitiation,
  toProblem,
  toWebhook,
  USER_TOKEN,
} from './ask.js'
import { createDigest, findTexts, takeAudit } from './attack-checks.js'
import { ATTACKED_ROUTES } from './attack-rows.js'
import { createListener, SERVER_NAMES, startAttackServer } from './attack-servers.js'
import { createAttackStage, NO_CASE, SECRETS, type Stage, USER } from './attack-stage.js'
import type { HeaderLine } from './request-draft.js'

/** An address that is nobody's (RFC 5737), and stands for the one that may send webhooks. */
const PERSONA = '192.0.2.1'
const LOOPBACK = ['loopback']

describe.each(SERVER_NAMES)('a deployment with %s', (name) => {
  let stage: Stage

  beforeAll(async () => {
    stage = await createAttackStage()
  })
  afterAll(() => stage?.close())

  const start = async (options: Partial<KycHandlerOptions>) => {
    const server = await startAttackServer(createListener(name, { ...stage.options, ...options }))
    onTestFinished(() => server.close())
    return server
  }
  const list = (headers: readonly HeaderLine[], path = CASES) => ({ path, headers: [OPERATOR, ...headers] })
  const forward = (...values: readonly string[]) => values.map((value): HeaderLine => ['X-Forwarded-For', value])
  const limit = (points: number) => createMemoryRateLimiter({ points, durationMs: 60_000, now: () => stage.nowMs })

  describe('that takes nothing in clear', () => {
    it.each<[string, HeaderLine[], string?]>([
      ['nothing', []],
      ['X-Forwarded-Proto: https', [['X-Forwarded-Proto', 'https']]],
      ['X-Forwarded-Proto in upper case', [['X-FORWARDED-PROTO', 'HTTPS']]],
      [
        'X-Forwarded-Proto twice',
        [
          ['X-Forwarded-Proto', 'https'],
          ['X-Forwarded-Proto', 'https'],
        ],
      ],
      ['Forwarded', [['Forwarded', 'proto=https;for=127.0.0.1']]],
      [
        'headers of other proxies',
        [
          ['X-Forwarded-Ssl', 'on'],
          ['Front-End-Https', 'on'],
          ['X-Url-Scheme', 'https'],
          ['X-Forwarded-Scheme', 'https'],
          ['X-Forwarded-Port', '443'],
        ],
      ],
      ['Upgrade-Insecure-Requests', [['Upgrade-Insecure-Requests', '1']]],
      ['a target of https', [], 'https://localhost'],
    ])('hears no stranger who says otherwise: %s', async (_name, headers, origin = '') => {
      const server = await start({ requireHttps: true, trustedProxies: ['10.0.0.0/8'] })
      await takeAudit(stage.knex)
      for (const { method, path } of ATTACKED_ROUTES) {
        const target = origin + path.replace(':case_id', NO_CASE)
        const answer = await ask(server, { method, path: target, headers: [OPERATOR, ...headers] })
        expect([path, toProblem(answer), readHeader(answer, HSTS)]).toEqual([path, '403 https_required', ''])
      }
      expect(await takeAudit(stage.knex)).toEqual([])
    })

    it.each<[string[], boolean]>([
      [[], false],
      [['https'], true],
      [['HTTPS'], true],
      [[' https '], true],
      [['http, https'], true],
      [['https, http'], false],
      [['http', 'https'], true],
      [['https', 'http'], false],
      [['https,'], false],
      [[',https'], true],
      [[''], false],
      [['https://'], false],
      [['https;http'], false],
      [['httpshttps'], false],
      [['wss'], false],
      [['on'], false],
      [['"https"'], false],
    ])('hears the last word of a trusted proxy: %j', async (values, isEncrypted) => {
      const server = await start({ requireHttps: true, trustedProxies: LOOPBACK })
      const answer = await ask(server, list(values.map((value) => ['X-Forwarded-Proto', value])))
      const expected = isEncrypted ? ['200', 'max-age=31536000'] : ['403 https_required', '']
      expect([toProblem(answer), readHeader(answer, HSTS)]).toEqual(expected)
    })

    it('takes what is encrypted, whatever a stranger says', async () => {
      const tls = createTlsServer(createCertificate(), createListener(name, { ...stage.options, requireHttps: true }))
      tls.listen(0, '127.0.0.1')
      await once(tls, 'listening')
      onTestFinished(() => void tls.close())
      for (const headers of [[], [['X-Forwarded-Proto', 'http']]] as HeaderLine[][]) {
        const socket = connectTls({ port: (tls.address() as AddressInfo).port, rejectUnauthorized: false })
        await once(socket, 'secureConnect')
        const answer = await askBy(toClient(socket), list(headers))
        expect([answer.status, readHeader(answer, HSTS)]).toEqual([200, 'max-age=31536000'])
      }
    })
  })

  describe('that takes webhooks from some addresses', () => {
    it.each<[string, string[], HeaderLine[], boolean]>([
      ['nobody is trusted', [], forward(PERSONA), false],
      ['a stranger is not trusted', ['10.0.0.0/8'], forward(PERSONA), false],
      ['nobody says anything', LOOPBACK, [], false],
      ['a proxy says so', LOOPBACK, forward(PERSONA), true],
      ['a proxy says so after a stranger', LOOPBACK, forward(`203.0.113.9, ${PERSONA}`), true],
      ['a stranger says so before a proxy', LOOPBACK, forward(`${PERSONA}, 203.0.113.9`), false],
      ['a stranger says so in a header of its own', LOOPBACK, forward(PERSONA, '203.0.113.9'), false],
      ['a proxy says so in a header of its own', LOOPBACK, forward('203.0.113.9', PERSONA), true],
      ['two proxies say so', LOOPBACK, forward(`${PERSONA}, 127.0.0.1`), true],
      ['a proxy says so in IPv6', LOOPBACK, forward(`::ffff:${PERSONA}`), true],
      ['a proxy says so with a port', LOOPBACK, forward(`${PERSONA}:4711`), true],
      ['it is written with a zone', LOOPBACK, forward(`${PERSONA}%eth0`), false],
      ['it is written in octal', LOOPBACK, forward('0300.0.2.1'), false],
      ['it is written as one number', LOOPBACK, forward('3221225985'), false],
      ['it is written in hex', LOOPBACK, forward('0xc0.0.2.1'), false],
      ['it is written short', LOOPBACK, forward('192.0.513'), false],
      ['it is in quotes', LOOPBACK, forward(`"${PERSONA}"`), false],
      ['it is a name', LOOPBACK, forward('unknown'), false],
      ['the last one is empty', LOOPBACK, forward(`${PERSONA},`), false],
      ['there are 1,000 before', LOOPBACK, forward(`${'203.0.113.9, '.repeat(1000)}${PERSONA}`), true],
      ['there are 1,000 proxies behind', LOOPBACK, forward(`${PERSONA}${', 127.0.0.1'.repeat(1000)}`), true],
      [
        'other headers say so',
        LOOPBACK,
        [
          ['X-Real-IP', PERSONA],
          ['Forwarded', `for=${PERSONA}`],
          ['True-Client-IP', PERSONA],
          ['CF-Connecting-IP', PERSONA],
        ],
        false,
      ],
    ])('knows them: %s', async (_name, trustedProxies, headers, isTaken) => {
      const server = await start({ trustedProxies, webhookAddresses: [PERSONA] })
      const event = createInquiryEvent({ name: 'account.created', inquiryId: 'inq_address', eventId: 'evt_address' })
      const answer = await ask(server, toWebhook(stage, event, { headers }))
      expect(toProblem(answer)).toBe(isTaken ? '200' : '403 forbidden')
    })
  })

  describe('that limits initiations', () => {
    /** The answers to initiations, one after the other. */
    const initiate = async (server: { port: number }, initiations: readonly (readonly HeaderLine[])[]) => {
      const answers = []
      for (const headers of initiations) answers.push(await ask(server, toInitiation(USER, headers)))
      return answers
    }
    const toProblems = (answers: readonly Parameters<typeof toProblem>[0][]) =>
      answers.map(toProblem).map((text) => text.replace('201', '200'))
    const REFUSED = '429 rate_limited'

    it('of one principal, who gains nothing by other addresses, and changes nothing then', async () => {
      const rateLimits = { ...stage.options.rateLimits, initiatePerPrincipal: limit(2) }
      const server = await start({ rateLimits, trustedProxies: LOOPBACK })
      const from = (last: number) => [OPERATOR, ...forward(`198.51.100.${last}`)]
      expect(toProblems(await initiate(server, [from(1), from(2)]))).toEqual(['200', '200'])
      const readDigest = await createDigest(stage.knex)
      const [before, asked] = [await readDigest(), stage.persona.fake.requests.length]
      await takeAudit(stage.knex)
      const [refused] = await initiate(server, [from(3)])
      expect([refused && toProblem(refused), refused && readHeader(refused, 'retry-after')]).toEqual([REFUSED, '60'])
      expect([await readDigest(), stage.persona.fake.requests.length]).toEqual([before, asked])
      expect(await takeAudit(stage.knex)).toHaveLength(1)
      expect((await ask(server, list([]))).status).toBe(200)
    })

    it('of one user, and of nobody else', async () => {
      const rateLimits = { ...stage.options.rateLimits, initiatePerUser: limit(2) }
      const server = await start({ rateLimits, trustedProxies: LOOPBACK })
      const own = [USER_TOKEN]
      expect(
        toProblems(await initiate(server, [own, own, own, [OPERATOR], [USER_TOKEN, ...forward('198.51.100.7')]])),
      ).toEqual(['200', '200', REFUSED, '200', REFUSED])
    })

    it('of one address, which a stranger cannot change', async () => {
      const server = await start({ rateLimits: { ...stage.options.rateLimits, initiatePerAddress: limit(2) } })
      const from = (address: string) => [OPERATOR, ...forward(address)]
      expect(
        toProblems(await initiate(server, [from('198.51.100.1'), from('198.51.100.2'), from('198.51.100.3')])),
      ).toEqual(['200', '200', REFUSED])
    })

    it.each<[string, string[], number]>([
      ['two addresses are two', ['198.51.100.1', '198.51.100.1', '198.51.100.2'], 3],
      ['one is one, however it is written', ['198.51.100.3', '::ffff:198.51.100.3', '::ffff:c633:6403'], 2],
      [
        'one is one, whatever a stranger says before it',
        ['198.51.100.9, 198.51.100.4', '198.51.100.8, 198.51.100.4', '198.51.100.4'],
        2,
      ],
      ['a network of IPv6 is one', ['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:0DB8:0000:0000:1:2:3:4'], 2],
      ['two networks of IPv6 are two', ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'], 3],
    ])('by the word of a trusted proxy: %s', async (_name, addresses, taken) => {
      const rateLimits = { ...stage.options.rateLimits, initiatePerAddress: limit(2) }
      const server = await start({ rateLimits, trustedProxies: LOOPBACK })
      const answers = await initiate(
        server,
        addresses.map((address) => [OPERATOR, ...forward(address)]),
      )
      expect(toProblems(answers)).toEqual(addresses.map((_, index) => (index < taken ? '200' : REFUSED)))
    })
  })

  describe('that limits refused webhooks', () => {
    const toEvent = () => createInquiryEvent({ name: 'account.created', inquiryId: 'inq_limit' })

    it('drops none that is right, also from an address that is at its limit', async () => {
      const rateLimits = { ...stage.options.rateLimits, refusedWebhooksPerAddress: limit(2) }
      const server = await start({ rateLimits })
      const answers: string[] = []
      for (let round = 0; round < 4; round++) {
        const forged = await ask(server, toWebhook(stage, toEvent(), { secret: SECRETS.wrong }))
        answers.push(toProblem(forged))
        if (forged.status === 429) expect(readHeader(forged, 'retry-after')).toBe('60')
        answers.push(toProblem(await ask(server, toWebhook(stage, toEvent()))))
      }
      expect(answers).toEqual([
        '401 signature_invalid',
        '200',
        '401 signature_invalid',
        '200',
        '429 rate_limited',
        '200',
        '429 rate_limited',
        '200',
      ])
    })

    it('counts those without a signature, and a whole network of IPv6', async () => {
      const rateLimits = { ...stage.options.rateLimits, refusedWebhooksPerAddress: limit(2) }
      const server = await start({ rateLimits, trustedProxies: LOOPBACK })
      const send = async (address: string) => {
        const { headers: _, ...unsigned } = toWebhook(stage, toEvent())
        return toProblem(await ask(server, { ...unsigned, headers: forward(address) }))
      }
      const answers = [
        await send('2001:db8::1'),
        await send('2001:db8::2'),
        await send('2001:db8::3'),
        await send('2001:db8:1::1'),
      ]
      expect(answers).toEqual([
        '401 signature_invalid',
        '401 signature_invalid',
        '429 rate_limited',
        '401 signature_invalid',
      ])
    })
  })

  describe('that takes requests of some length', () => {
    it('of a URL, and one character more is too long', async () => {
      const server = await start({ maxUrlLength: 200 })
      const toPath = (length: number) => `${CASES}/`.padEnd(length - 'http://localhost'.length, 'a')
      expect(toProblem(await ask(server, list([], toPath(200))))).toBe('404 case_not_found')
      for (const path of [toPath(201), toPath(2000), `${CASES}?limit=1&after=${'a'.repeat(200)}`]) {
        expect(toProblem(await ask(server, list([], path)))).toBe('414 url_too_long')
        expect(toProblem(await ask(server, { path }))).toBe('414 url_too_long')
      }
    })

    it('of headers, in one or in many', async () => {
      const server = await start({ maxHeaderLength: 1000 })
      expect(toProblem(await ask(server, list([['X-Long', 'a'.repeat(800)]])))).toBe('200')
      const many = Array.from({ length: 200 }, (_, index): HeaderLine => [`x-${index}`, 'a'])
      for (const headers of [[['X-Long', 'a'.repeat(1000)]], many] as HeaderLine[][]) {
        expect(toProblem(await ask(server, list(headers)))).toBe('431 headers_too_large')
        expect(toProblem(await ask(server, { path: HEALTH, headers }))).toBe('431 headers_too_large')
      }
    })

    it.each([
      ['objects', '{"a":', '}'],
      ['arrays', '[', ']'],
    ])('of a body, however deep: 500,000 %s', async (_name, open, close) => {
      const server = await start({ maxBodyBytes: 4 * 1024 * 1024, bodyTimeoutMs: 10_000 })
      const deep = `${open.repeat(500_000)}1${close.repeat(500_000)}`
      const question = {
        ...toInitiation(USER),
        body: `{"user_id":"x","document_type":"x","document_data":{"a":${deep}}}`,
      }
      expect(toProblem(await ask(server, question))).toBe('400 invalid_json')
    })
  })

  describe('whose authorize fails', () => {
    it.each<[string, KycHandlerOptions['authorize']]>([
      [
        'throws',
        () => {
          throw new Error(SECRETS.operator)
        },
      ],
      ['rejects', () => Promise.reject(new TypeError(SECRETS.operator))],
      ['rejects with a text', () => Promise.reject(SECRETS.operator)],
    ])('refuses, and tells nobody why: it %s', async (_name, authorize) => {
      const server = await start({ authorize })
      stage.log.splice(0)
      for (const { method, path, body, isOpen } of ATTACKED_ROUTES.map((route) => ({ isOpen: false, ...route }))) {
        if (body === 'raw') continue
        const answer = await ask(server, { method, path: path.replace(':case_id', NO_CASE), headers: [OPERATOR] })
        expect([path, toProblem(answer)]).toEqual([path, isOpen ? '200' : '500 internal_error'])
        expect(findTexts(JSON.stringify(answer), Object.values(SECRETS))).toEqual([])
      }
      expect(findTexts(stage.log.join('\n'), Object.values(SECRETS))).toEqual([])
    })
  })
})

/** A certificate of a moment, that nobody has signed. */
function createCertificate(): { key: Buffer; cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'attack-'))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
    { stdio: 'pipe' },
  )
  const files = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(directory, { recursive: true })
  return files
}
