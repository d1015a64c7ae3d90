import { createFakePersona, createSeededRandom, type FakePersona } from '@persona-kyc/testing'
import { describe, expect, it, vi } from 'vitest'
import { createPersonaClient } from '../src/client.js'
import { createKycEngine } from '../src/engine.js'
import type { KycEngineOptions } from '../src/engine-options.js'
import { StorageError } from '../src/errors.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import { createRecordingLogger, START } from './test-engine.js'

const MINUTE_MS = 60_000
const DOCUMENT = { documentType: 'passport' }

/** An engine on a fake Persona whose webhooks reach nobody, and the list calls that it makes. */
function createDropped(options: Partial<KycEngineOptions> = {}, limit = 100_000) {
  const clock = { ms: START }
  const now = () => clock.ms
  const sleep = async (ms: number) => {
    clock.ms += ms
    await new Promise((resolve) => setImmediate(resolve))
  }
  const fake = createFakePersona({
    now,
    random: createSeededRandom(1),
    rateLimit: { limit, windowSeconds: 60 },
    inquiryExpirySeconds: 1e9,
  })
  const lists: string[] = []
  const fetch: typeof globalThis.fetch = (input, init) => {
    const { pathname } = new URL(String(input))
    if ((init?.method ?? 'GET') === 'GET' && /(inquiries|events)$/.test(pathname)) lists.push(pathname)
    return fake.fetch(input, init)
  }
  const logger = createRecordingLogger()
  const settings: KycEngineOptions = {
    persona: createPersonaClient({ apiKey: fake.apiKey, fetch, now, sleep, random: () => 0.5 }),
    storage: createMemoryStorage(),
    templateId: 'itmpl_main',
    webhookSecrets: 'wbhsec_1',
    logger,
    now,
    sleep,
    ...options,
  }
  const engine = createKycEngine(settings)
  return {
    fake,
    clock,
    lists,
    logger,
    engine,
    settings,
    storage: settings.storage,
    start: async (userId: string) => (await engine.initiateKyc({ userId, ...DOCUMENT })).kycCase,
  }
}

function finish(fake: FakePersona, inquiryId: string | null, ...actions: ('approve_inquiry' | 'decline_inquiry')[]) {
  fake.inquiries.simulate(inquiryId ?? '', 'start_inquiry', 'complete_inquiry', ...actions)
}

