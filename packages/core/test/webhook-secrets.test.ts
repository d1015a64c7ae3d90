import nodeCrypto, { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ConfigurationError, isKycError } from '../src/errors.js'
import { importHmacKey } from '../src/hmac.js'
import { createSignatureVerifier, type WebhookSecrets } from '../src/signature.js'
import { expectNoCanary, toRejection } from './canaries.js'
import { createEventBody, toBytes } from './event-bodies.js'
import { after, createRecordingLogger, createTestEngine, START, toDelivery } from './test-engine.js'

vi.mock(import('../src/hmac.js'), { spy: true })

const BODY = new TextEncoder().encode('{"data":{}}')
const OLD = 'wbhsec_canary_old'
const NEW = 'wbhsec_canary_new'
const MISMATCH = { valid: false, reason: 'mismatch' }
const UNAVAILABLE = { code: 'secrets_unavailable', message: expect.stringMatching(/[.] .+[.]$/) }

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A verifier whose clock stands still unless told otherwise, and whose function tells what `source` holds. */
function createStage(initial: unknown, { secretsMaxAgeSeconds }: { secretsMaxAgeSeconds?: number } = {}) {
  const clock = { ms: START }
  const source = { answer: initial }
  const logger = createRecordingLogger()
  const ask = vi.fn(() => (typeof source.answer === 'function' ? source.answer() : source.answer))
  const verify = createSignatureVerifier({
    secrets: ask as WebhookSecrets,
    secretsMaxAgeSeconds,
    now: () => clock.ms,
    logger,
  })
  return {
    clock,
    source,
    logger,
    ask,
    deliver: (signature: string | null) => verify({ body: BODY, signature }),
    /** Delivers what is signed with that secret now. */
    deliverSigned: (secret: string) => verify({ body: BODY, signature: sign(secret, clock.ms) }),
  }
}

/** What Persona would send, by Node's own HMAC. */
function sign(secret: string, ms = START): string {
  const time = Math.floor(ms / 1000)
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.`).update(BODY).digest('hex')}`
}

function fail(): never {
  throw new Error(`the source is down, and its error shows ${NEW}`)
}

describe('a function that tells the secrets', () => {
  it('is called once at the start, and its answer kept for a minute', async () => {
    const { ask, clock, deliverSigned } = createStage(OLD)
    expect(ask).toHaveBeenCalledTimes(1)
    for (let second = 0; second < 60; second++) {
      clock.ms = START + second * 1000
      expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
    }
    expect(ask).toHaveBeenCalledTimes(1)
    clock.ms = START + 60_000
    expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
    expect(ask).toHaveBeenCalledTimes(2)
  })

  it('may be asked more rarely', async () => {
    const { ask, clock, deliverSigned } = createStage(OLD, { secretsMaxAgeSeconds: 3600 })
    clock.ms += 3_599_999
    await deliverSigned(OLD)
    expect(ask).toHaveBeenCalledTimes(1)
    clock.ms += 1
    await deliverSigned(OLD)
    expect(ask).toHaveBeenCalledTimes(2)
  })

  it('is asked again when the clock was set back', async () => {
    const { ask, clock, source, deliverSigned } = createStage(OLD)
    source.answer = NEW
    clock.ms -= 3_600_000
    expect(await deliverSigned(OLD)).toEqual(MISMATCH)
    expect(ask).toHaveBeenCalledTimes(2)
  })

  it.each<[string, (answer: string | string[]) => unknown]>([
    ['at once', (answer) => answer],
    ['with a promise', async (answer) => answer],
    // biome-ignore lint/suspicious/noThenProperty: clients of secrets managers have promises of their own
    ['with what is like a promise', (answer) => ({ then: (resolve: (value: unknown) => void) => resolve(answer) })],
  ])('may answer %s', async (_name, toAnswer) => {
    for (const secrets of [OLD, [NEW, OLD]]) {
      const { deliverSigned } = createStage(() => toAnswer(secrets))
      expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
    }
  })

  it('may tell other secrets: a new one is accepted at once, the old one as long as it is told', async () => {
    const { ask, clock, source, deliverSigned } = createStage(OLD)
    clock.ms += 2000
    source.answer = [NEW, OLD]
    expect(await deliverSigned(NEW)).toMatchObject({ valid: true })
    expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
    expect(ask).toHaveBeenCalledTimes(2)
    source.answer = NEW
    clock.ms += 59_999
    expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
    clock.ms += 1
    expect(await deliverSigned(OLD)).toEqual(MISMATCH)
    expect(await deliverSigned(NEW)).toMatchObject({ valid: true })
  })

  it('drops what was taken out also when something else made it be asked', async () => {
    const { clock, source, deliverSigned } = createStage([NEW, OLD])
    source.answer = NEW
    clock.ms += 2000
    expect(await deliverSigned('wbhsec_forged')).toEqual(MISMATCH)
    expect(await deliverSigned(OLD)).toEqual(MISMATCH)
  })

  it('has each secret imported once, and anew only after it was gone', async () => {
    const { clock, source, deliverSigned } = createStage([OLD, OLD])
    const steps = [[OLD], [NEW, OLD], [OLD, NEW], [NEW], [NEW, OLD]]
    const imports: number[] = []
    for (const answer of steps) {
      source.answer = answer
      clock.ms += 60_000
      const before = vi.mocked(importHmacKey).mock.calls.length
      await deliverSigned(answer[0] ?? '')
      await deliverSigned(answer[0] ?? '')
      imports.push(vi.mocked(importHmacKey).mock.calls.length - before)
    }
    expect(imports).toEqual([1, 1, 0, 0, 1])
  })
})

