import { expect } from 'vitest'
import { at, newCase, newEvent, seal } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { listAll } from './pages.js'
import { addCase, attach, move } from './steps.js'

/** How a case gets its inquiry, and another in its place. */
export const inquiryCases: readonly ConformanceCase[] = [
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
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const id = `case-${round}`
      await storage.createCase(newCase(id))
      const answers = await together(50, (index) => attach(storage, id, { inquiryId: `inq-${round}-${index}` }))
      const winners = answers.filter((answer) => answer !== null)
      expect(winners, `round ${round}`).toHaveLength(1)
      expect(await storage.getCase(id)).toEqual(winners[0])
    }
  }),

  check('attachInquiry lets exactly one of 20 cases have an inquiry', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const ids = Array.from({ length: 20 }, (_, index) => `case-${round}-${index}`)
      await Promise.all(ids.map((id) => storage.createCase(newCase(id))))
      const answers = await Promise.all(ids.map((id) => attach(storage, id, { inquiryId: `inq-${round}` })))
      expect(answers.filter((answer) => answer !== null)).toHaveLength(1)
      const cases = await listAll(storage, {})
      expect(cases.filter(({ personaInquiryId }) => personaInquiryId === `inq-${round}`)).toHaveLength(1)
    }
  }),
]
