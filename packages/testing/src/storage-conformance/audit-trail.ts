import { expect } from 'vitest'
import { at, newEvent } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { ORDERED_IDS } from './event-order.js'
import { walk } from './pages.js'
import { addCase } from './steps.js'

/** What can be read of the events of a case. */
export const auditTrailCases: readonly ConformanceCase[] = [
  check('listCaseEvents tells of each event of the case, what became of it and what it changed', async (storage) => {
    await addCase(storage, 'a')
    await addCase(storage, 'b')
    const receivedAt = (index: number) => ({ receivedAt: at(60_000 + index) })
    const { transition } = await storage.recordEvent(newEvent('1', { name: 'first', ...receivedAt(1) }))
    await storage.recordEvent(newEvent('2', { personaStatus: 'pending', occurredAt: at(0), ...receivedAt(2) }))
    await storage.recordEvent(newEvent('3', { name: 'third', effect: null, ...receivedAt(3) }))
    await storage.recordEvent(newEvent('4', { inquiryId: 'inq-2', referenceId: 'a', ...receivedAt(4) }))
    await storage.recordEvent(newEvent('1', receivedAt(5)))
    await storage.recordEvent(newEvent('5', { inquiryId: 'inq-b', ...receivedAt(6) }))
    await storage.recordEvent(newEvent('6', { inquiryId: 'inq-c', ...receivedAt(7) }))
    const approved = {
      inquiryId: 'inq-a',
      createdAt: at(0),
      personaStatus: 'approved',
      occurredAt: at(1),
      delivery: null,
      transition: null,
    }
    expect(await storage.listCaseEvents('a', { after: null, limit: 100 })).toEqual({
      items: [
        { ...approved, id: '1', name: 'first', outcome: 'applied', ...receivedAt(1), transition },
        {
          ...approved,
          id: '2',
          name: 'inquiry.transitioned',
          outcome: 'stale',
          personaStatus: 'pending',
          occurredAt: at(0),
          ...receivedAt(2),
        },
        {
          ...approved,
          id: '3',
          name: 'third',
          outcome: 'ignored',
          personaStatus: null,
          occurredAt: null,
          ...receivedAt(3),
        },
        {
          ...approved,
          id: '4',
          name: 'inquiry.transitioned',
          inquiryId: 'inq-2',
          outcome: 'stale',
          ...receivedAt(4),
        },
      ],
      next: null,
    })
    expect((await storage.listCaseEvents('b', { after: null, limit: 1 })).items).toMatchObject([{ id: '5' }])
  }),

  check('listCaseEvents tells what the first delivery said about attempts', async (storage) => {
    await addCase(storage, 'a')
    const delivery = { attemptsMade: 3, attemptsLeft: 5, firstAttemptedAt: at(-70_000) }
    const partly = { attemptsMade: null, attemptsLeft: 0, firstAttemptedAt: null }
    await storage.recordEvent(newEvent('1', { delivery, receivedAt: at(1) }))
    await storage.recordEvent(newEvent('1', { delivery: { ...delivery, attemptsMade: 4 }, receivedAt: at(2) }))
    await storage.recordEvent(newEvent('2', { delivery: partly, receivedAt: at(3) }))
    const { items } = await storage.listCaseEvents('a', { after: null, limit: 100 })
    expect(items.map((event) => event.delivery)).toEqual([delivery, partly])
  }),

  check('listCaseEvents goes by the time of receipt, in pages of any length', async (storage) => {
    await addCase(storage, 'a')
    const order = Array.from({ length: 23 }, (_, index) => index)
    for (const index of order) {
      const id = `evt-${(index * 11) % 23}`
      await storage.recordEvent(newEvent(id, { occurredAt: at(23 - index), receivedAt: at(60_000 + index) }))
    }
    for (const limit of [1, 2, 5, 22, 23, 24]) {
      const events = await walk((after) => storage.listCaseEvents('a', { after, limit }))
      expect(events.map(({ receivedAt }) => receivedAt)).toEqual(order.map((index) => at(60_000 + index)))
    }
  }),

  check('listCaseEvents walks events received at one time once each', async (storage) => {
    await addCase(storage, 'a')
    await Promise.all(ORDERED_IDS.map((id) => storage.recordEvent(newEvent(id))))
    for (const limit of [1, 2, 5, ORDERED_IDS.length]) {
      const events = await walk((after) => storage.listCaseEvents('a', { after, limit }))
      expect(events.map(({ id }) => id).sort()).toEqual([...ORDERED_IDS].sort())
    }
  }),
]
