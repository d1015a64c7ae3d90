import type { CaseQuery, KycCase, KycStorage, NewCase } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom, toShuffled } from './seeded-random.js'
import {
  addCase,
  at,
  attach,
  type ConformanceCase,
  check,
  follow,
  move,
  newCase,
  newEvent,
  requireFound,
  seal,
  toEffect,
  together,
  walk,
} from './storage-conformance-model.js'

/** Text that storages have been seen to change, refuse, run or confuse with other text. */
const ODD_TEXTS = [
  `o'brien "quoted" \`ticks\``,
  "'",
  "\\'",
  'back\\slash\\',
  '100% %s %d _ *',
  '%',
  '_',
  'null',
  'undefined',
  'NULL',
  'NaN',
  'true',
  '0',
  '-1',
  '1e3',
  '007',
  'constructor',
  '__proto__',
  'toString',
  '{"a":1}',
  '{}',
  '[1,2]',
  '$1 $$ ?? ? :name @p1',
  '?',
  ':id',
  "'; drop table cases; --",
  "' or '1'='1",
  '<b>&amp;</b>',
  '../../etc/passwd',
  '2026-01-01T00:00:00.000Z',
  ' leading and trailing ',
  'leading and trailing',
  'tab\tnewline\nreturn\r\n',
  '\u007f\u200b\ufeff',
  'é',
  'e\u0301',
  'É',
  '😀 👩‍👩‍👧',
  'مرحبا بالعالم \u202e',
  '漢字とカタカナ',
  'x'.repeat(255),
  'X'.repeat(255),
  '界'.repeat(255),
]

const ODD_DATES = [
  '0001-01-01T00:00:00.001Z',
  '1582-10-15T12:00:00.500Z',
  '1900-01-01T00:00:00.999Z',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00.000Z',
  '1970-01-01T00:00:00.001Z',
  '2024-02-29T23:59:59.999Z',
  '2026-03-29T01:30:00.001Z',
  '2026-10-25T01:30:00.123Z',
  '2038-01-19T03:14:08.001Z',
  '2262-04-11T23:47:16.855Z',
  '9999-12-31T23:59:59.999Z',
]

/** Races are run as often: one that is wrong may still end right once. */
const ROUNDS = 10

const UNKNOWN = { currentInquiryId: null, now: at(1), until: at(2) }
const SESSION = { inquiryId: 'inq-a', sealedSessionToken: seal('another token'), now: at(2000) }
const CLAIM = { kycClaimId: '0xc1', kycClaimTxHash: '0xf1', now: at(90_000) }

