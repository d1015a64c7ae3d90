import { describe, expect, it } from 'vitest'
import type { KycEngineOptions } from '../src/engine-options.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import type { KycStorage } from '../src/storage.js'
import { expectNoCanary, toRejection, toVisibleText } from './canaries.js'
import { after, createTestEngine, KEYS, USER } from './test-engine.js'

const CANARY = 'canary-9f31c7'
const PERSONAL = {
  personalInfo: { first: `Ada-${CANARY}`, nested: [{ birthdate: `1990-${CANARY}` }] },
  documentData: { number: `X-${CANARY}` },
}

/** A storage that keeps everything it is given. */
function createSpiedStorage() {
  const storage = createMemoryStorage()
  const calls: unknown[] = []
  const spied = new Proxy(storage, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return (...parameters: unknown[]) => {
        calls.push([name, parameters])
        return Reflect.apply(method, target, parameters)
      }
    },
  }) satisfies KycStorage
  return { spied, calls }
}

/** Lives through all that a case can go through, and returns whatever could have leaked. */
async function runEverything(options: Partial<KycEngineOptions>) {
  const { spied, calls } = createSpiedStorage()
  const test = createTestEngine({ storage: spied, toInquiryFields: () => ({ name: CANARY }), ...options })
  const tokens = new Set<string>()
  const note = (token: string | null) => token !== null && tokens.add(token)
  const fields = { 'name-first': { type: 'string', value: CANARY } }

  const { kycCase } = await test.engine.initiateKyc({ ...USER, ...PERSONAL, idempotencyKey: `key-${CANARY}` })
  note(kycCase.personaSessionToken)
  test.clock.ms += 2000
  test.persona.change('inq_1', { status: 'expired', fields })
  await test.deliver({ id: 'evt_1', name: 'inquiry.expired', status: 'expired', createdAt: after(1), fields })
  note((await test.engine.initiateKyc({ ...USER, ...PERSONAL })).kycCase.personaSessionToken)
  note((await test.engine.resumeCase(kycCase.id)).personaSessionToken)
  await test.engine.decideCase(kycCase.id, { decision: 'mark-for-review', comment: CANARY })
  await test.deliver({ id: 'evt_2', status: 'approved', createdAt: after(99), fields })
  await toRejection(test.engine.processWebhook({ body: new TextEncoder().encode(CANARY), signature: CANARY }))
  await toRejection(test.deliverBody({ data: { type: 'event', id: CANARY } }))
  const feed = await test.engine.readFeed({})
  const trail = await test.engine.listCaseEvents(kycCase.id, {})
  const shown = [await test.engine.getCase(kycCase.id), await test.engine.listCases({}), await test.engine.health()]
  const personal = await test.engine.readPersonalData(kycCase.id)
  await test.engine.eraseCase(kycCase.id)
  return { ...test, kycCase, calls, tokens: [...tokens], feed, trail, shown, personal }
}

describe.each([
  ['with keys', { encryptionKeys: KEYS }],
  ['without keys', { encryptionKeys: [] }],
])('personal data and session tokens, %s', (_name, options) => {
  it('never reach the storage in clear', async () => {
    const { calls, tokens } = await runEverything(options)
    expect(tokens.length).toBeGreaterThanOrEqual(2)
    expect(calls.length).toBeGreaterThan(8)
    expectNoCanary(calls, CANARY, 'Ada-', ...tokens)
    const base64 = tokens.map((token) => token.split('.')[1] ?? token)
    expectNoCanary(calls, ...base64)
  })

  it('never reach the log, the feed, the trail or a case', async () => {
    const { logger, feed, trail, shown, tokens } = await runEverything(options)
    expect(logger.entries.length).toBeGreaterThan(3)
    expectNoCanary(logger.entries, CANARY, ...tokens)
    expectNoCanary([feed, trail, shown], CANARY)
  })
})

describe('personal data', () => {
  it('can be read again with the key, and not after erasure', async () => {
    const { personal, engine, kycCase } = await runEverything({ encryptionKeys: KEYS })
    expect(personal).toEqual(PERSONAL)
    expect(await engine.readPersonalData(kycCase.id)).toBeNull()
  })

  it('is not stored without a key', async () => {
    const { personal } = await runEverything({ encryptionKeys: [] })
    expect(personal).toBeNull()
  })

  it('is stored as nothing where there is none', async () => {
    const { engine, storage } = createTestEngine()
    const { kycCase } = await engine.initiateKyc(USER)
    expect((await storage.getCase(kycCase.id))?.sealedPersonalData).toBeNull()
    expect(await engine.readPersonalData(kycCase.id)).toBeNull()
  })

  it('is null, not an error, under another key', async () => {
    const { engine, storage } = createTestEngine()
    const { kycCase } = await engine.initiateKyc({ ...USER, ...PERSONAL })
    const other = createTestEngine({ storage, encryptionKeys: [{ id: 'k1', key: new Uint8Array(32) }] })
    expect(await other.engine.readPersonalData(kycCase.id)).toBeNull()
    expect((await other.engine.getCase(kycCase.id)).personaSessionToken).toBeNull()
  })

  it('of a case that nobody knows rejects', async () => {
    const { engine } = createTestEngine()
    expect(await toRejection(engine.readPersonalData('nobody'))).toMatchObject({ code: 'case_not_found' })
  })
})

describe('without a key, a session token', () => {
  it('is remembered by this process, and by no other', async () => {
    const { engine, createOther } = createTestEngine({ encryptionKeys: [] })
    const { kycCase } = await engine.initiateKyc(USER)
    expect(kycCase.personaSessionToken).not.toBeNull()
    expect((await engine.getCase(kycCase.id)).personaSessionToken).toBe(kycCase.personaSessionToken)
    expect((await createOther().getCase(kycCase.id)).personaSessionToken).toBeNull()
  })

  it('is got anew by another process once the inquiry needs one', async () => {
    const { engine, createOther, persona } = createTestEngine({ encryptionKeys: [] })
    await engine.initiateKyc(USER)
    persona.change('inq_1', { status: 'pending' })
    const { kycCase } = await createOther().initiateKyc(USER)
    expect(kycCase.personaSessionToken).not.toBeNull()
    expect(persona.calls.resume).toHaveBeenCalledOnce()
  })
})

describe('the planted canary', () => {
  it('would be seen, were it there', () => {
    expect(toVisibleText([{ deep: [{ value: `x${CANARY}` }] }])).toContain(CANARY)
    expect(() => expectNoCanary(new Error(CANARY), CANARY)).toThrow()
  })
})