describe('webhooks that nobody with a secret has signed', () => {
  it('make nobody ask more often than every two seconds', async () => {
    const { ask, clock, deliver } = createStage(OLD)
    const forged = sign('wbhsec_forged')
    for (let step = 0; step < 200; step++) {
      clock.ms = START + step * 100
      expect(await deliver(forged)).toEqual(MISMATCH)
    }
    // At 2, 4, … 18 seconds, and once at the start.
    expect(ask).toHaveBeenCalledTimes(10)
  })

  it('cost one HMAC each, also where somebody was asked and told nothing new', async () => {
    const hmac = vi.spyOn(nodeCrypto, 'createHmac')
    const { ask, clock, deliver } = createStage(OLD)
    const forged = sign('wbhsec_forged')
    for (let step = 0; step < 10; step++) {
      clock.ms += 1000
      await deliver(forged)
    }
    expect([hmac.mock.calls.length, ask.mock.calls.length]).toEqual([10, 6])
  })

  it.each([
    ['is missing', null],
    ['is malformed', 't=1,v1=abc'],
    ['is too long', `t=1,v1=${'0'.repeat(5000)}`],
  ])('make nobody ask where the header %s', async (_name, signature) => {
    const { ask, clock, deliver } = createStage(OLD)
    clock.ms += 3_600_000
    expect(await deliver(signature)).toMatchObject({ valid: false })
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('are not those that are signed, but out of the window', async () => {
    const { ask, clock, deliver } = createStage(OLD, { secretsMaxAgeSeconds: 86_400 })
    const signature = sign(OLD)
    clock.ms += 301_000
    expect(await deliver(signature)).toEqual({ valid: false, reason: 'stale' })
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('are refused, and the next good one accepted, while one is answered after the other', async () => {
    const { clock, source, deliverSigned } = createStage(OLD)
    clock.ms += 1999
    source.answer = NEW
    // Just asked: the first delivery with a new secret has to come again, and Persona comes after three seconds.
    expect(await deliverSigned(NEW)).toEqual(MISMATCH)
    clock.ms += 3000
    expect(await deliverSigned(NEW)).toMatchObject({ valid: true })
  })
})

describe('deliveries at the same time', () => {
  it.each([
    ['the first ones', 0],
    ['those after the answer has become old', 60_000],
  ])('share one question: %s', async (_name, ms) => {
    const { ask, clock, deliverSigned } = createStage(async () => OLD)
    if (ms > 0) await deliverSigned(OLD)
    clock.ms += ms
    const before = ask.mock.calls.length
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => deliverSigned(OLD)))
    expect(verdicts.every(({ valid }) => valid)).toBe(true)
    expect(ask.mock.calls.length - before).toBe(ms === 0 ? 0 : 1)
  })

  it.each<[string, (secret: string) => unknown]>([
    ['at once', (secret) => secret],
    ['with a promise', async (secret) => secret],
    ['later', (secret) => new Promise((resolve) => setImmediate(() => resolve(secret)))],
  ])('are all accepted with a new secret that is told %s', async (_name, toAnswer) => {
    const { ask, clock, source, deliverSigned } = createStage(OLD)
    clock.ms += 2000
    source.answer = () => toAnswer(NEW)
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => deliverSigned(NEW)))
    expect(verdicts.every(({ valid }) => valid)).toBe(true)
    expect(ask).toHaveBeenCalledTimes(2)
  })
})