/** How cases are stored, found, and read back. */
export const recordCases: readonly ConformanceCase[] = [
  check('a new case comes back with every field', async (storage) => {
    const expected: KycCase = {
      id: 'a',
      userId: 'user-a',
      documentType: 'passport',
      status: 'pending',
      verificationScore: null,
      personaInquiryId: null,
      inquiryAttempt: 1,
      initiatingUntil: at(5000),
      sealedSessionToken: null,
      sealedPersonalData: seal('personal data of a'),
      personaStatus: null,
      kycClaimId: null,
      kycClaimTxHash: null,
      createdAt: at(0),
      updatedAt: at(0),
      verifiedAt: null,
      erasedAt: null,
    }
    expect(await storage.createCase(newCase('a', { idempotencyKey: 'key' }))).toEqual({
      kycCase: expected,
      created: true,
    })
    expect(await storage.getCase('a')).toEqual(expected)
  }),

  check('a case without personal data has null there, not text', async (storage) => {
    await storage.createCase(newCase('a', { sealedPersonalData: null }))
    expect(await storage.getCase('a')).toMatchObject({ sealedPersonalData: null, sealedSessionToken: null })
  }),

  check('odd texts come back from every field as they were written, and do not meet', async (storage) => {
    for (const text of ODD_TEXTS) await writeOddText(storage, text)
    for (const text of ODD_TEXTS) await expectOddText(storage, text)
    const listed = await walk((after) => storage.listCases({ status: null, claim: null, after, limit: 4 }))
    expect(listed.map(({ id }) => id).sort()).toEqual([...ODD_TEXTS].sort())
    const feed = await follow(storage, { count: ODD_TEXTS.length, limit: 4 })
    expect(feed.map(({ caseId, eventId, eventName }) => [caseId, eventId, eventName])).toEqual(
      ODD_TEXTS.map((text) => [text, text, text]),
    )
  }),

  check('users whose ids differ only in case, accent, normal form or space are different', async (storage) => {
    const userIds = ['user', 'User', 'USER', 'user ', ' user', 'usér', 'use\u0301r', 'uſer', 'user\u200b']
    for (const [index, userId] of userIds.entries()) {
      const stored = await storage.createCase(newCase(`case-${index}`, { userId, idempotencyKey: 'key' }))
      expect(stored).toMatchObject({ created: true, kycCase: { userId } })
    }
  }),

  check('dates keep their milliseconds, also in the far past and future', async (storage) => {
    for (const text of ODD_DATES) {
      const date = new Date(text)
      const expected = { createdAt: date, updatedAt: date, initiatingUntil: date }
      await storage.createCase(newCase(text, { createdAt: date, initiatingUntil: date }))
      expect(await storage.getCase(text)).toMatchObject(expected)
      await attach(storage, text, { now: date })
      const effect = toEffect('approved', date)
      const event = newEvent(text, { inquiryId: `inq-${text}`, effect, receivedAt: date })
      const { kycCase, transition } = await storage.recordEvent(event)
      expect(kycCase).toMatchObject({ updatedAt: date, verifiedAt: date })
      expect(transition).toMatchObject({ occurredAt: date, recordedAt: date })
      const trail = await storage.listCaseEvents(text, { after: null, limit: 5 })
      expect(trail.items).toMatchObject([{ occurredAt: date, receivedAt: date, transition }])
    }
    const cases = await walk((after) => storage.listCases({ status: null, claim: null, after, limit: 1 }))
    expect(cases.map(({ id }) => id)).toEqual(ODD_DATES)
    const feed = await follow(storage, { count: ODD_DATES.length })
    expect(feed.map(({ occurredAt }) => occurredAt?.toISOString())).toEqual(ODD_DATES)
  }),

  check('sealed text of 100 kB comes back whole', async (storage) => {
    const long = seal('Aa0 '.repeat(20_000))
    await storage.createCase(newCase('a', { sealedPersonalData: long }))
    await attach(storage, 'a', { sealedSessionToken: long })
    expect(await storage.getCase('a')).toMatchObject({ sealedPersonalData: long, sealedSessionToken: long })
  }),

  check('scores keep their digits, and zero is not null', async (storage) => {
    for (const score of [0, 1, 0.5, 0.1, 0.123456789, 1 / 3]) {
      const id = String(score)
      await addCase(storage, id)
      const effect = { ...toEffect('approved', at(1)), score }
      const recorded = await storage.recordEvent(newEvent(id, { inquiryId: `inq-${id}`, effect }))
      expect(recorded).toMatchObject({ kycCase: { verificationScore: score }, transition: { score } })
      expect((await storage.getCase(id))?.verificationScore).toBe(score)
    }
  }),

  check('an unknown case is null, or nothing, everywhere', async (storage) => {
    expect(await storage.getCase('a')).toBeNull()
    expect(await storage.claimInitiation('a', UNKNOWN)).toBeNull()
    expect(await storage.advanceAttempt('a', 1)).toBeNull()
    expect(await attach(storage, 'a')).toBeNull()
    expect(await storage.storeSessionToken('a', SESSION)).toBeNull()
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_found', kycCase: null })
    expect(await storage.eraseCase('a', at(1))).toBeNull()
    expect(await storage.listCaseEvents('a', { after: null, limit: 5 })).toEqual({ items: [], next: null })
    await storage.releaseInitiation('a', at(1))
    await storage.ping()
  }),

  check('createCase gives a user with an open case that one, unchanged', async (storage) => {
    const first = await storage.createCase(newCase('a', { userId: 'user' }))
    const second = await storage.createCase(newCase('b', { userId: 'user', documentType: 'visa', createdAt: at(9) }))
    expect(second).toEqual({ kycCase: first.kycCase, created: false })
    expect(await storage.getCase('b')).toBeNull()
  }),

  check('createCase gives a user in review that case, and one with a decided case a new one', async (storage) => {
    for (const status of ['completed', 'approved', 'failed', 'declined', 'needs_review', 'pending'] as const) {
      await addCase(storage, status)
      await move(storage, status, status, 1)
      const userId = `user-${status}`
      const isOpen = status === 'needs_review' || status === 'pending'
      const again = await storage.createCase(newCase(`${status}-2`, { userId }))
      expect({ status, created: again.created, id: again.kycCase.id }).toEqual({
        status,
        created: !isOpen,
        id: isOpen ? status : `${status}-2`,
      })
    }
  }),

  check('createCase finds the case of an idempotency key before the open one, also a closed one', async (storage) => {
    const options = { userId: 'user', idempotencyKey: 'key-a' }
    await addCase(storage, 'a', options)
    const { kycCase: closed } = await move(storage, 'a', 'declined', 1)
    await addCase(storage, 'b', { userId: 'user', idempotencyKey: 'key-b' })
    expect(await storage.createCase(newCase('c', options))).toEqual({ kycCase: closed, created: false })
    const byOpen = await storage.createCase(newCase('c', { userId: 'user', idempotencyKey: 'key-c' }))
    expect(byOpen).toMatchObject({ created: false, kycCase: { id: 'b' } })
  }),

  check('createCase finds an erased case by its idempotency key only', async (storage) => {
    await addCase(storage, 'a', { userId: 'user', idempotencyKey: 'key-a' })
    const erased = await storage.eraseCase('a', at(2))
    const byKey = await storage.createCase(newCase('b', { userId: 'user', idempotencyKey: 'key-a' }))
    expect(byKey).toEqual({ kycCase: erased, created: false })
    expect((await storage.createCase(newCase('b', { userId: 'user' }))).created).toBe(true)
  }),

  check('createCase keeps the same idempotency key of two users apart', async (storage) => {
    await addCase(storage, 'a', { idempotencyKey: 'key' })
    expect((await storage.createCase(newCase('b', { idempotencyKey: 'key' }))).created).toBe(true)
  }),

  check('createCase gives 50 concurrent callers one case', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      await expectOneCase(storage, `no key ${round}`, () => null)
      await expectOneCase(storage, `one key ${round}`, () => 'key')
      await expectOneCase(storage, `keys ${round}`, (index) => `key-${index}`)
    }
  }),

  check('createCase gives 50 concurrent callers the closed case of their idempotency key', async (storage) => {
    await addCase(storage, 'a', { userId: 'user', idempotencyKey: 'key' })
    await move(storage, 'a', 'approved', 1)
    const answers = await together(50, (index) =>
      storage.createCase(newCase(`case-${index}`, { userId: 'user', idempotencyKey: 'key' })),
    )
    expect(answers.filter(({ created, kycCase }) => created || kycCase.id !== 'a')).toEqual([])
  }),

  check('createCase gives 50 concurrent users a case each', async (storage) => {
    const answers = await together(50, (index) => storage.createCase(newCase(`case-${index}`)))
    expect(answers.map(({ created, kycCase }) => [created, kycCase.id, kycCase.userId])).toEqual(
      answers.map((_, index) => [true, `case-${index}`, `user-case-${index}`]),
    )
  }),

  check('listCases of nothing is an empty page without a next', async (storage) => {
    const query = { status: null, claim: null, after: null, limit: 500 }
    expect(await storage.listCases(query)).toEqual({ items: [], next: null })
  }),

  check('listCases goes by the time of creation, to the millisecond', async (storage) => {
    const order = Array.from({ length: 30 }, (_, index) => index)
    for (const index of toShuffled(order, createSeededRandom(1))) {
      await storage.createCase(newCase(`case-${(index * 7) % 30}`, { createdAt: at(index) }))
    }
    for (const limit of [1, 4, 30, 500]) {
      const listed = await listAll(storage, { limit })
      expect(listed.map(({ createdAt }) => createdAt)).toEqual(order.map(at))
    }
  }),

  check('listCases walks cases of one time once each, at any length of page', async (storage) => {
    const ids = ['Z', 'a', 'é', '～', '😀', '_', '-', '10', '9', ...Array.from({ length: 16 }, (_, i) => `case-${i}`)]
    for (const id of ids) await storage.createCase(newCase(id))
    for (const limit of [1, 2, 7, ids.length - 1, ids.length, ids.length + 1]) {
      const listed = await listAll(storage, { limit })
      expect(listed.map(({ id }) => id).sort(), `pages of ${limit}`).toEqual([...ids].sort())
    }
  }),

  check('listCases says that nothing follows exactly when nothing does', async (storage) => {
    for (const id of ['a', 'b', 'c', 'd']) await storage.createCase(newCase(id))
    const query = { status: null, claim: null, after: null }
    const [most, rest] = [
      await storage.listCases({ ...query, limit: 3 }),
      await storage.listCases({ ...query, limit: 4 }),
    ]
    expect([most.items.length, rest.items.length, rest.next]).toEqual([3, 4, null])
    const last = await storage.listCases({ ...query, after: requireFound(most.next), limit: 1 })
    expect([last.items.length, last.next]).toEqual([1, null])
  }),

  check('listCases filters by state and by claim, also across pages', async (storage) => {
    const statuses = ['pending', 'approved', 'declined', 'needs_review', 'approved', 'approved'] as const
    for (const [index, status] of [...statuses, ...statuses].entries()) {
      await addCase(storage, `case-${index}`)
      await move(storage, `case-${index}`, status, 1)
    }
    for (const id of ['case-1', 'case-10']) await storage.setClaim(id, CLAIM)
    const count = async (query: Partial<CaseQuery>) => (await listAll(storage, { limit: 2, ...query })).length
    expect(await count({ status: 'pending' })).toBe(2)
    expect(await count({ status: 'verified' })).toBe(6)
    expect(await count({ status: 'rejected' })).toBe(2)
    expect(await count({ status: 'review' })).toBe(2)
    expect(await count({ claim: 'present' })).toBe(2)
    expect(await count({ claim: 'missing' })).toBe(10)
    expect(await count({ status: 'rejected', claim: 'present' })).toBe(0)
    const unclaimed = await listAll(storage, { status: 'verified', claim: 'missing', limit: 1 })
    expect(unclaimed.map(({ id }) => id).sort()).toEqual(['case-11', 'case-4', 'case-5', 'case-7'])
  }),
]

