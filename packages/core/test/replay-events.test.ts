import { describe, expect, it } from 'vitest'
import { createKycEngine } from '../src/engine.js'
import { after, createTestEngine, USER } from './test-engine.js'

async function createPlayed(...statuses: string[]) {
  const test = createTestEngine()
  const { kycCase } = await test.engine.initiateKyc(USER)
  for (const [index, status] of statuses.entries()) {
    const event = {
      id: `evt_${index}`,
      name: 'inquiry.transitioned',
      createdAt: after(index),
      inquiryId: 'inq_1',
      status,
    }
    await test.deliver(event)
  }
  const withPolicy = (statusPolicy: 'completed' | 'decision') => createKycEngine({ ...test.settings, statusPolicy })
  return { ...test, kycCase, withPolicy }
}

describe('replayEvents', () => {
  it('changes nothing where nothing is new', async () => {
    const { engine, storage } = await createPlayed('pending', 'completed')
    const before = await storage.listCases({ status: null, claim: null, after: null, limit: 10 })
    expect(await engine.replayEvents()).toEqual({ casesChecked: 1, eventsMatched: 0, transitions: [] })
    expect(await storage.listCases({ status: null, claim: null, after: null, limit: 10 })).toEqual(before)
  })

  it('moves a case to what the present policy makes of its newest event, back and forth', async () => {
    const { kycCase, withPolicy, engine } = await createPlayed('pending', 'completed')
    for (const [index, policy] of (['decision', 'completed', 'decision'] as const).entries()) {
      const to = policy === 'decision' ? 'pending' : 'verified'
      const report = await withPolicy(policy).replayEvents()
      expect(report.transitions).toMatchObject([{ caseId: kycCase.id, to, eventName: 'replay.inquiry.transitioned' }])
      expect(await withPolicy(policy).replayEvents()).toMatchObject({ transitions: [] })
      expect((await engine.readFeed()).items).toHaveLength(index + 2)
    }
    expect((await engine.getCase(kycCase.id)).status).toBe('pending')
  })

  it('counts on from the replays that are left where older ones were dropped', async () => {
    const { withPolicy, storage, settings } = await createPlayed('pending', 'completed')
    for (const policy of ['decision', 'completed'] as const) await withPolicy(policy).replayEvents()
    const isDropped = (id: string) => id.startsWith('~replay_0000000000_')
    const retained: typeof storage = {
      ...storage,
      async listCaseEvents(caseId, query) {
        const page = await storage.listCaseEvents(caseId, query)
        return { ...page, items: page.items.filter(({ id }) => !isDropped(id)) }
      },
    }
    const engine = createKycEngine({ ...settings, storage: retained, statusPolicy: 'decision' })
    expect((await engine.replayEvents()).transitions).toMatchObject([{ to: 'pending' }])
  })

  it('takes the newest event by its time, whatever the order of arrival', async () => {
    const { engine, deliver, withPolicy, kycCase } = await createPlayed('approved')
    await deliver({
      id: 'evt_late',
      name: 'inquiry.completed',
      createdAt: after(-5),
      inquiryId: 'inq_1',
      status: 'declined',
    })
    expect((await withPolicy('decision').replayEvents()).transitions).toEqual([])
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('lets a later webhook move the case again', async () => {
    const { deliver, withPolicy, engine, kycCase } = await createPlayed('completed')
    await withPolicy('decision').replayEvents()
    await deliver({
      id: 'evt_9',
      name: 'inquiry.approved',
      createdAt: after(9),
      inquiryId: 'inq_1',
      status: 'approved',
    })
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
  })

  it('looks again at events that had no case when they came', async () => {
    const { engine, deliver, storage, clock } = await createPlayed()
    await deliver({
      id: 'evt_x',
      name: 'inquiry.approved',
      createdAt: after(1),
      inquiryId: 'inq_late',
      status: 'approved',
    })
    await deliver({
      id: 'evt_y',
      name: 'inquiry.approved',
      createdAt: after(1),
      inquiryId: 'inq_never',
      status: 'approved',
    })
    const { kycCase } = await engine.initiateKyc({ ...USER, userId: 'late' })
    await storage.attachInquiry(kycCase.id, {
      inquiryId: 'inq_late',
      replaces: kycCase.personaInquiryId,
      personaStatus: 'created',
      sealedSessionToken: null,
      now: new Date(clock.ms),
    })
    expect(await engine.replayEvents()).toMatchObject({
      eventsMatched: 1,
      transitions: [{ caseId: kycCase.id, to: 'verified' }],
    })
    expect(await engine.replayEvents()).toMatchObject({ eventsMatched: 0, transitions: [] })
  })

  it('leaves erased cases, cases without an inquiry and events of superseded inquiries alone', async () => {
    const { engine, withPolicy, kycCase, storage, clock } = await createPlayed('completed')
    await engine.eraseCase(kycCase.id)
    await storage.createCase({
      id: 'bare',
      userId: 'bare',
      documentType: 'passport',
      sealedPersonalData: null,
      idempotencyKey: null,
      createdAt: new Date(clock.ms),
      initiatingUntil: new Date(clock.ms),
    })
    expect(await withPolicy('decision').replayEvents()).toMatchObject({ casesChecked: 2, transitions: [] })
  })

  it('stops between two cases when it is told to, and tells how far it is', async () => {
    const { engine } = await createPlayed('completed')
    const told: unknown[] = []
    await engine.replayEvents({ onProgress: (progress) => told.push(progress) })
    expect(told).toEqual([{ done: 1, total: null }])
    expect(await engine.replayEvents({ signal: AbortSignal.abort() })).toMatchObject({ casesChecked: 0 })
  })
})
