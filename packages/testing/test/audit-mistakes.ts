import type { AuditEntry, AuditQuery, KycStorage } from '@persona-kyc/core'
import { breakMemory, type Mistake, turn } from './mistake.js'

/** Ways to get the part of the contract wrong that is about the audit trail. */
export const AUDIT_MISTAKES: readonly Mistake[] = [
  {
    mistake: 'overwrites an entry when its id comes again',
    create: () =>
      breakAudit({
        append: (entries, entry) => [...entries.filter(({ id }) => id !== entry.id), entry],
      }),
    fails: ['appendAudit changes nothing when'],
  },
  {
    mistake: 'appends an entry again when its id comes again',
    create: () => breakAudit({ append: (entries, entry) => [...entries, entry] }),
    fails: ['appendAudit changes nothing when', 'appendAudit keeps one of 50'],
  },
  {
    mistake: 'reads the trail, then writes it back with one entry more',
    create: () => {
      let stored: readonly AuditEntry[] = []
      return breakMemory(() => ({
        async appendAudit(entry) {
          const present = stored
          await turn()
          stored = [...present, entry]
        },
        listAudit: async (query) => toAuditPage(stored, query),
      }))
    },
    fails: ['appendAudit loses none of 50'],
  },
  {
    mistake: 'looks for the id, then appends',
    create: () => {
      const stored: AuditEntry[] = []
      return breakMemory(() => ({
        async appendAudit(entry) {
          const isKnown = stored.some(({ id }) => id === entry.id)
          await turn()
          if (!isKnown) stored.push(entry)
        },
        listAudit: async (query) => toAuditPage(stored, query),
      }))
    },
    fails: ['appendAudit keeps one of 50'],
  },
  {
    mistake: 'keeps the time of a decision in seconds',
    create: () => breakMemory((inner) => ({ appendAudit: (entry) => inner.appendAudit(inSeconds(entry)) })),
    fails: ['appendAudit keeps every member'],
  },
  {
    mistake: 'lists entries in the order in which they came',
    create: () => breakAudit({ compare: () => 0 }),
    fails: ['listAudit goes by the time', 'listAudit goes on behind'],
  },
  {
    mistake: 'goes on behind the time of its last entry, whatever the id',
    create: () =>
      breakAudit({ isAfter: (entry, cursor) => entry.decidedAt.toISOString() > (cursor.split(' ')[0] ?? '') }),
    fails: ['listAudit goes by the time', 'the audit trail keeps principals of any length'],
  },
  {
    mistake: 'goes by offsets, which later entries shift',
    create: () =>
      breakMemory((inner) => ({
        async listAudit({ after, limit, ...query }) {
          const { items } = await inner.listAudit({ ...query, after: null, limit: 100_000 })
          const start = Number(after ?? 0)
          return {
            items: items.slice(start, start + limit),
            next: start + limit < items.length ? String(start + limit) : null,
          }
        },
      })),
    fails: ['listAudit goes on behind'],
  },
  {
    mistake: 'forgets the principal where a case is asked for',
    create: () =>
      breakMemory((inner) => ({
        listAudit: ({ principal, ...query }) =>
          inner.listAudit({ ...query, principal: query.caseId === null ? principal : null }),
      })),
    fails: ['listAudit keeps to a case'],
  },
  {
    mistake: 'takes an empty principal for none',
    create: () =>
      breakMemory((inner) => ({
        listAudit: ({ principal, ...query }) => inner.listAudit({ ...query, principal: principal || null }),
      })),
    fails: ['listAudit keeps to a case'],
  },
  {
    mistake: 'cuts a page before it filters',
    create: () =>
      breakMemory((inner) => ({
        async listAudit({ caseId, principal, after, limit }) {
          const page = await inner.listAudit({ caseId: null, principal: null, after, limit })
          const items = page.items.filter(
            (entry) =>
              (caseId === null || entry.caseId === caseId) && (principal === null || entry.principal === principal),
          )
          return { items, next: items.length < limit ? null : page.next }
        },
      })),
    fails: ['listAudit keeps to a case'],
  },
  {
    mistake: 'compares principals without their case',
    create: () => breakPrincipals((principal) => principal.toLowerCase()),
    fails: ['the audit trail keeps odd texts'],
  },
  {
    mistake: 'compares the first 255 characters of principals',
    create: () => breakPrincipals((principal) => principal.slice(0, 255)),
    fails: ['the audit trail keeps principals of any length'],
  },
  {
    mistake: 'refuses principals that are too long for its index',
    create: () =>
      breakMemory((inner) => ({
        async appendAudit(entry) {
          if ((entry.principal ?? '').length > 2704)
            throw new Error('duplicate key value or index row size exceeds 2704')
          await inner.appendAudit(entry)
        },
      })),
    fails: ['the audit trail keeps principals of any length'],
  },
  {
    mistake: 'removes the entries of a case that is erased',
    create: () => {
      const erased = new Set<string | null>()
      return breakMemory((inner) => ({
        async eraseCase(caseId, now) {
          erased.add(caseId)
          return inner.eraseCase(caseId, now)
        },
        async listAudit(query) {
          const { items, next } = await inner.listAudit(query)
          return { items: items.filter(({ caseId }) => !erased.has(caseId)), next }
        },
      }))
    },
    fails: ['the audit trail of a case outlives'],
  },
  {
    mistake: 'keeps no entry of a case that is not there',
    create: () =>
      breakMemory((inner) => ({
        async appendAudit(entry) {
          if (entry.caseId !== null && (await inner.getCase(entry.caseId)) !== null) await inner.appendAudit(entry)
        },
      })),
    fails: ['the audit trail of a case outlives'],
  },
]

