import { createMemoryStorage, type FeedPage, type KycCase, type KycStorage, type Transition } from '@persona-kyc/core'
import {
  type StorageHarness,
  type StorageTransaction,
  storageConformance,
} from '@persona-kyc/testing/storage-conformance'
import { describe, expect, it } from 'vitest'
import { AUDIT_MISTAKES } from './audit-mistakes.js'
import { CLAIM_MISTAKES } from './claim-mistakes.js'
import { breakMemory, type Mistake, turn } from './mistake.js'

const MISTAKES: readonly Mistake[] = [
  {
    mistake: 'applies an event again when it comes again',
    create: () =>
      breakMemory((inner) => ({
        async recordEvent(event) {
          const recorded = await inner.recordEvent(event)
          if (recorded.outcome !== 'duplicate') return recorded
          return inner.recordEvent({ ...event, id: `${event.id} ${crypto.randomUUID()}` })
        },
      })),
    fails: ['recordEvent records one event once', 'recordEvent knows an event by its id', 'random history 1,'],
  },
  {
    mistake: 'lets the event that arrives last win',
    create: () => {
      let arrivals = 0
      return breakMemory((inner) => ({
        recordEvent: ({ effect, ...event }) =>
          inner.recordEvent({ ...event, effect: effect && { ...effect, occurredAt: new Date(arrivals++) } }),
      }))
    },
    fails: ['recordEvent brings 50 snapshots', 'recordEvent lets the higher rank', 'recordEvent tells apart'],
  },
  {
    mistake: 'compares event ids as JavaScript does, by UTF-16',
    create: () =>
      breakMemory((inner) => ({
        recordEvent: ({ effect, ...event }) => {
          const rank = (effect?.rank ?? 0) + event.id.charCodeAt(0) / 0x10000
          return inner.recordEvent({ ...event, effect: effect && { ...effect, rank } })
        },
      })),
    fails: ['recordEvent compares the ids'],
  },
  {
    mistake: 'rejects when a case reopens beside an open one',
    create: () =>
      breakMemory((inner) => ({
        async recordEvent(event) {
          const recorded = await inner.recordEvent(event)
          const { kycCase, transition } = recorded
          if (kycCase?.status !== 'review' || transition?.from !== 'rejected') return recorded
          const { userId, createdAt, documentType } = kycCase
          const probe = { id: 'probe', userId, createdAt, documentType, initiatingUntil: createdAt }
          const open = await inner.createCase({ ...probe, sealedPersonalData: null, idempotencyKey: null })
          if (open.kycCase.id !== kycCase.id) throw new Error('duplicate key value violates unique constraint')
          return recorded
        },
      })),
    fails: ['a case that goes back to review stays closed', 'of 10 cases of a user that reopen at once'],
  },
  {
    mistake: 'loses an entry of the feed',
    create: () => breakFeed((transitions) => transitions.filter(({ revision }) => revision !== 3)),
    fails: ['readFeed breaks a page', 'readFeed lets a follower'],
  },
  {
    mistake: 'gives an entry of the feed twice',
    create: () =>
      breakFeed((transitions) => transitions.flatMap((entry) => (entry.revision === 3 ? [entry, entry] : [entry]))),
    fails: ['readFeed breaks a page', 'readFeed lets a follower'],
  },
  {
    mistake: 'takes the end of the feed for the end of the page',
    create: () =>
      breakMemory((inner) => ({
        async readFeed({ after, limit }) {
          const { items } = await inner.readFeed({ after, limit })
          await turn()
          const { next } = await inner.readFeed({ after: null, limit: Number.MAX_SAFE_INTEGER })
          return { items, next, cursors: items.map(() => next) }
        },
      })),
    fails: ['readFeed lets a follower'],
  },
  {
    mistake: 'ends the feed',
    create: () =>
      breakMemory((inner) => ({
        async readFeed(query) {
          const page = await inner.readFeed(query)
          // The type forbids it, but a storage may be written in JavaScript.
          return page.items.length < query.limit ? ({ ...page, next: null } as unknown as FeedPage) : page
        },
      })),
    fails: ['readFeed of nothing', 'readFeed goes on from the `next` of its end'],
  },
  {
    mistake: 'reads whether the user has a case, then writes one',
    create: () => {
      const open = new Map<string, KycCase>()
      return breakMemory((inner) => ({
        async createCase(newCase) {
          const existing = open.get(newCase.userId)
          if (existing !== undefined) return { kycCase: existing, created: false }
          await turn()
          const { kycCase } = await inner.createCase({ ...newCase, userId: newCase.id })
          open.set(newCase.userId, { ...kycCase, userId: newCase.userId })
          return { kycCase: { ...kycCase, userId: newCase.userId }, created: true }
        },
      }))
    },
    fails: ['createCase gives 50 concurrent callers one case'],
  },
  {
    mistake: 'reads whether the initiation is free, then takes it',
    create: () =>
      breakMemory((inner) => ({
        async leaseInitiation(caseId, options) {
          const until = (await inner.getCase(caseId))?.initiatingUntil ?? null
          if (until !== null && until > options.now) return null
          await turn()
          return inner.leaseInitiation(caseId, { ...options, now: new Date(8e15) })
        },
      })),
    fails: ['leaseInitiation gives the right to exactly one of 50'],
  },
  {
    mistake: 'reads the attempt, then advances it',
    create: () =>
      breakMemory((inner) => ({
        async advanceAttempt(caseId, fromAttempt) {
          const current = await inner.getCase(caseId)
          if (current?.inquiryAttempt !== fromAttempt) return null
          await turn()
          return (await inner.advanceAttempt(caseId, fromAttempt)) ?? inner.getCase(caseId)
        },
      })),
    fails: ['advanceAttempt moves a case on'],
  },
  {
    mistake: 'reads whether there is a claim, then stores one',
    create: () =>
      breakMemory((inner) => ({
        async setClaim(caseId, claim) {
          const before = await inner.getCase(caseId)
          await turn()
          const answer = await inner.setClaim(caseId, claim)
          return before?.kycClaimId === null && answer.result !== 'not_verified'
            ? { ...answer, result: 'stored' }
            : answer
        },
      })),
    fails: ['setClaim stores exactly one of 50', 'setClaim stores one claim once'],
  },
  {
    mistake: 'keeps dates to the second',
    create: () =>
      breakMemory((inner) => ({
        createCase: (newCase) =>
          inner.createCase({ ...newCase, createdAt: new Date(Math.floor(newCase.createdAt.getTime() / 1000) * 1000) }),
      })),
    fails: ['a new case comes back', 'dates keep their milliseconds', 'listCases goes by the time of creation'],
  },
  {
    mistake: 'takes user ids without regard to case',
    create: () =>
      breakMemory((inner) => ({
        createCase: (newCase) => inner.createCase({ ...newCase, userId: newCase.userId.toLowerCase() }),
      })),
    fails: ['users whose ids differ only in case', 'odd texts come back'],
  },
  {
    mistake: 'pages by the time of creation alone',
    create: () =>
      breakMemory((inner) => ({
        async listCases({ after, limit, ...filter }) {
          const { items } = await inner.listCases({ ...filter, after: null, limit: 10_000 })
          const rest = items.filter(({ createdAt }) => after === null || createdAt.toISOString() > after)
          const last = rest[limit - 1]
          return {
            items: rest.slice(0, limit),
            next: rest.length > limit && last ? last.createdAt.toISOString() : null,
          }
        },
      })),
    fails: ['listCases walks cases of one time once each', 'listCases filters'],
  },
  {
    mistake: 'announces a page after the last',
    create: () =>
      breakMemory((inner) => ({
        async listCases(query) {
          const page = await inner.listCases(query)
          const last = page.items.at(-1)
          return {
            ...page,
            next: last && page.items.length === query.limit ? `${last.createdAt.toISOString()} ${last.id}` : null,
          }
        },
      })),
    fails: ['listCases says that nothing follows'],
  },
  {
    mistake: 'lists erased cases among those that miss a claim',
    create: () =>
      breakMemory((inner) => ({
        async listCases({ claim, ...query }) {
          if (claim !== 'missing') return inner.listCases({ claim, ...query })
          const page = await inner.listCases({ claim: null, ...query })
          return { ...page, items: page.items.filter(({ kycClaimId }) => kycClaimId === null) }
        },
      })),
    fails: ['listCases leaves an erased case out'],
  },
  {
    mistake: 'lets an initiation go on in an erased case',
    create: () =>
      breakMemory((inner) => ({
        async eraseCase(caseId, now) {
          const before = await inner.getCase(caseId)
          const erased = await inner.eraseCase(caseId, now)
          return erased && { ...erased, initiatingUntil: before?.initiatingUntil ?? null }
        },
      })),
    fails: ['eraseCase ends an initiation'],
  },
  {
    mistake: 'lets a token into a case that was decided or erased meanwhile',
    create: () =>
      breakMemory((inner) => {
        const tokens = new Map<string, KycCase['sealedSessionToken']>()
        const withToken = (kycCase: KycCase) => ({ ...kycCase, sealedSessionToken: tokens.get(kycCase.id) ?? null })
        return {
          async storeSessionToken(caseId, session) {
            const stored = await inner.storeSessionToken(caseId, session)
            await turn()
            if (stored !== null) tokens.set(caseId, session.sealedSessionToken)
            return stored
          },
          async listCases(query) {
            const page = await inner.listCases(query)
            return { ...page, items: page.items.map(withToken) }
          },
        }
      }),
    fails: ['no session token outlives'],
  },
  ...CLAIM_MISTAKES,
  ...AUDIT_MISTAKES,
]