/** How a case gets its inquiry, session token and claim, and how it is erased. */
export const inquiryCases: readonly ConformanceCase[] = [
  check('claimInitiation leaves the right to the creator of the case until its time', async (storage) => {
    await storage.createCase(newCase('a'))
    expect(await storage.claimInitiation('a', { currentInquiryId: null, now: at(4999), until: at(9000) })).toBeNull()
    const taken = await storage.claimInitiation('a', { currentInquiryId: null, now: at(5001), until: at(9001) })
    expect(taken).toEqual(await storage.getCase('a'))
    expect(taken?.initiatingUntil).toEqual(at(9001))
  }),

  check(
    'claimInitiation gives the right to exactly one of 50, and once it is over to exactly one again',
    async (storage) => {
      await storage.createCase(newCase('a'))
      for (let round = 1; round <= ROUNDS; round++) {
        const now = at(round * 10_000)
        const claims = await together(50, (index) =>
          storage.claimInitiation('a', { currentInquiryId: null, now, until: at(round * 10_000 + 1000 + index) }),
        )
        const winners = claims.filter((claim) => claim !== null)
        expect(winners, `round ${round}`).toHaveLength(1)
        expect(await storage.getCase('a')).toEqual(winners[0])
      }
    },
  ),

  check('claimInitiation refuses who names another inquiry than the case has', async (storage) => {
    const claim = (currentInquiryId: string | null) =>
      storage.claimInitiation('a', { currentInquiryId, now: at(6000), until: at(7000) })
    await storage.createCase(newCase('a'))
    expect(await claim('inq-a')).toBeNull()
    await attach(storage, 'a')
    expect(await claim(null)).toBeNull()
    expect(await claim('inq-b')).toBeNull()
    expect((await claim('inq-a'))?.initiatingUntil).toEqual(at(7000))
  }),

  check('claimInitiation refuses an erased case', async (storage) => {
    await storage.createCase(newCase('a'))
    await storage.eraseCase('a', at(1))
    expect(await storage.claimInitiation('a', { currentInquiryId: null, now: at(6000), until: at(7000) })).toBeNull()
  }),

  check('releaseInitiation gives the right back with the very `until` only', async (storage) => {
    await storage.createCase(newCase('a', { initiatingUntil: at(5000) }))
    for (const wrong of [at(4999), at(5001)]) {
      await storage.releaseInitiation('a', wrong)
      expect((await storage.getCase('a'))?.initiatingUntil).toEqual(at(5000))
    }
    await storage.releaseInitiation('a', at(5000))
    expect((await storage.getCase('a'))?.initiatingUntil).toBeNull()
    const taken = await storage.claimInitiation('a', { currentInquiryId: null, now: at(1), until: at(6000) })
    expect(taken).not.toBeNull()
    await storage.releaseInitiation('a', at(5000))
    expect((await storage.getCase('a'))?.initiatingUntil).toEqual(at(6000))
  }),

  check('advanceAttempt moves a case on for exactly one of 20', async (storage) => {
    await storage.createCase(newCase('a'))
    for (let attempt = 1; attempt <= ROUNDS; attempt++) {
      const answers = await together(20, () => storage.advanceAttempt('a', attempt))
      expect(answers.filter((answer) => answer !== null)).toMatchObject([{ id: 'a', inquiryAttempt: attempt + 1 }])
    }
    expect(await storage.advanceAttempt('a', ROUNDS)).toBeNull()
    expect(await storage.advanceAttempt('a', ROUNDS + 2)).toBeNull()
    expect((await storage.getCase('a'))?.inquiryAttempt).toBe(ROUNDS + 1)
  }),

  check('attachInquiry attaches the first inquiry and ends the initiation', async (storage) => {
    const { kycCase } = await storage.createCase(newCase('a'))
    const attached = await attach(storage, 'a')
    expect(attached).toEqual({
      ...kycCase,
      personaInquiryId: 'inq-a',
      personaStatus: 'created',
      initiatingUntil: null,
      sealedSessionToken: seal('token of a'),
      updatedAt: at(1000),
    })
    expect(await storage.getCase('a')).toEqual(attached)
  }),

  check('attachInquiry of the same inquiry again updates only the session token', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'pending', 10)
    const again = { personaStatus: 'created', now: at(70_000) }
    const updated = await attach(storage, 'a', { ...again, sealedSessionToken: seal('new') })
    expect(updated).toEqual({ ...kycCase, sealedSessionToken: seal('new'), updatedAt: at(70_000) })
    const kept = await attach(storage, 'a', { ...again, sealedSessionToken: null })
    expect(kept?.sealedSessionToken, 'no token leaves the one that is there').toBe(seal('new'))
    expect((await move(storage, 'a', 'approved', 9)).outcome, 'the order of events goes on').toBe('stale')
  }),

  check(
    'attachInquiry resolves with null when the case holds another inquiry than the one to replace',
    async (storage) => {
      const before = await addCase(storage, 'a')
      expect(await attach(storage, 'a', { inquiryId: 'inq-2' })).toBeNull()
      expect(await attach(storage, 'a', { inquiryId: 'inq-2', replaces: 'inq-3' })).toBeNull()
      expect(await storage.getCase('a')).toEqual(before)
      await storage.createCase(newCase('b'))
      expect(await attach(storage, 'b', { replaces: 'inq-a' })).toBeNull()
    },
  ),

  check('attachInquiry replaces an inquiry, and the order of events starts anew', async (storage) => {
    await addCase(storage, 'a')
    await move(storage, 'a', 'pending', 100)
    const replaced = await attach(storage, 'a', {
      inquiryId: 'inq-2',
      replaces: 'inq-a',
      sealedSessionToken: seal('2'),
    })
    expect(replaced).toMatchObject({
      personaInquiryId: 'inq-2',
      personaStatus: 'created',
      sealedSessionToken: seal('2'),
    })
    const old = newEvent('of the old one', { inquiryId: 'inq-a', referenceId: 'a', occurredAt: at(200) })
    expect((await storage.recordEvent(old)).outcome).toBe('stale')
    const early = newEvent('of the new one', { inquiryId: 'inq-2', occurredAt: at(50) })
    expect(await storage.recordEvent(early)).toMatchObject({ outcome: 'applied', kycCase: { status: 'verified' } })
  }),

  check('attachInquiry refuses an inquiry of another case', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await storage.createCase(newCase('b'))
    expect(await attach(storage, 'b', { inquiryId: 'inq-a' })).toBeNull()
    expect(await storage.getCase('b')).toEqual(kycCase)
    await attach(storage, 'b')
    expect(await attach(storage, 'b', { inquiryId: 'inq-a', replaces: 'inq-b' })).toBeNull()
    expect((await storage.getCase('b'))?.personaInquiryId).toBe('inq-b')
  }),

  check('attachInquiry refuses an erased case, whatever the inquiry', async (storage) => {
    await storage.createCase(newCase('a'))
    await storage.eraseCase('a', at(1))
    await addCase(storage, 'b')
    await storage.eraseCase('b', at(1))
    expect(await attach(storage, 'a')).toBeNull()
    expect(await attach(storage, 'b')).toBeNull()
    expect(await attach(storage, 'b', { inquiryId: 'inq-2', replaces: 'inq-b' })).toBeNull()
    expect(await storage.getCase('b')).toMatchObject({ sealedSessionToken: null, personaInquiryId: 'inq-b' })
  }),

  check('attachInquiry gives a decided case no session token', async (storage) => {
    for (const status of ['approved', 'declined', 'needs_review'] as const) {
      await addCase(storage, status)
      await move(storage, status, status, 1)
      expect((await attach(storage, status))?.sealedSessionToken).toBeNull()
    }
  }),

  check('attachInquiry replaces the inquiry of a pending case only', async (storage) => {
    for (const status of ['approved', 'declined', 'needs_review'] as const) {
      await addCase(storage, status)
      const { kycCase } = await move(storage, status, status, 1)
      expect(await attach(storage, status, { inquiryId: `${status}-2`, replaces: `inq-${status}` })).toBeNull()
      expect(await storage.getCase(status)).toEqual(kycCase)
    }
  }),

  check('attachInquiry lets exactly one of 50 inquiries have a case', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = `case-${round}`
      await storage.createCase(newCase(id))
      const answers = await together(50, (index) => attach(storage, id, { inquiryId: `inq-${round}-${index}` }))
      const winners = answers.filter((answer) => answer !== null)
      expect(winners, `round ${round}`).toHaveLength(1)
      expect(await storage.getCase(id)).toEqual(winners[0])
    }
  }),

  check('attachInquiry lets exactly one of 20 cases have an inquiry', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const ids = Array.from({ length: 20 }, (_, index) => `case-${round}-${index}`)
      await Promise.all(ids.map((id) => storage.createCase(newCase(id))))
      const answers = await Promise.all(ids.map((id) => attach(storage, id, { inquiryId: `inq-${round}` })))
      expect(answers.filter((answer) => answer !== null)).toHaveLength(1)
      const cases = await listAll(storage, {})
      expect(cases.filter(({ personaInquiryId }) => personaInquiryId === `inq-${round}`)).toHaveLength(1)
    }
  }),

  check('storeSessionToken stores a token for the inquiry of a pending case', async (storage) => {
    const before = await addCase(storage, 'a')
    const stored = await storage.storeSessionToken('a', SESSION)
    expect(stored).toEqual({ ...before, sealedSessionToken: seal('another token'), updatedAt: at(2000) })
    expect(await storage.getCase('a')).toEqual(stored)
  }),

  check('storeSessionToken refuses another inquiry, a decided case and an erased one', async (storage) => {
    const before = await addCase(storage, 'a')
    expect(await storage.storeSessionToken('a', { ...SESSION, inquiryId: 'inq-b' })).toBeNull()
    expect(await storage.getCase('a')).toEqual(before)
    for (const status of ['approved', 'declined', 'needs_review'] as const) {
      await addCase(storage, status)
      await move(storage, status, status, 1)
      expect(await storage.storeSessionToken(status, { ...SESSION, inquiryId: `inq-${status}` })).toBeNull()
      expect((await storage.getCase(status))?.sealedSessionToken).toBeNull()
    }
    await storage.eraseCase('a', at(1))
    expect(await storage.storeSessionToken('a', SESSION)).toBeNull()
    expect((await storage.getCase('a'))?.sealedSessionToken).toBeNull()
  }),

  check('no session token outlives a decision or an erasure that comes at the same time', async (storage) => {
    const ids = Array.from({ length: 100 }, (_, index) => `case-${index}`)
    for (const id of ids) await addCase(storage, id)
    const races = ids.flatMap((id, index) => [
      storage.storeSessionToken(id, { ...SESSION, inquiryId: `inq-${id}` }),
      index % 2 === 0 ? move(storage, id, 'approved', 1) : storage.eraseCase(id, at(3000)),
      attach(storage, id),
    ])
    await Promise.all(races)
    const cases = await listAll(storage, {})
    expect(cases.filter(({ sealedSessionToken }) => sealedSessionToken !== null)).toEqual([])
  }),

  check('setClaim stores a claim once: the same again is unchanged, another one a conflict', async (storage) => {
    await addCase(storage, 'a')
    const { kycCase } = await move(storage, 'a', 'approved', 1)
    const { now, ...reference } = CLAIM
    const withClaim = { ...kycCase, ...reference, updatedAt: now }
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'stored', kycCase: withClaim })
    expect(await storage.getCase('a')).toEqual(withClaim)
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'unchanged', kycCase: withClaim })
    for (const other of [{ kycClaimId: '0xc2' }, { kycClaimTxHash: '0xf2' }]) {
      const answer = await storage.setClaim('a', { ...CLAIM, ...other, now: at(99_000) })
      expect(answer).toEqual({ result: 'conflict', kycCase: withClaim })
    }
    expect(await storage.getCase('a')).toEqual(withClaim)
  }),

  check('setClaim refuses a case that is not verified', async (storage) => {
    const before = await addCase(storage, 'a')
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_verified', kycCase: before })
    for (const status of ['declined', 'needs_review'] as const) {
      const { kycCase } = await move(storage, 'a', status, status === 'declined' ? 1 : 2)
      expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_verified', kycCase })
    }
    expect(await storage.getCase('a')).toMatchObject({ kycClaimId: null, kycClaimTxHash: null })
  }),

  check('setClaim stores exactly one of 50 different claims', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = `case-${round}`
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
      const answers = await together(50, (index) => storage.setClaim(id, { ...CLAIM, kycClaimId: `0x${index}` }))
      const stored = answers.filter(({ result }) => result === 'stored')
      expect(stored, `round ${round}`).toHaveLength(1)
      expect(answers.filter(({ result }) => result === 'conflict')).toHaveLength(49)
      expect(answers.every(({ kycCase }) => kycCase?.kycClaimId === stored[0]?.kycCase?.kycClaimId)).toBe(true)
      expect(await storage.getCase(id)).toEqual(stored[0]?.kycCase)
    }
  }),

  check('setClaim stores one claim once for 50 callers', async (storage) => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = `case-${round}`
      await addCase(storage, id)
      await move(storage, id, 'approved', 1)
      const answers = await together(50, () => storage.setClaim(id, CLAIM))
      expect(answers.map(({ result }) => result).sort()).toEqual(['stored', ...Array(49).fill('unchanged')])
    }
  }),

  check('eraseCase drops personal data and session token, and keeps the rest', async (storage) => {
    const before = await addCase(storage, 'a')
    const erased = await storage.eraseCase('a', at(3001))
    expect(erased).toEqual({
      ...before,
      sealedPersonalData: null,
      sealedSessionToken: null,
      erasedAt: at(3001),
      updatedAt: at(3001),
    })
    expect(await storage.getCase('a')).toEqual(erased)
  }),

  check('eraseCase again keeps the time of the first erasure', async (storage) => {
    await addCase(storage, 'a')
    await storage.eraseCase('a', at(3001))
    expect((await storage.eraseCase('a', at(4001)))?.erasedAt).toEqual(at(3001))
  }),
]

