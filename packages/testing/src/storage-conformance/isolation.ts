import { expect } from 'vitest'
import { newEntry } from './audit-entries.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { follow } from './follower.js'
import { addCase, move } from './steps.js'

/** What storages do not share. */
export const isolationCases: readonly ConformanceCase[] = [
  check('two storages share nothing', async (storage, harness) => {
    const other = await harness.create()
    await addCase(storage, 'a', { idempotencyKey: 'key' })
    await move(storage, 'a', 'approved', 1)
    expect(await other.getCase('a')).toBeNull()
    expect((await other.readFeed({ after: null, limit: 10 })).items).toEqual([])
    await storage.appendAudit(newEntry('1'))
    expect((await other.listAudit({ caseId: null, principal: null, after: null, limit: 10 })).items).toEqual([])
    await addCase(other, 'a', { idempotencyKey: 'key' })
    expect((await move(other, 'a', 'approved', 1)).outcome).toBe('applied')
    expect(await follow(storage, { count: 1 })).toHaveLength(1)
    expect((await storage.listCases({ status: null, claim: null, after: null, limit: 10 })).items).toHaveLength(1)
  }),
]