describe('the storage conformance suite', () => {
  it('gives each of its cases a name of its own', () => {
    expect(new Set(storageConformance.map(({ name }) => name)).size).toBe(storageConformance.length)
  })

  for (const { mistake, create, fails } of MISTAKES) {
    for (const name of fails) {
      it(`notices a storage that ${mistake}: ${name}`, () => expectNoticed(name, { create: async () => create() }))
    }
  }

  it('notices storages that share their cases', () => {
    const storage = createMemoryStorage()
    return expectNoticed('two storages share nothing', { create: async () => storage })
  })

  it('closes what a case has created, also when it fails', async () => {
    let closed = 0
    const close = async () => {
      closed++
    }
    await findCase('a new case').run({ create: async () => createMemoryStorage(), close })
    await expect(
      findCase('a new case').run({ create: () => Promise.reject(new Error('down')), close }),
    ).rejects.toThrow('down')
    expect(closed).toBe(2)
  })
})

describe('the storage conformance suite on transactions', () => {
  for (const { name, needsTransaction, run } of storageConformance) {
    if (!needsTransaction) continue
    it(`accepts a storage that keeps them: ${name}`, () => run(createTransactionHarness()))

    it(`needs a harness that begins them: ${name}`, async () => {
      await expect(run({ create: async () => createMemoryStorage() })).rejects.toThrow('beginTransaction')
    })
  }

  it('notices a rollback that keeps what was done', () =>
    expectNoticed('a transaction rolled back', createTransactionHarness({ onRollback: 'commit' })))

  it('notices an audit trail that is no part of a transaction', async () => {
    await expectNoticed(
      'appendAudit is part of a transaction rolled',
      createTransactionHarness({ onRollback: 'commit' }),
    )
    await expectNoticed('appendAudit is part of a transaction comm', createTransactionHarness({ onCommit: 'rollback' }))
  })

  it('notices a commit that loses what was done', () =>
    expectNoticed('a transaction committed', createTransactionHarness({ onCommit: 'rollback' })))

  it('notices a feed that goes by a sequence, which is drawn before the commit', () =>
    expectNoticed('a follower misses no transition', createTransactionHarness({ feed: 'sequence' })))
})

