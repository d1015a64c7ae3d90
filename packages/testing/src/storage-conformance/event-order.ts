import type { KycStorage, NewEvent, RecordedEvent, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom, toShuffled } from './seeded-random.js'
import {
  addCase,
  at,
  attach,
  type ConformanceCase,
  check,
  expectChains,
  follow,
  move,
  newCase,
  newEvent,
  PLAYED_STATUSES,
  pick,
  requireFound,
  seal,
  toEffect,
  together,
  walk,
  yieldTurn,
} from './storage-conformance-model.js'

/** Event ids in the order of their UTF-8 bytes, which is not that of UTF-16, nor that of any language. */
const ORDERED_IDS = ['#', '-', '10', '9', 'B', 'Ba', 'Z', '_', 'a', 'a-b', 'aa', 'ab', 'z', 'é', 'ﬁ', '～', '😀', '😁']

const ROUNDS = 20

/** How events move cases. */
export const eventCases: readonly ConformanceCase[] = [
  check('recordEvent moves the case of its inquiry and says how', async (storage) => {
    const before = await addCase(storage, 'a')
    const recorded = await storage.recordEvent(newEvent('evt', { name: 'inquiry.approved', occurredAt: at(7) }))
    const transition: Transition = {
      caseId: 'a',
      revision: 1,
      from: 'pending',
      to: 'verified',
      score: 1,
      personaStatus: 'approved',
      eventId: 'evt',
      eventName: 'inquiry.approved',
      occurredAt: at(7),
      recordedAt: at(60_000),
    }
    const kycCase = {
      ...before,
      status: 'verified',
      verificationScore: 1,
      personaStatus: 'approved',
      sealedSessionToken: null,
      verifiedAt: at(7),
      updatedAt: at(60_000),
    }
    expect(recorded).toEqual({ outcome: 'applied', kycCase, transition })
    expect(await storage.getCase('a')).toEqual(kycCase)
    expect(await follow(storage, { count: 1 })).toEqual([transition])
  }),

  check('recordEvent records one event once for 50 concurrent callers', async (storage) => {
    await addCase(storage, 'a')
    for (let round = 1; round <= ROUNDS; round++) {
      const answers = await together(50, () => move(storage, 'a', round % 2 === 0 ? 'declined' : 'approved', round))
      expect(answers.filter(({ outcome }) => outcome !== 'duplicate')).toMatchObject([{ outcome: 'applied' }])
      expect(answers.filter(({ transition }) => transition !== null)).toHaveLength(1)
    }
    expect(await follow(storage, { count: ROUNDS })).toHaveLength(ROUNDS)
    expect((await storage.listCaseEvents('a', { after: null, limit: 100 })).items).toHaveLength(ROUNDS)
  }),

  check('recordEvent knows an event by its id, whatever else it says', async (storage) => {
    const before = await addCase(storage, 'a')
    const unmatched = newEvent('evt', { inquiryId: 'inq-b' })
    expect((await storage.recordEvent(unmatched)).outcome).toBe('unmatched')
    expect(await storage.recordEvent(newEvent('evt'))).toMatchObject({ outcome: 'duplicate', transition: null })
    expect(await storage.getCase('a')).toEqual(before)
  }),

  check('recordEvent brings 50 snapshots, shuffled and at once, to the newest, 20 times', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = createSeededRandom(round)
      const id = `case-${round}`
      await addCase(storage, id)
      const snapshots = Array.from({ length: 50 }, (_, index) => ({ status: pick(PLAYED_STATUSES, random), ms: index }))
      await Promise.all(toShuffled(snapshots, random).map(({ status, ms }) => move(storage, id, status, ms)))
      const { status: personaStatus } = requireFound(snapshots.at(-1))
      const { status, score } = toEffect(personaStatus, null)
      const kycCase = requireFound(await storage.getCase(id))
      expect(kycCase, `round ${round}`).toMatchObject({ personaStatus, status, verificationScore: score })
      expect(kycCase.verifiedAt === null).toBe(status !== 'verified')
    }
  }),

  check('recordEvent lets the higher rank win between events of one time', async (storage) => {
    await expectNewestLast(storage, [
      ...(['created', 'pending', 'completed', 'needs_review', 'approved'] as const).map((personaStatus, index) =>
        newEvent(String(9 - index), { personaStatus }),
      ),
      newEvent('0', { personaStatus: 'created', occurredAt: at(2) }),
    ])
  }),

  check('recordEvent compares the ids of events of one time and rank by their UTF-8 bytes', async (storage) => {
    await expectNewestLast(
      storage,
      ORDERED_IDS.map((id) => newEvent(id)),
    )
  }),

  check('recordEvent tells apart events a millisecond apart', async (storage) => {
    await expectNewestLast(
      storage,
      [910, 911, 1910, 1911].map((ms, index) => newEvent(String(9 - index), { occurredAt: at(ms) })),
    )
  }),

  check('recordEvent takes an event without a time for older than any with one', async (storage) => {
    await expectNewestLast(storage, [
      newEvent('9', { personaStatus: 'created', occurredAt: null }),
      newEvent('8', { personaStatus: 'completed', occurredAt: null }),
      newEvent('6', { personaStatus: 'approved', occurredAt: null }),
      newEvent('7', { personaStatus: 'approved', occurredAt: null }),
      newEvent('0', { personaStatus: 'created', occurredAt: at(0) }),
    ])
  }),

  check('recordEvent takes an event without a time for older than one of 1970 or before', async (storage) => {
    await expectNewestLast(storage, [
      newEvent('9', { personaStatus: 'approved', occurredAt: null }),
      newEvent('8', { personaStatus: 'completed', occurredAt: new Date('1969-12-31T23:59:59.999Z') }),
      newEvent('7', { personaStatus: 'created', occurredAt: new Date(0) }),
    ])
  }),

  check('recordEvent applies an event of the state that the case is in, without a transition', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'completed', 1)
    const again = await move(storage, 'a', 'approved', 5)
    expect(again).toMatchObject({ outcome: 'applied', transition: null, kycCase: { personaStatus: 'approved' } })
    expect((await move(storage, 'a', 'declined', 3)).outcome).toBe('stale')
    expect(await follow(storage, { count: 1 })).toHaveLength(1)
  }),

  check('recordEvent leaves a case alone where the event is stale', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'completed', 5)
    expect(await move(storage, 'a', 'declined', 4)).toEqual({ outcome: 'stale', kycCase, transition: null })
    expect(await storage.getCase('a')).toEqual(kycCase)
  }),

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

  check('recordEvent drops the session token of a case that leaves pending, and only then', async (storage) => {
    for (const status of PLAYED_STATUSES) {
      await addCase(storage, status)
      const { kycCase } = await move(storage, status, status, 1)
      const isPending = status === 'created' || status === 'pending'
      expect(kycCase?.sealedSessionToken, status).toBe(isPending ? seal(`token of ${status}`) : null)
    }
  }),

  check('recordEvent sets score and verifiedAt, and clears them', async (storage) => {
    await addCase(storage, 'a')
    const states = []
    for (const [index, status] of (
      ['completed', 'approved', 'needs_review', 'declined', 'created'] as const
    ).entries()) {
      const { kycCase } = await move(storage, 'a', status, index)
      states.push([kycCase?.verificationScore, kycCase?.verifiedAt])
    }
    expect(states).toEqual([
      [1, at(0)],
      [1, at(0)],
      [0.5, null],
      [0, null],
      [null, null],
    ])
    const { kycCase } = await move(storage, 'a', 'approved', 9)
    expect(kycCase?.verifiedAt).toEqual(at(9))
    await addCase(storage, 'b')
    const untimed = await storage.recordEvent(newEvent('evt', { inquiryId: 'inq-b', occurredAt: null }))
    expect(untimed.kycCase?.verifiedAt, 'without a time, the time of receipt').toEqual(at(60_000))
  }),

  check('a decided case that goes back to review is open again', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await move(storage, 'a', 'needs_review', 2)
    const answer = await storage.createCase(newCase('b', { userId: 'user' }))
    expect(answer).toMatchObject({ created: false, kycCase: { id: 'a' } })
  }),

  check('a case that goes back to review stays closed where its user has another open one', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await addCase(storage, 'b', { userId: 'user' })
    expect(await move(storage, 'a', 'needs_review', 2)).toMatchObject({ outcome: 'applied', kycCase: { id: 'a' } })
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).kycCase.id).toBe('b')
    await move(storage, 'b', 'approved', 1)
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).created).toBe(true)
  }),

  check('recordEvent takes an event of an erased case for stale, and leaves the case as it is', async (storage) => {
    await addCase(storage, 'a', { userId: 'user' })
    await move(storage, 'a', 'declined', 1)
    await storage.createCase(newCase('b', { userId: 'user' }))
    const erased = [await storage.eraseCase('a', at(1)), await storage.eraseCase('b', at(1))]
    const events = [newEvent('1', { personaStatus: 'needs_review', occurredAt: at(2) })]
    events.push(newEvent('2', { inquiryId: 'inq-b', referenceId: 'b' }))
    for (const [index, event] of events.entries()) {
      const expected = { outcome: 'stale', kycCase: erased[index], transition: null }
      expect(await storage.recordEvent(event)).toEqual(expected)
      expect(await storage.getCase(index === 0 ? 'a' : 'b')).toEqual(erased[index])
    }
    expect((await storage.createCase(newCase('c', { userId: 'user' }))).created, 'neither is open').toBe(true)
  }),

  check('a case that reopens while its user starts another leaves one open, and rejects neither', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const [userId, old, fresh] = [`user-${round}`, `old-${round}`, `new-${round}`]
      await addCase(storage, old, { userId })
      await move(storage, old, 'declined', 1)
      const reopen = () => move(storage, old, 'needs_review', 2)
      const start = () => storage.createCase(newCase(fresh, { userId }))
      const [recorded, started] = await (round % 2 === 0
        ? Promise.all([reopen(), start()])
        : Promise.all([start(), reopen()]).then(([second, first]) => [first, second] as const))
      expect(recorded).toMatchObject({ outcome: 'applied', kycCase: { status: 'review' } })
      expect(started.kycCase.id).toBe(started.created ? fresh : old)
      const probe = await storage.createCase(newCase(`probe-${round}`, { userId }))
      expect({ created: probe.created, id: probe.kycCase.id }).toEqual({ created: false, id: started.kycCase.id })
    }
  }),

  check('of 10 cases of a user that reopen at once, one is open', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const [userId, ids] = [`user-${round}`, Array.from({ length: 10 }, (_, index) => `case-${round}-${index}`)]
      for (const id of ids) {
        await addCase(storage, id, { userId })
        await move(storage, id, 'declined', 1)
      }
      const recorded = await Promise.all(ids.map((id) => move(storage, id, 'needs_review', 2)))
      expect(recorded.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'applied'))
      const open = await storage.createCase(newCase(`probe-${round}`, { userId }))
      expect(open.created).toBe(false)
      await move(storage, open.kycCase.id, 'approved', 3)
      expect((await storage.createCase(newCase(`probe-${round}`, { userId }))).created).toBe(true)
    }
  }),

  check('an event by reference id and attachInquiry of its inquiry end the same in either order', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
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
    const cases = await walk((after) => storage.listCases({ status: null, claim: null, after, limit: 3 }))
    const attached = cases.map(({ personaInquiryId }) => personaInquiryId).filter((inquiryId) => inquiryId !== null)
    expect(new Set(attached).size, 'each inquiry belongs to one case').toBe(attached.length)
  }),

  check('transitions are those events that changed the state, numbered without a gap', async (storage) => {
    await addCase(storage, 'a')
    const recorded = await together(50, (index) =>
      move(storage, 'a', requireFound(PLAYED_STATUSES[(index * 3) % PLAYED_STATUSES.length]), index),
    )
    const expected = toTransitions(recorded)
    const feed = await follow(storage, { count: expected.length })
    expect(feed).toHaveLength(expected.length)
    expect(feed).toEqual(expect.arrayContaining(expected))
    expectChains(feed)
    expect(feed.at(-1)?.to ?? 'pending').toBe((await storage.getCase('a'))?.status)
    expect(recorded.filter(({ outcome }) => outcome !== 'applied' && outcome !== 'stale')).toEqual([])
  }),

  check('transitions of a case go on when its inquiry is replaced', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'needs_review', 5)
    await move(storage, 'a', 'pending', 6)
    await attach(storage, 'a', { inquiryId: 'inq-2', replaces: 'inq-a' })
    const next = await storage.recordEvent(newEvent('evt', { inquiryId: 'inq-2' }))
    expect(next.transition).toMatchObject({ revision: 3, from: 'pending', to: 'verified' })
  }),
]

