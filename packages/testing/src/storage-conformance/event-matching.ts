import { expect } from 'vitest'
import { createSeededRandom, pick } from '../seeded-random.js'
import { at, newCase, newEvent, PLAYED_STATUSES, seal } from './builders.js'
import { EVENT_RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { listAll, walk } from './pages.js'
import { addCase, attach, move } from './steps.js'

/** Which case an event belongs to. */
export const eventMatchingCases: readonly ConformanceCase[] = [
  check('recordEvent finds a case by reference id and gives it the inquiry', async (storage) => {
    await storage.createCase(newCase('a'))
    const event = newEvent('evt', { referenceId: 'a', personaStatus: 'pending' })
    const { outcome, kycCase } = await storage.recordEvent(event)
    expect(outcome).toBe('applied')
    expect(kycCase).toMatchObject({ id: 'a', personaInquiryId: 'inq-a', personaStatus: 'pending' })
    expect(kycCase?.initiatingUntil, 'the initiation is over').toBeNull()
    expect(await storage.getCase('a')).toEqual(kycCase)
    expect((await move(storage, 'a', 'approved', 2)).outcome).toBe('applied')
    expect(await attach(storage, 'a', { inquiryId: 'inq-2' }), 'no second inquiry').toBeNull()
  }),

  check('recordEvent by reference id is stale where the case has another inquiry', async (storage) => {
    const before = await addCase(storage, 'a')
    const event = newEvent('evt', { inquiryId: 'inq-2', referenceId: 'a' })
    expect(await storage.recordEvent(event)).toEqual({ outcome: 'stale', kycCase: before, transition: null })
    expect(await storage.getCase('a')).toEqual(before)
  }),

  check('recordEvent goes by the inquiry before the reference id', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase: other } = await storage.createCase(newCase('b'))
    const recorded = await storage.recordEvent(newEvent('evt', { referenceId: 'b' }))
    expect(recorded).toMatchObject({ outcome: 'applied', kycCase: { id: 'a', status: 'verified' } })
    expect(await storage.getCase('b')).toEqual(other)
  }),

  check('recordEvent matches no case by an inquiry that it does not know, or by null', async (storage) => {
    await storage.createCase(newCase('a'))
    await addCase(storage, 'b')
    for (const event of [
      newEvent('1', { inquiryId: 'inq-c' }),
      newEvent('2', { inquiryId: 'inq-c', referenceId: 'c' }),
      newEvent('3', { inquiryId: 'inq-c', referenceId: 'inq-b' }),
      newEvent('4', { inquiryId: null }),
    ]) {
      expect(await storage.recordEvent(event)).toEqual({ outcome: 'unmatched', kycCase: null, transition: null })
    }
    expect(await storage.getCase('a')).toMatchObject({ status: 'pending', personaInquiryId: null })
    expect(await storage.getCase('b')).toMatchObject({ status: 'pending' })
  }),

  check(
    'recordEvent looks at an unmatched event again when it comes again, until it has found its case',
    async (storage) => {
      const event = newEvent('evt', { receivedAt: at(1) })
      expect((await storage.recordEvent(event)).outcome).toBe('unmatched')
      expect((await storage.recordEvent(event)).outcome).toBe('duplicate')
      await addCase(storage, 'a')
      const again = await storage.recordEvent({ ...event, receivedAt: at(90_000) })
      expect(again).toMatchObject({ outcome: 'applied', kycCase: { id: 'a', status: 'verified' } })
      expect(again.transition).toMatchObject({ revision: 1, eventId: 'evt', to: 'verified' })
      expect((await storage.recordEvent(event)).outcome).toBe('duplicate')
      const { items } = await storage.listCaseEvents('a', { after: null, limit: 10 })
      expect(items).toMatchObject([{ id: 'evt', outcome: 'applied', receivedAt: at(1), transition: { revision: 1 } }])
    },
  ),

  check('an unmatched event that comes again many times at once is applied once', async (storage) => {
    for (let round = 0; round < EVENT_RACE_ROUNDS; round++) {
      const id = `case-${round}`
      const event = newEvent(id, { inquiryId: `inq-${id}` })
      await storage.recordEvent(event)
      await addCase(storage, id)
      const recorded = await together(8, () => storage.recordEvent(event))
      expect(recorded.map(({ outcome }) => outcome).sort()).toEqual(['applied', ...Array(7).fill('duplicate')])
    }
  }),

  check('listUnmatchedEvents pages through events without a case, and only those', async (storage) => {
    await addCase(storage, 'a')
    await storage.recordEvent(newEvent('matched'))
    await storage.recordEvent(newEvent('ignored', { effect: null, inquiryId: 'inq-x' }))
    const order = Array.from({ length: 7 }, (_, index) => index)
    for (const index of order.toReversed()) {
      const event = newEvent(`evt-${(index * 3) % 7}`, { inquiryId: `inq-${index}`, receivedAt: at(index) })
      await storage.recordEvent(event)
    }
    for (const limit of [1, 3, 7, 8]) {
      const events = await walk((after) => storage.listUnmatchedEvents({ after, limit }))
      expect(events.map(({ inquiryId }) => inquiryId)).toEqual(order.map((index) => `inq-${index}`))
      expect(events[0]).toEqual({
        id: 'evt-0',
        name: 'inquiry.transitioned',
        inquiryId: 'inq-0',
        outcome: 'unmatched',
        createdAt: at(0),
        personaStatus: 'approved',
        occurredAt: at(1),
        receivedAt: at(0),
        delivery: null,
      })
    }
    await storage.createCase(newCase('b'))
    await attach(storage, 'b', { inquiryId: 'inq-3' })
    await storage.recordEvent(newEvent('evt-2', { inquiryId: 'inq-3' }))
    const left = await walk((after) => storage.listUnmatchedEvents({ after, limit: 100 }))
    expect(left.map(({ inquiryId }) => inquiryId)).toEqual(['inq-0', 'inq-1', 'inq-2', 'inq-4', 'inq-5', 'inq-6'])
  }),

  check('recordEvent only records an event without an effect', async (storage) => {
    const before = await addCase(storage, 'a')
    const { kycCase: bare } = await storage.createCase(newCase('b'))
    const ignored = newEvent('1', { effect: null })
    expect(await storage.recordEvent(ignored)).toEqual({ outcome: 'ignored', kycCase: before, transition: null })
    const unknown = newEvent('2', { effect: null, inquiryId: null })
    expect(await storage.recordEvent(unknown)).toEqual({ outcome: 'ignored', kycCase: null, transition: null })
    const byReference = newEvent('3', { effect: null, inquiryId: 'inq-b', referenceId: 'b' })
    expect(await storage.recordEvent(byReference)).toMatchObject({ outcome: 'ignored', transition: null })
    expect([await storage.getCase('a'), await storage.getCase('b')]).toEqual([before, bare])
    expect((await storage.recordEvent(ignored)).outcome).toBe('duplicate')
  }),

  check('an event by reference id and attachInquiry of its inquiry end the same in either order', async (storage) => {
    for (let round = 0; round < EVENT_RACE_ROUNDS; round++) {
      const id = `case-${round}`
      await storage.createCase(newCase(id))
      const personaStatus = round % 2 === 0 ? 'approved' : 'pending'
      const event = newEvent(id, { inquiryId: `inq-${id}`, referenceId: id, personaStatus })
      const [recorded, attached] = await Promise.all([storage.recordEvent(event), attach(storage, id)])
      expect(recorded.outcome).toBe('applied')
      expect(attached?.personaInquiryId).toBe(`inq-${id}`)
      expect(await storage.getCase(id)).toMatchObject({
        personaInquiryId: `inq-${id}`,
        personaStatus,
        initiatingUntil: null,
        sealedSessionToken: personaStatus === 'pending' ? seal(`token of ${id}`) : null,
      })
    }
  }),

  check('recordEvent never rejects, however cases and events contend for inquiries', async (storage) => {
    const random = createSeededRandom(7)
    await together(8, (index) => storage.createCase(newCase(`case-${index}`, { userId: `user-${index % 3}-${index}` })))
    const inquiryIds = ['inq-0', 'inq-1', 'inq-2', 'inq-3', 'inq-4', 'inq-5']
    const calls = Array.from({ length: 300 }, (_, index) => {
      const [caseId, inquiryId] = [`case-${Math.floor(random() * 8)}`, pick(inquiryIds, random)]
      const personaStatus = pick(PLAYED_STATUSES, random)
      const replaces = random() < 0.5 ? null : pick(inquiryIds, random)
      const event = newEvent(`evt-${index}`, { inquiryId, referenceId: caseId, personaStatus, occurredAt: at(index) })
      if (index % 4 === 0) return () => attach(storage, caseId, { inquiryId, replaces })
      return () => storage.recordEvent(event)
    })
    const results = await Promise.allSettled(calls.map((call) => call()))
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
    const cases = await listAll(storage, { limit: 3 })
    const attached = cases.map(({ personaInquiryId }) => personaInquiryId).filter((inquiryId) => inquiryId !== null)
    expect(new Set(attached).size, 'each inquiry belongs to one case').toBe(attached.length)
  }),
]