function listAll(storage: KycStorage, query: Partial<CaseQuery>): Promise<KycCase[]> {
  return walk((after) => storage.listCases({ status: null, claim: null, limit: 100, ...query, after }))
}

async function expectOneCase(
  storage: KycStorage,
  userId: string,
  toKey: (index: number) => NewCase['idempotencyKey'],
): Promise<void> {
  const answers = await together(50, (index) =>
    storage.createCase(newCase(`${userId}-${index}`, { userId, idempotencyKey: toKey(index) })),
  )
  const winner = requireFound(answers.find(({ created }) => created)).kycCase
  expect(answers.filter(({ created }) => created)).toHaveLength(1)
  expect(answers.map(({ kycCase }) => kycCase)).toEqual(answers.map(() => winner))
  const stored = await listAll(storage, {})
  expect(stored.filter((kycCase) => kycCase.userId === userId)).toEqual([winner])
}

async function writeOddText(storage: KycStorage, text: string): Promise<void> {
  const sealed = seal(text)
  const odd = { userId: text, documentType: text, sealedPersonalData: sealed, idempotencyKey: text }
  expect((await storage.createCase(newCase(text, odd))).created, `a case ${text}`).toBe(true)
  await attach(storage, text, { inquiryId: text, personaStatus: text, sealedSessionToken: sealed })
  expect(await storage.getCase(text), text).toMatchObject({ personaStatus: text, sealedSessionToken: sealed })
  const effect = { ...toEffect('approved', at(1)), personaStatus: text }
  const event = newEvent(text, { name: text, inquiryId: text, referenceId: text, effect })
  expect((await storage.recordEvent(event)).outcome, `the event ${text}`).toBe('applied')
  const claim = { kycClaimId: text, kycClaimTxHash: text, now: at(80_000) }
  expect((await storage.setClaim(text, claim)).result).toBe('stored')
}

async function expectOddText(storage: KycStorage, text: string): Promise<void> {
  const kycCase = await storage.getCase(text)
  expect(kycCase).toMatchObject({
    id: text,
    userId: text,
    documentType: text,
    sealedPersonalData: seal(text),
    personaInquiryId: text,
    personaStatus: text,
    kycClaimId: text,
    kycClaimTxHash: text,
  })
  const again = await storage.createCase(newCase(`${text}!`, { userId: text, idempotencyKey: text }))
  expect(again).toEqual({ kycCase, created: false })
  const { items } = await storage.listCaseEvents(text, { after: null, limit: 5 })
  expect(items).toMatchObject([{ id: text, name: text, personaStatus: text, transition: { caseId: text } }])
  expect((await storage.recordEvent(newEvent(text))).outcome).toBe('duplicate')
}