interface Trail {
  append(entries: readonly AuditEntry[], entry: AuditEntry): readonly AuditEntry[]
  compare(left: AuditEntry, right: AuditEntry): number
  isAfter(entry: AuditEntry, cursor: string): boolean
}

const GOOD_TRAIL: Trail = {
  append: (entries, entry) => (entries.some(({ id }) => id === entry.id) ? entries : [...entries, entry]),
  compare: (left, right) => (toPlace(left) < toPlace(right) ? -1 : 1),
  isAfter: (entry, cursor) => toPlace(entry) > cursor,
}

/** A memory storage with an audit trail of its own, good but for the given parts. */
function breakAudit(broken: Partial<Trail>): KycStorage {
  const trail = { ...GOOD_TRAIL, ...broken }
  let stored: readonly AuditEntry[] = []
  return breakMemory(() => ({
    async appendAudit(entry) {
      stored = trail.append(stored, entry)
    },
    listAudit: async (query) => toAuditPage(stored, query, trail),
  }))
}

/** A memory storage that finds entries by what it makes of their principals. */
function breakPrincipals(toKey: (principal: string) => string): KycStorage {
  return breakMemory((inner) => ({
    async listAudit({ principal, ...query }) {
      const page = await inner.listAudit({ ...query, principal: null, limit: 100_000 })
      const isFound = (entry: AuditEntry) =>
        principal === null || (entry.principal !== null && toKey(entry.principal) === toKey(principal))
      return { items: page.items.filter(isFound), next: null }
    },
  }))
}

function toAuditPage(
  entries: readonly AuditEntry[],
  { caseId, principal, after, limit }: AuditQuery,
  { compare, isAfter }: Pick<Trail, 'compare' | 'isAfter'> = GOOD_TRAIL,
) {
  const matching = entries
    .filter((entry) => (caseId ?? entry.caseId) === entry.caseId)
    .filter((entry) => (principal ?? entry.principal) === entry.principal)
    .toSorted(compare)
    .filter((entry) => after === null || isAfter(entry, after))
  const items = matching.slice(0, limit)
  const last = items.at(-1)
  return { items, next: matching.length > limit && last !== undefined ? toPlace(last) : null }
}

function inSeconds(entry: AuditEntry): AuditEntry {
  return { ...entry, decidedAt: new Date(Math.floor(entry.decidedAt.getTime() / 1000) * 1000) }
}

function toPlace({ decidedAt, id }: AuditEntry): string {
  return `${decidedAt.toISOString()} ${id}`
}