/** What can be read of events afterwards. */
export const feedCases: readonly ConformanceCase[] = [
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
    const approved = { personaStatus: 'approved', occurredAt: at(1), transition: null }
    expect(await storage.listCaseEvents('a', { after: null, limit: 100 })).toEqual({
      items: [
        { ...approved, id: '1', name: 'first', outcome: 'applied', ...receivedAt(1), transition },
        {
          id: '2',
          name: 'inquiry.transitioned',
          outcome: 'stale',
          personaStatus: 'pending',
          occurredAt: at(0),
          ...receivedAt(2),
          transition: null,
        },
        {
          id: '3',
          name: 'third',
          outcome: 'ignored',
          personaStatus: null,
          occurredAt: null,
          ...receivedAt(3),
          transition: null,
        },
        { ...approved, id: '4', name: 'inquiry.transitioned', outcome: 'stale', ...receivedAt(4) },
      ],
      next: null,
    })
    expect((await storage.listCaseEvents('b', { after: null, limit: 1 })).items).toMatchObject([{ id: '5' }])
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

  check('readFeed of nothing is an empty page whose `next` stays usable', async (storage) => {
    const empty = await storage.readFeed({ after: null, limit: 500 })
    expect(empty).toEqual({ items: [], next: expect.any(String) })
    await addCase(storage, 'a')
    const { transition } = await move(storage, 'a', 'approved', 1)
    expect(await follow(storage, { count: 1, after: empty.next })).toEqual([transition])
  }),

  check('readFeed goes on from the `next` of its end with what came later, and only that', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'approved', 1)
    await follow(storage, { count: 1 })
    const end = (await storage.readFeed({ after: null, limit: 1 })).next
    const past = await storage.readFeed({ after: end, limit: 1 })
    expect(past.items).toEqual([])
    const { transition } = await move(storage, 'a', 'declined', 2)
    expect(await follow(storage, { count: 1, after: requireFound(past.next) })).toEqual([transition])
    expect(await follow(storage, { count: 1, after: end })).toEqual([transition])
  }),

  check('readFeed breaks a page anywhere, also between transitions of one case', async (storage) => {
    for (const id of ['a', 'b']) await addCase(storage, id)
    const recorded: RecordedEvent[] = []
    for (const [index, status] of (['completed', 'failed', 'needs_review', 'approved', 'created'] as const).entries()) {
      recorded.push(await move(storage, 'a', status, index))
      if (index === 2) recorded.push(await move(storage, 'b', 'approved', index))
    }
    const expected = toTransitions(recorded)
    for (const limit of [1, 2, 3, 6, 500]) {
      const feed = await follow(storage, { count: expected.length, limit })
      expect(feed, `pages of ${limit}`).toHaveLength(expected.length)
      expect(feed).toEqual(expect.arrayContaining(expected))
      expectChains(feed)
    }
  }),

  check('readFeed lets a follower miss and repeat nothing while 16 writers write', async (storage) => {
    const caseIds = ['shared', ...Array.from({ length: 8 }, (_, index) => `case-${index}`)]
    for (const id of caseIds) await addCase(storage, id)
    let clock = 0
    const write = async (writer: number) => {
      const recorded: RecordedEvent[] = []
      const id = writer < 8 ? `case-${writer}` : 'shared'
      for (let turn = 0; turn < 12; turn++) {
        recorded.push(await move(storage, id, turn % 2 === 0 ? 'approved' : 'declined', clock++))
        await yieldTurn()
      }
      return toTransitions(recorded)
    }
    let isWriting = true
    const writing = together(16, write).finally(() => {
      isWriting = false
    })
    const seen: Transition[] = []
    let after: string | null = null
    while (isWriting) {
      const page = await storage.readFeed({ after, limit: 3 })
      seen.push(...page.items)
      after = requireFound(page.next)
      await yieldTurn()
    }
    const expected = (await writing).flat()
    seen.push(...(await follow(storage, { count: expected.length - seen.length, limit: 3, after })))
    const toKey = ({ caseId, revision }: Transition) => `${caseId} ${revision}`
    expect(seen.map(toKey).sort()).toEqual(expected.map(toKey).sort())
    expect(seen).toEqual(expect.arrayContaining(expected))
    expectChains(seen)
  }),
]

