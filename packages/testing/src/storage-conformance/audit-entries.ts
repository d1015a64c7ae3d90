import type { AuditEntry, AuditQuery, KycStorage } from '@persona-kyc/core'
import { expect } from 'vitest'
import { createSeededRandom } from '../seeded-random.js'
import { at } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check, checkTransaction } from './conformance-case.js'
import { ODD_TEXTS } from './odd-texts.js'
import { walk } from './pages.js'
import { addCase } from './steps.js'

/** What is kept of who asked for what. */
export const auditEntryCases: readonly ConformanceCase[] = [
  check('the audit trail is empty at first', async (storage) => {
    expect(await storage.listAudit({ caseId: null, principal: null, after: null, limit: 10 })).toEqual({
      items: [],
      next: null,
    })
  }),

  check('appendAudit keeps every member of an entry, and the milliseconds of its time', async (storage) => {
    const entries = [
      newEntry('1', { decidedAt: at(1) }),
      newEntry('2', { decidedAt: at(2), verdict: 'forbidden', principal: null, action: 'kyc:list', caseId: null }),
      newEntry('3', { decidedAt: at(3), verdict: 'hidden', route: 'GET /compliance/kyc/:case_id' }),
    ]
    for (const entry of entries) expect(await storage.appendAudit(entry)).toBeUndefined()
    expect(await listEntries(storage)).toEqual(entries)
  }),

  check('appendAudit changes nothing when the same id comes again', async (storage) => {
    const entry = newEntry('1')
    await storage.appendAudit(entry)
    await storage.appendAudit(entry)
    await storage.appendAudit(newEntry('1', { principal: 'mallory', verdict: 'hidden', caseId: 'b', decidedAt: at(9) }))
    expect(await listEntries(storage)).toEqual([entry])
    expect(await listEntries(storage, { principal: 'mallory' })).toEqual([])
  }),

  check('appendAudit keeps one of 50 entries that have one id', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const id = `entry-${round}`
      const rivals = Array.from({ length: 50 }, (_, index) => newEntry(id, { caseId: id, principal: `p-${index}` }))
      await together(50, (index) => storage.appendAudit(rivals[index] ?? expect.unreachable()))
      const kept = await listEntries(storage, { caseId: id })
      expect(kept).toHaveLength(1)
      expect(rivals).toContainEqual(kept[0])
    }
  }),

  check('appendAudit loses none of 50 entries that come at once', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const caseId = `case-${round}`
      const entries = Array.from({ length: 50 }, (_, index) => newEntry(`${round}-${toPlace(index)}`, { caseId }))
      await together(50, (index) => storage.appendAudit(entries[index] ?? expect.unreachable()))
      expect(await listEntries(storage, { caseId, limit: 100 })).toEqual(entries)
    }
  }),

  check('listAudit goes by the time of the decision, then the id, in pages of any length', async (storage) => {
    const entries = Array.from({ length: 23 }, (_, index) => {
      const id = `${['b', '0', 'a'][index % 3]}${toPlace((index * 7) % 23)}`
      return newEntry(id, { decidedAt: at(Math.floor(index / 6)) })
    })
    for (const entry of entries) await storage.appendAudit(entry)
    const sorted = entries.toSorted(byPlace)
    for (const limit of [1, 2, 5, 6, 22, 23, 24]) expect(await listEntries(storage, { limit })).toEqual(sorted)
  }),

  check('listAudit goes on behind its last entry, also once more entries have come', async (storage) => {
    await storage.appendAudit(newEntry('2', { decidedAt: at(2) }))
    await storage.appendAudit(newEntry('4', { decidedAt: at(4) }))
    const first = await storage.listAudit({ caseId: null, principal: null, after: null, limit: 1 })
    await storage.appendAudit(newEntry('1', { decidedAt: at(1) }))
    await storage.appendAudit(newEntry('3', { decidedAt: at(3) }))
    const second = await storage.listAudit({ caseId: null, principal: null, after: first.next, limit: 5 })
    expect([first, second].map(({ items }) => items.map(({ id }) => id))).toEqual([['2'], ['3', '4']])
    expect(second.next).toBeNull()
  }),

  check('listAudit keeps to a case, to a principal, and to both', async (storage) => {
    const entries = Array.from({ length: 30 }, (_, index) =>
      newEntry(toPlace(index), {
        decidedAt: at(index),
        caseId: ['a', 'A', null][index % 3] ?? null,
        principal: ['ada', 'ada ', null, 'bob', ''][index % 5] ?? null,
      }),
    )
    for (const entry of entries.toReversed()) await storage.appendAudit(entry)
    for (const caseId of ['a', 'A', 'null', '', null]) {
      for (const principal of ['ada', 'ada ', 'bob', '', 'null', null]) {
        const expected = entries.filter(
          (entry) =>
            (caseId === null || entry.caseId === caseId) && (principal === null || entry.principal === principal),
        )
        for (const limit of [1, 3, 100]) {
          expect(await listEntries(storage, { caseId, principal, limit }), `${caseId} ${principal}`).toEqual(expected)
        }
      }
    }
  }),

  check('the audit trail keeps odd texts, and finds by them', async (storage) => {
    const entries = ODD_TEXTS.map((text, index) =>
      newEntry(text, { principal: text, action: text, route: text, caseId: text, decidedAt: at(index) }),
    )
    for (const entry of entries) await storage.appendAudit(entry)
    expect(await listEntries(storage, { limit: 4 })).toEqual(entries)
    for (const entry of entries) {
      expect(await listEntries(storage, { caseId: entry.caseId }), entry.id).toEqual([entry])
      expect(await listEntries(storage, { principal: entry.principal }), entry.id).toEqual([entry])
    }
  }),

  check('the audit trail keeps principals of any length, and tells them apart to the end', async (storage) => {
    const long = toLongText(5000)
    const principals = [long, `${long}!`, long.slice(0, 255), `${long.slice(0, 255)}!`]
    const entries = principals.map((principal, index) =>
      newEntry(`${index}`, { principal, caseId: long.slice(0, 255) }),
    )
    for (const entry of entries) await storage.appendAudit(entry)
    expect(await listEntries(storage, { caseId: long.slice(0, 255), limit: 1 })).toEqual(entries)
    for (const entry of entries) expect(await listEntries(storage, { principal: entry.principal })).toEqual([entry])
  }),

  check('the audit trail of a case outlives its erasure, and needs no case', async (storage) => {
    const entries = [newEntry('1', { caseId: 'a' }), newEntry('2', { caseId: 'nobody has this case' })]
    await addCase(storage, 'a')
    for (const entry of entries) await storage.appendAudit(entry)
    await storage.eraseCase('a', at(5))
    expect(await listEntries(storage)).toEqual(entries)
  }),

  checkTransaction('appendAudit is part of a transaction rolled back', async (storage, begin) => {
    const { storage: bound, rollback } = await begin()
    await bound.appendAudit(newEntry('1'))
    expect(await listEntries(bound), 'a transaction sees its own work').toHaveLength(1)
    await rollback()
    expect(await listEntries(storage)).toEqual([])
    await storage.appendAudit(newEntry('1', { principal: 'another' }))
    expect(await listEntries(storage)).toMatchObject([{ principal: 'another' }])
  }),

  checkTransaction('appendAudit is part of a transaction committed', async (storage, begin) => {
    const { storage: bound, commit } = await begin()
    await bound.appendAudit(newEntry('1'))
    await bound.appendAudit(newEntry('1', { principal: 'another' }))
    await bound.appendAudit(newEntry('2'))
    await commit()
    expect(await listEntries(storage)).toEqual([newEntry('1'), newEntry('2')])
  }),
]

/** Returns an entry to append: Ada was let read case `a`. */
export function newEntry(id: string, options: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id,
    principal: 'ada',
    action: 'kyc:read',
    route: 'GET /compliance/kyc/:case_id',
    verdict: 'allowed',
    caseId: 'a',
    decidedAt: at(0),
    ...options,
  }
}

function listEntries(storage: KycStorage, query: Partial<AuditQuery> = {}): Promise<AuditEntry[]> {
  return walk((after) => storage.listAudit({ caseId: null, principal: null, limit: 100, ...query, after }))
}

function byPlace(left: AuditEntry, right: AuditEntry): number {
  return left.decidedAt.getTime() - right.decidedAt.getTime() || (left.id < right.id ? -1 : 1)
}

function toPlace(index: number): string {
  return String(index).padStart(2, '0')
}

/** Text that no database can make shorter: what is too long for an index shows. */
function toLongText(length: number): string {
  const random = createSeededRandom(1)
  return Array.from({ length }, () => String.fromCharCode(0x4e00 + Math.floor(random() * 20_000))).join('')
}