describe('a function that fails', () => {
  const failures: [string, unknown][] = [
    ['throws', fail],
    ['rejects', async () => fail()],
    ['tells an empty text', ''],
    ['tells nothing but blanks', ' \n'],
    ['tells an empty list', []],
    ['tells a list with an empty text', [NEW, '']],
    ['tells nothing', undefined],
    ['tells null', null],
    ['tells a number', 7],
    ['tells a list in a list', [[NEW]]],
  ]

  it.each(failures)('leaves the last secrets in use, and is logged once each time: it %s', async (_name, answer) => {
    const { clock, source, logger, deliverSigned } = createStage(OLD)
    source.answer = answer
    for (let attempt = 1; attempt <= 3; attempt++) {
      clock.ms += 60_000
      expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
      expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
      expect(logger.entries.map(({ level }) => level)).toEqual(Array(attempt).fill('error'))
    }
    expect(logger.entries[0]).toMatchObject({ message: 'webhook secrets not renewed', fields: { secretsInUse: 1 } })
    expectNoCanary(logger.entries, OLD, NEW, 'canary')
    source.answer = async () => NEW
    clock.ms += 60_000
    expect(await deliverSigned(NEW)).toMatchObject({ valid: true })
    expect(await deliverSigned(OLD)).toEqual(MISMATCH)
    expect(logger.entries).toHaveLength(3)
  })

  it('is not asked more often than every two seconds either, when its answer is old', async () => {
    const { ask, clock, source, deliverSigned } = createStage(OLD)
    source.answer = fail
    clock.ms += 60_000
    for (let step = 0; step < 50; step++) {
      await deliverSigned(OLD)
      clock.ms += 100
    }
    expect(ask).toHaveBeenCalledTimes(4)
  })

  it.each(failures.slice(2))('refuses to start: it %s', (_name, answer) => {
    const attempt = () => createStage(answer)
    expect(attempt).toThrow(ConfigurationError)
    expect(attempt).toThrow(/secret is missing or empty.*wbhsec_/)
  })

  it('refuses to start where it throws, without the words of its error', () => {
    const attempt = () => createStage(fail)
    expect(attempt).toThrow(/function that tells the webhook’s secrets throws.*wbhsec_/)
    expect(attempt).not.toThrow(/canary/)
  })

  it('refuses to start with its own words, where they are a ConfigurationError', () => {
    const error = new ConfigurationError({ problem: 'The file is gone.', fix: 'Mount it.' })
    const attempt = () =>
      createStage(() => {
        throw error
      })
    expect(attempt).toThrow(error)
  })

  it.each([
    ['rejects', async () => fail()],
    ['tells nothing with its promise', async () => []],
  ])('has deliveries come again, where it never told a secret: it %s', async (_name, answer) => {
    const { ask, clock, source, logger, deliverSigned } = createStage(answer)
    expect(await toRejection(deliverSigned(OLD))).toMatchObject(UNAVAILABLE)
    clock.ms += 1999
    const errors = await Promise.all(Array.from({ length: 20 }, () => toRejection(deliverSigned(OLD))))
    for (const error of errors) {
      expect(isKycError(error)).toBe(true)
      expectNoCanary(error, 'canary')
    }
    expect(ask).toHaveBeenCalledTimes(1)
    clock.ms += 1
    expect(await toRejection(deliverSigned(OLD))).toMatchObject(UNAVAILABLE)
    expect(ask).toHaveBeenCalledTimes(2)
    expect(logger.entries).toHaveLength(2)
    source.answer = OLD
    clock.ms += 2000
    expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
  })

  it('is asked again by the first delivery, where its first promise failed long before', async () => {
    const { clock, source, deliverSigned } = createStage(async () => fail())
    // Were its rejection left to nobody meanwhile, the run would end with an error.
    await new Promise((resolve) => setImmediate(resolve))
    source.answer = OLD
    clock.ms += 3_600_000
    expect(await deliverSigned(OLD)).toMatchObject({ valid: true })
  })

  it('keeps no webhook waiting for longer than three seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { clock, source, logger, deliverSigned } = createStage(OLD)
    const asked = new Promise<void>((resolve) => {
      source.answer = () => {
        resolve()
        return new Promise(() => {})
      }
    })
    clock.ms += 60_000
    const settled = vi.fn()
    const delivery = deliverSigned(OLD).finally(settled)
    await asked
    await vi.advanceTimersByTimeAsync(2999)
    expect(settled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(await delivery).toMatchObject({ valid: true })
    expect(logger.entries).toMatchObject([{ level: 'error', fields: { code: 'secrets_unavailable' } }])
  })

  it('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { clock, deliverSigned } = createStage(async () => OLD)
    await deliverSigned(OLD)
    clock.ms += 60_000
    await deliverSigned(OLD)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('whatever a function tells, and when', () => {
  it('nothing is valid but what the last good answer has the secret of', async () => {
    const secret = fc.constantFrom('wbhsec_a', 'wbhsec_b', 'wbhsec_c')
    const answer = fc.oneof(
      fc.record({ good: fc.constant(true), list: fc.uniqueArray(secret, { minLength: 1 }) }),
      fc.record({ good: fc.constant(false), list: fc.constantFrom<string[]>([], [''], ['wbhsec_a', '']) }),
    )
    const step = fc.record({ ms: fc.nat({ max: 70_000 }), answer, isLate: fc.boolean(), signer: secret })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        let lastGood: readonly string[] = []
        let next = steps[0]?.answer ?? expect.unreachable()
        const clock = { ms: START }
        const tell = async () => {
          if (next.good) lastGood = next.list
          return next.list
        }
        const logger = createRecordingLogger()
        const verify = createSignatureVerifier({ secrets: tell, now: () => clock.ms, logger })
        for (const { ms, answer, signer } of steps) {
          clock.ms += ms
          next = answer
          const signature = sign(signer, clock.ms)
          const verdict = await verify({ body: BODY, signature }).catch((error: unknown) => error)
          if (isKycError(verdict)) expect(lastGood).toEqual([])
          else expect(verdict).toMatchObject({ valid: lastGood.includes(signer) })
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('secrets that are given once', () => {
  it('stay what they were, whatever becomes of the list', async () => {
    const list = [OLD]
    const verify = createSignatureVerifier({ secrets: list, now: () => START })
    list.pop()
    expect(await verify({ body: BODY, signature: sign(OLD) })).toMatchObject({ valid: true })
    list.push(NEW)
    expect(await verify({ body: BODY, signature: sign(NEW) })).toEqual(MISMATCH)
  })

  it.each([undefined, null, 7, {}, [undefined], [7]])('refuse to start where they are %j', (secrets) => {
    expect(() => createSignatureVerifier({ secrets: secrets as never })).toThrow(ConfigurationError)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuse to start with an age of %s',
    (secretsMaxAgeSeconds) => {
      expect(() => createSignatureVerifier({ secrets: OLD, secretsMaxAgeSeconds })).toThrow(
        /secretsMaxAgeSeconds is not a positive number/,
      )
    },
  )
})

describe('an engine whose secrets a function tells', () => {
  const EVENT = { id: 'evt_1', name: 'inquiry.approved', status: 'approved', createdAt: after(10) }
  const createEngine = (secrets: WebhookSecrets) => createTestEngine({ webhookSecrets: secrets })

  it('takes a webhook that is signed with a new one at once', async () => {
    const source = { answer: 'wbhsec_before' }
    const { clock, deliver } = createEngine(() => source.answer)
    source.answer = 'wbhsec_engine'
    clock.ms += 2000
    expect(await deliver(EVENT)).toMatchObject({ outcome: 'unmatched' })
  })

  it('asks at the age that it is told', async () => {
    const ask = vi.fn(() => 'wbhsec_engine')
    const { clock, deliver } = createTestEngine({ webhookSecrets: ask, webhookSecretsMaxAgeSeconds: 10 })
    clock.ms += 10_000
    await deliver(EVENT)
    expect(ask).toHaveBeenCalledTimes(2)
  })

  it('records nothing while it knows none, logs an error, and takes the webhook when it comes again', async () => {
    const source: { answer: () => Promise<string> } = { answer: async () => fail() }
    const { engine, storage, logger, clock } = createEngine(() => source.answer())
    const record = vi.spyOn(storage, 'recordEvent')
    const delivery = await toDelivery(createEventBody(EVENT), clock.ms)
    expect(await toRejection(engine.processWebhook(delivery))).toMatchObject(UNAVAILABLE)
    expect(record).not.toHaveBeenCalled()
    expect(logger.entries).toMatchObject([{ level: 'error', message: 'webhook secrets not renewed' }])
    source.answer = async () => 'wbhsec_engine'
    clock.ms += 3000
    expect(await engine.processWebhook(delivery)).toMatchObject({ outcome: 'unmatched' })
  })

  it('refuses to start where the function tells none', () => {
    expect(() => createEngine(() => [])).toThrow(ConfigurationError)
    expect(() => createTestEngine({ webhookSecretsMaxAgeSeconds: 0 })).toThrow(ConfigurationError)
  })

  it('asks for nothing where a webhook has no signature', async () => {
    const ask = vi.fn(async () => 'wbhsec_engine')
    const { engine } = createEngine(ask)
    const body = toBytes(createEventBody(EVENT))
    expect(await toRejection(engine.processWebhook({ body, signature: null }))).toMatchObject({ reason: 'missing' })
    expect(ask).toHaveBeenCalledTimes(1)
  })
})