/**
 * Asserts that the events, given from the oldest to the newest, end at the newest in several orders of arrival: each
 * pair both ways round, all of them backwards, and all of them shuffled at once.
 */
async function expectNewestLast(storage: KycStorage, events: readonly NewEvent[]): Promise<void> {
  const orders: { readonly arrivals: readonly NewEvent[]; readonly newest: NewEvent }[] = []
  for (const [index, newer] of events.entries()) {
    for (const older of events.slice(0, index)) {
      orders.push({ arrivals: [older, newer], newest: newer }, { arrivals: [newer, older], newest: newer })
    }
  }
  const newest = requireFound(events.at(-1))
  orders.push({ arrivals: [...events].reverse(), newest })
  await Promise.all(
    orders.map((order, index) => expectEnd(storage, { ...order, caseId: `case-${index}`, isAtOnce: false })),
  )
  for (let round = 0; round < 5; round++) {
    const arrivals = toShuffled(events, createSeededRandom(round))
    await expectEnd(storage, { arrivals, newest, caseId: `race-${round}`, isAtOnce: true })
  }
}

/** The effects' statuses are marked with their ids: the state tells which event was the last to move the case. */
async function expectEnd(
  storage: KycStorage,
  {
    arrivals,
    newest,
    caseId,
    isAtOnce,
  }: {
    readonly arrivals: readonly NewEvent[]
    readonly newest: NewEvent
    readonly caseId: string
    readonly isAtOnce: boolean
  },
): Promise<void> {
  await addCase(storage, caseId)
  const record = (event: NewEvent) => {
    const effect = { ...requireFound(event.effect), personaStatus: `status of ${event.id}` }
    // A storage records an id once. A suffix after a space, which sorts before what the ids are made of, keeps their order.
    return storage.recordEvent({ ...event, id: `${event.id} ${caseId}`, inquiryId: `inq-${caseId}`, effect })
  }
  if (isAtOnce) await Promise.all(arrivals.map(record))
  else for (const event of arrivals) await record(event)
  const ids = arrivals.map(({ id }) => id).join(', ')
  const end = await storage.getCase(caseId)
  expect(end?.personaStatus, `the last of ${ids}`).toBe(`status of ${newest.id}`)
}

function toTransitions(recorded: readonly RecordedEvent[]): Transition[] {
  return recorded.map(({ transition }) => transition).filter((transition) => transition !== null)
}