/** Asserts that the case fails by an assertion of its own, or by what the storage threw at it. */
async function expectNoticed(start: string, harness: StorageHarness): Promise<void> {
  const failure = await findCase(start)
    .run(harness)
    .catch((error: unknown) => error)
  expect(String(failure)).toMatch(/^AssertionError|duplicate key value/)
}

function findCase(start: string) {
  const found = storageConformance.filter(({ name }) => name.startsWith(start))
  expect(found, `cases that start with "${start}"`).toHaveLength(1)
  return found[0] ?? expect.unreachable()
}

/** A memory storage with a feed of other entries, paged by their index. */
function breakFeed(toEntries: (transitions: readonly Transition[]) => readonly Transition[]): KycStorage {
  return breakMemory((inner) => ({
    async readFeed({ after, limit }) {
      const { items } = await inner.readFeed({ after: null, limit: 100_000 })
      const start = Number(after ?? 0)
      const page = toEntries(items).slice(start, start + limit)
      const cursors = page.map((_, index) => String(start + index + 1))
      return { items: page, next: String(start + page.length), cursors }
    },
  }))
}

type Call = (storage: KycStorage) => Promise<unknown>

/**
 * Gives the memory storage transactions: one works on a copy, made by doing again all that was done, and its commit does
 * its own calls again on the original.
 */