describe('reconcile', () => {
  it('does nothing where there is nothing', async () => {
    const { engine, lists } = createDropped()
    expect(await engine.reconcile({ quietMs: 0 })).toEqual({
      status: 'done',
      casesChecked: 0,
      inquiriesMissing: 0,
      inquiriesAdopted: 0,
      eventsRead: 0,
      eventsUnreadable: 0,
      eventsRecorded: 0,
      transitions: [],
      listCalls: 1,
      waitedMs: 0,
    })
    expect(lists).toEqual(['/api/v1/events'])
  })

  it.each([1, 100, 101, 250])('catches %i cases up with a call for each hundred', async (count) => {
    const { engine, fake, start, lists } = createDropped()
    const cases = []
    for (let index = 0; index < count; index++) cases.push(await start(`user-${index}`))
    for (const { personaInquiryId } of cases) finish(fake, personaInquiryId)
    lists.length = 0
    const report = await engine.reconcile({ quietMs: 0, sources: ['cases'] })
    expect(report).toMatchObject({ status: 'done', casesChecked: count, listCalls: Math.ceil(count / 100) })
    expect(lists).toHaveLength(Math.ceil(count / 100))
    expect(report.transitions).toHaveLength(count)
    for (const { id } of cases) expect((await engine.getCase(id)).status).toBe('verified')
    expect((await engine.reconcile({ quietMs: 0, sources: ['cases'] })).casesChecked).toBe(0)
  })

  it('asks only about cases that are unsettled, quiet for long enough, and not too old', async () => {
    const { engine, fake, start, clock } = createDropped()
    const old = await start('old')
    clock.ms += 31 * 24 * 60 * MINUTE_MS
    const settled = await start('settled')
    finish(fake, settled.personaInquiryId)
    await engine.reconcile({ quietMs: 0, sources: ['cases'] })
    const quiet = await start('quiet')
    clock.ms += 10 * MINUTE_MS
    await start('fresh')
    const asked = vi.spyOn(fake, 'requests', 'get')
    const report = await engine.reconcile({ sources: ['cases'] })
    asked.mockRestore()
    expect(report.casesChecked).toBe(1)
    const url = fake.requests.at(-1)
    expect(JSON.stringify(url)).toContain(String(quiet.personaInquiryId))
    expect(JSON.stringify(url)).not.toContain(String(old.personaInquiryId))
  })

  it('adopts the inquiries of interrupted initiations, and moves their cases', async () => {
    const { engine, fake, start, storage, clock, settings } = createDropped()
    await start('other')
    const { kycCase } = await storage.createCase(newCase('5f0c4f2e-8a3b-4c1d-9e2f-0a1b2c3d4e5f', clock.ms))
    const { inquiry } = await settings.persona.inquiries.create({
      inquiryTemplateId: 'itmpl_main',
      referenceId: kycCase.id,
    })
    finish(fake, inquiry.id, 'decline_inquiry')
    const none = await storage.createCase(newCase('6f0c4f2e-8a3b-4c1d-9e2f-0a1b2c3d4e5f', clock.ms, 'nobody'))
    clock.ms += MINUTE_MS
    const report = await engine.reconcile({ quietMs: 0, sources: ['cases'] })
    expect(report).toMatchObject({ inquiriesAdopted: 1, casesChecked: 3, listCalls: 2 })
    expect(report.transitions).toMatchObject([{ caseId: kycCase.id, to: 'rejected' }])
    expect(await engine.getCase(kycCase.id)).toMatchObject({ personaInquiryId: inquiry.id, status: 'rejected' })
    expect(await engine.getCase(none.kycCase.id)).toMatchObject({ personaInquiryId: null, status: 'pending' })
  })

  it('leaves an initiation alone that is under way, and inquiries of another template or redacted ones', async () => {
    const { engine, storage, clock, settings } = createDropped()
    const ids = ['1', '2', '3'].map((digit) => `${digit}f0c4f2e-8a3b-4c1d-9e2f-0a1b2c3d4e5f`)
    for (const [index, id] of ids.entries()) await storage.createCase(newCase(id, clock.ms, `user-${index}`))
    const create = (referenceId: string, inquiryTemplateId = 'itmpl_main') =>
      settings.persona.inquiries.create({ inquiryTemplateId, referenceId })
    await create(ids[0] ?? '')
    await create(ids[1] ?? '', 'itmpl_other')
    await settings.persona.inquiries.redact((await create(ids[2] ?? '')).inquiry.id)
    await storage.leaseInitiation(ids[0] ?? '', {
      currentInquiryId: null,
      now: new Date(clock.ms + MINUTE_MS),
      until: new Date(clock.ms + 3 * MINUTE_MS),
    })
    clock.ms += 2 * MINUTE_MS
    expect(await engine.reconcile({ quietMs: 0, sources: ['cases'] })).toMatchObject({ inquiriesAdopted: 0 })
    for (const id of ids) expect((await engine.getCase(id)).personaInquiryId).toBeNull()
  })

  it('counts inquiries that Persona does not know, and goes on', async () => {
    const { engine, fake, start } = createDropped()
    const lost = await start('lost')
    fake.reset()
    const known = await start('known')
    finish(fake, known.personaInquiryId)
    const report = await engine.reconcile({ quietMs: 0, sources: ['cases'] })
    expect(report).toMatchObject({ casesChecked: 2, inquiriesMissing: 1, transitions: [{ caseId: known.id }] })
    expect((await engine.getCase(lost.id)).status).toBe('pending')
  })

  it('reads the events that no webhook brought, of settled cases too, and only once', async () => {
    const { engine, fake, start } = createDropped()
    const kycCase = await start('user')
    finish(fake, kycCase.personaInquiryId)
    const first = await engine.reconcile({ sources: ['events'] })
    expect(first).toMatchObject({ eventsRead: 3, eventsRecorded: 3, listCalls: 1, transitions: [{ to: 'verified' }] })
    fake.inquiries.simulate(kycCase.personaInquiryId ?? '', 'decline_inquiry')
    const second = await engine.reconcile({ sources: ['events'] })
    expect(second).toMatchObject({ eventsRecorded: 1, transitions: [{ from: 'verified', to: 'rejected' }] })
    expect(await engine.reconcile({ sources: ['events'] })).toMatchObject({ eventsRecorded: 0, transitions: [] })
    const { items } = await engine.listCaseEvents(kycCase.id)
    expect(items.map(({ id }) => id).sort()).toEqual(
      fake.events
        .list()
        .map(({ id }) => id)
        .sort(),
    )
  })

  it('tries again what the storage cannot take now, unless it is told to end', async () => {
    const { settings, fake, start, storage } = createDropped()
    const kycCase = await start('user')
    finish(fake, kycCase.personaInquiryId)
    const ids = fake.events.list().map(({ id }) => id)
    const record = storage.recordEvent
    let left = 2
    vi.spyOn(storage, 'recordEvent').mockImplementation(async (event) => {
      if (event.id === ids[0] || left-- <= 0) return record(event)
      await new Promise((resolve) => setImmediate(resolve))
      throw new StorageError('storage_unavailable', { problem: 'Away.', fix: 'Wait.' })
    })
    const stop = new AbortController()
    const stopping = createKycEngine({
      ...settings,
      sleep: async (ms, signal) => {
        // The lease is not renewed meanwhile.
        if (ms !== 2000) return new Promise(() => {})
        stop.abort()
        signal?.throwIfAborted()
      },
    })
    const early = await stopping.reconcile({ sources: ['events'], signal: stop.signal })
    expect(early).toMatchObject({ status: 'aborted', eventsRead: 3, eventsRecorded: 1 })
    left = 2
    const report = await createKycEngine(settings).reconcile({ sources: ['events'] })
    expect(report).toMatchObject({ status: 'done', eventsRead: 3 })
    const { items } = await storage.listCaseEvents(kycCase.id, { after: null, limit: 100 })
    expect(items.map(({ id }) => id).sort()).toEqual(ids.sort())
  })

  it('walks back to where the last run began, and no further', async () => {
    const { engine, fake, start, clock, lists } = createDropped()
    const kycCase = await start('user')
    for (let index = 0; index < 150; index++) await start(`user-${index}`)
    clock.ms += 4 * 24 * 60 * MINUTE_MS
    finish(fake, kycCase.personaInquiryId)
    lists.length = 0
    const first = await engine.reconcile({ sources: ['events'] })
    expect(first).toMatchObject({ eventsRead: 2, listCalls: 1 })
    clock.ms += 10 * MINUTE_MS
    lists.length = 0
    await start('new')
    const second = await engine.reconcile({ sources: ['events'] })
    expect(second).toMatchObject({ eventsRead: 3, eventsRecorded: 1, listCalls: 1 })
  })

  it.each([
    ['later than the last run', (ms: number) => new Date(ms - 60 * MINUTE_MS)],
    ['in the future', (ms: number) => new Date(ms + 365 * 24 * 60 * MINUTE_MS)],
  ])('leaves no gap for the runs to come where it is to read back to a time %s', async (_name, toSince) => {
    const { engine, fake, start, clock } = createDropped()
    const kycCase = await start('user-1')
    await engine.reconcile({ sources: ['events'] })
    finish(fake, kycCase.personaInquiryId)
    clock.ms += 48 * 60 * MINUTE_MS
    finish(fake, (await start('user-2')).personaInquiryId)
    clock.ms += 30 * MINUTE_MS
    await engine.reconcile({ sources: ['events'], since: toSince(clock.ms) })
    await engine.reconcile({ sources: ['events'] })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('reads further back than the last run where that is asked for', async () => {
    const { engine, fake, start, clock } = createDropped()
    const kycCase = await start('user-1')
    finish(fake, kycCase.personaInquiryId)
    const since = new Date(clock.ms - MINUTE_MS)
    clock.ms += 5 * 24 * 60 * MINUTE_MS
    expect(await engine.reconcile({ sources: ['events'] })).toMatchObject({ eventsRead: 0 })
    await engine.reconcile({ sources: ['events'], since })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('reads again what a run that ended early has missed', async () => {
    const { engine, fake, start } = createDropped()
    const kycCase = await start('user')
    finish(fake, kycCase.personaInquiryId)
    fake.fail({ kind: 'server_error', times: 3 })
    await expect(engine.reconcile({ sources: ['events'] })).rejects.toMatchObject({ code: 'persona_server_error' })
    expect(await engine.reconcile({ sources: ['events'] })).toMatchObject({ eventsRecorded: 3 })
  })

  it('records events of foreign inquiries, which change nothing', async () => {
    const { engine, fake, settings, storage } = createDropped()
    const { inquiry } = await settings.persona.inquiries.create({ inquiryTemplateId: 'itmpl_other' })
    finish(fake, inquiry.id)
    expect(await engine.reconcile()).toMatchObject({ eventsRecorded: 3, transitions: [] })
    expect((await storage.listUnmatchedEvents({ after: null, limit: 10 })).items).toHaveLength(3)
  })

  it('is done by one process at a time', async () => {
    const { engine, settings, start, fake } = createDropped()
    finish(fake, (await start('user')).personaInquiryId)
    const others = Array.from({ length: 5 }, () => createKycEngine(settings))
    const reports = await Promise.all([engine, ...others].map((each) => each.reconcile({ quietMs: 0 })))
    expect(reports.map(({ status }) => status).sort()).toEqual(['busy', 'busy', 'busy', 'busy', 'busy', 'done'])
    expect(reports.flatMap(({ transitions }) => transitions)).toHaveLength(1)
  })

  it('waits before the rate limit is used up, and never meets a 429', async () => {
    const { engine, start, fake, clock, settings } = createDropped({}, 20)
    const cases = []
    for (let index = 0; index < 15; index++) {
      cases.push(await start(`user-${index}`))
      clock.ms += MINUTE_MS
    }
    for (const { personaInquiryId } of cases) finish(fake, personaInquiryId)
    // Others use the limit too.
    for (let index = 0; index < 17; index++) await settings.persona.inquiries.retrieve(cases[0]?.personaInquiryId ?? '')
    const before = fake.requests.length
    const report = await engine.reconcile({ quietMs: 0, reserve: 0.2 })
    expect(report.waitedMs).toBeGreaterThan(0)
    expect(report.transitions).toHaveLength(15)
    expect(fake.requests.length - before).toBe(report.listCalls)
  })

  it('ends with what it has when it would wait too long, or is told to', async () => {
    const { settings, engine } = createDropped()
    const exhausted = { rate: { limit: 10, remaining: 0, resetAt: new Date(START + 10 * MINUTE_MS) }, quota: null }
    const limited = createKycEngine({ ...settings, persona: { ...settings.persona, rateLimits: () => exhausted } })
    expect(await limited.reconcile()).toMatchObject({ status: 'rate_limited', listCalls: 0 })
    expect(await engine.reconcile({ signal: AbortSignal.abort() })).toMatchObject({ status: 'aborted', listCalls: 0 })
  })

  it('ends in order when it is told to in the middle of a call', async () => {
    const { fake, settings } = createDropped()
    const stop = new AbortController()
    const fetch: typeof globalThis.fetch = async (input, init) => {
      stop.abort()
      init?.signal?.throwIfAborted()
      return fake.fetch(input, init)
    }
    const persona = createPersonaClient({ apiKey: fake.apiKey, fetch })
    const engine = createKycEngine({ ...settings, persona })
    const report = await engine.reconcile({ sources: ['events'], signal: stop.signal })
    expect(report).toMatchObject({ status: 'aborted', listCalls: 1 })
  })

  it('tells how far it is', async () => {
    const { engine, fake, start } = createDropped()
    for (let index = 0; index < 101; index++) await start(`user-${index}`)
    const told: unknown[] = []
    await engine.reconcile({ quietMs: 0, onProgress: (progress) => told.push(progress) })
    expect(told).toEqual([
      { phase: 'cases', done: 100, total: 101 },
      { phase: 'cases', done: 101, total: 101 },
      { phase: 'events', done: 100, total: null },
      { phase: 'events', done: 101, total: null },
    ])
    expect(fake.events.list()).toHaveLength(101)
  })

  it.each([{ quietMs: -1 }, { maxAgeMs: Number.NaN }, { lookbackMs: 1e15 }, { reserve: 2 }])(
    'refuses %j',
    async (options) => {
      await expect(createDropped().engine.reconcile(options)).rejects.toMatchObject({
        code: expect.stringMatching(/argument_invalid|configuration_invalid/),
      })
    },
  )
})

describe('reconcileEvery', () => {
  it('goes on after a failure, until it is stopped', async () => {
    const { engine, fake, start, clock, logger } = createDropped()
    const kycCase = await start('user')
    finish(fake, kycCase.personaInquiryId)
    fake.fail({ kind: 'server_error', times: 3 })
    const stop = new AbortController()
    const running = engine.reconcileEvery({ quietMs: 0, everyMs: 1000, signal: stop.signal })
    await vi.waitFor(async () => expect((await engine.getCase(kycCase.id)).status).toBe('verified'))
    stop.abort()
    await running
    expect(logger.entries.map(({ message }) => message)).toContain('not reconciled: it is tried again')
    expect(clock.ms).toBeGreaterThanOrEqual(START + 1000)
  })
})

function newCase(id: string, nowMs: number, userId = 'crashed') {
  return {
    id,
    userId,
    documentType: 'passport',
    sealedPersonalData: null,
    idempotencyKey: null,
    createdAt: new Date(nowMs),
    initiatingUntil: new Date(nowMs + 3000),
  }
}
