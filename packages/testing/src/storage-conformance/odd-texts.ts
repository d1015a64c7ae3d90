import type { KycStorage } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at, newCase, newEvent, seal, toEffect } from './builders.js'
import { newClaim, newTransaction, open, readWork, request, toAddress, toStored } from './claim-builders.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { listAll } from './pages.js'
import { attach } from './steps.js'

/** Text that storages have been seen to change, refuse, run or confuse with other text. */
export const ODD_TEXTS = [
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

/** How text that is not plain words is kept. */
export const oddTextCases: readonly ConformanceCase[] = [
  check('odd texts come back from every field as they were written, and do not meet', async (storage) => {
    for (const text of ODD_TEXTS) await writeOddText(storage, text)
    for (const text of ODD_TEXTS) await expectOddText(storage, text)
    const listed = await listAll(storage, { limit: 4 })
    expect(listed.map(({ id }) => id).sort()).toEqual([...ODD_TEXTS].sort())
    const feed = await follow(storage, { count: ODD_TEXTS.length, limit: 4 })
    expect(feed.map(({ caseId, eventId, eventName }) => [caseId, eventId, eventName])).toEqual(
      ODD_TEXTS.map((text) => [text, text, text]),
    )
  }),

  check('claims, their requests and transactions keep odd texts', async (storage) => {
    for (const [index, text] of ODD_TEXTS.entries()) {
      await request(storage, text)
      await storage.deferClaimRequest(text, { recalls: 0, revision: 1, dueAt: at(5), reason: text, attempts: 1 })
      const claim = newClaim(text, { identity: toAddress(100 + index), claimId: text, uri: text })
      expect(await storage.addClaim(claim), text).toEqual(toStored(claim))
      const moved = await storage.moveClaim(claim, { from: ['signed'], to: 'issued', supersededBy: text, now: at(50) })
      const transactions = await open(storage, [newTransaction(text, { caseId: text })])
      expect(transactions).toMatchObject([{ purpose: text, caseId: text, nonce: index }])
      const work = await readWork(storage, text)
      expect(work).toMatchObject({ request: { reason: text }, claims: [moved], transactions })
    }
  }),

  check('users whose ids differ only in case, accent, normal form or space are different', async (storage) => {
    const userIds = ['user', 'User', 'USER', 'user ', ' user', 'usér', 'use\u0301r', 'uſer', 'user\u200b']
    for (const [index, userId] of userIds.entries()) {
      const stored = await storage.createCase(newCase(`case-${index}`, { userId, idempotencyKey: 'key' }))
      expect(stored).toMatchObject({ created: true, kycCase: { userId } })
    }
  }),
]

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
