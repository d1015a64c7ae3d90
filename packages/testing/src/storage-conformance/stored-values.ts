import type { KycCase } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at, CLAIM, newCase, newEvent, SESSION, seal, toEffect } from './builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { listAll } from './pages.js'
import { addCase, attach } from './steps.js'

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

const UNKNOWN = { currentInquiryId: null, now: at(1), until: at(2) }

/** How what was written is read back. */
export const storedValueCases: readonly ConformanceCase[] = [
  check('a new case comes back with every field', async (storage) => {
    const expected: KycCase = {
      id: 'a',
      userId: 'user-a',
      documentType: 'passport',
      status: 'pending',
      revision: 0,
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
    const cases = await listAll(storage, { limit: 1 })
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
    expect(await storage.leaseInitiation('a', UNKNOWN)).toBeNull()
    expect(await storage.advanceAttempt('a', 1)).toBeNull()
    expect(await attach(storage, 'a')).toBeNull()
    expect(await storage.storeSessionToken('a', SESSION)).toBeNull()
    expect(await storage.setClaim('a', CLAIM)).toEqual({ result: 'not_found', kycCase: null })
    expect(await storage.clearClaim('a', CLAIM)).toEqual({ result: 'not_found', kycCase: null })
    expect(await storage.eraseCase('a', at(1))).toBeNull()
    expect(await storage.listCaseEvents('a', { after: null, limit: 5 })).toEqual({ items: [], next: null })
    await storage.releaseInitiation('a', at(1))
    await storage.ping()
  }),
]