function createTransactionHarness({
  onCommit = 'commit',
  onRollback = 'rollback',
  feed = 'commits',
}: {
  onCommit?: 'commit' | 'rollback'
  onRollback?: 'commit' | 'rollback'
  feed?: 'commits' | 'sequence'
} = {}): StorageHarness {
  const histories = new Map<KycStorage, Call[]>()
  const sequence = new Map<string, number>()

  const open = (inner: KycStorage): KycStorage => {
    const history: Call[] = []
    const storage = toRecording(feed === 'commits' ? inner : toSequenced(inner, sequence), history)
    histories.set(storage, history)
    return storage
  }
  const replay = async (from: KycStorage, to: KycStorage) => {
    for (const call of [...(histories.get(from) ?? [])]) await call(to)
  }
  const beginTransaction = async (original: KycStorage): Promise<StorageTransaction> => {
    const copy = createMemoryStorage()
    await replay(original, copy)
    const storage = open(copy)
    const end = (how: 'commit' | 'rollback') => async () => {
      if (how === 'commit') await replay(storage, original)
    }
    return { storage, commit: end(onCommit), rollback: end(onRollback) }
  }
  return { create: async () => open(createMemoryStorage()), beginTransaction }
}

/** Keeps the calls of a storage, to be made again on another. */
function toRecording(inner: KycStorage, history: Call[]): KycStorage {
  return new Proxy(inner, {
    get(target, name) {
      // A promise that resolves with the storage asks whether it has a `then`.
      if (!(name in target)) return undefined
      return (...args: unknown[]) => {
        const call: Call = (storage) => Reflect.apply(Reflect.get(storage, name), storage, args)
        history.push(call)
        return call(target)
      }
    },
  })
}

/** Orders the feed by a number that each event draws as it is recorded, before its transaction ends. */
function toSequenced(inner: KycStorage, sequence: Map<string, number>): KycStorage {
  const toNumber = ({ eventId }: Transition) => sequence.get(eventId) ?? 0
  return {
    ...inner,
    recordEvent(event) {
      if (!sequence.has(event.id)) sequence.set(event.id, sequence.size + 1)
      return inner.recordEvent(event)
    },
    async readFeed({ after, limit }) {
      const { items } = await inner.readFeed({ after: null, limit: 100_000 })
      const rest = items.filter((entry) => toNumber(entry) > Number(after ?? 0))
      const page = rest.sort((left, right) => toNumber(left) - toNumber(right)).slice(0, limit)
      const last = page.at(-1)
      const cursors = page.map((entry) => String(toNumber(entry)))
      return { items: page, next: last === undefined ? (after ?? '0') : String(toNumber(last)), cursors }
    },
  }
}
