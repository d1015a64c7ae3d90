import type { Consumer, ConsumerStorage, DeadLetter, NewDeadLetter } from './consumer-storage.js'
import { toPage } from './memory-page.js'
import type { Transition } from './storage.js'

type ConsumerRow = Omit<Consumer, 'deadLetters'>
type Letter = NewDeadLetter & Pick<DeadLetter, 'consumer' | 'replayRequestedAt'>

/** The consumers of a feed in memory, and the function that tells watchers of its growth. */
export interface MemoryConsumers extends ConsumerStorage {
  announceGrowth(): void
}

/** Returns the part of the storage in memory that is about consumers. */
export function createMemoryConsumers(feed: readonly Transition[]): MemoryConsumers {
  const consumers = new Map<string, ConsumerRow>()
  const letters = new Map<string, Letter>()
  const listeners = new Set<() => void>()

  const listOf = (consumer: string | null) =>
    [...letters.entries()]
      .filter(([, letter]) => consumer === null || letter.consumer === consumer)
      .sort(([left], [right]) => (left < right ? -1 : 1))
  const isHeldBy = (name: string, fence: number) => {
    const row = consumers.get(name)
    return row !== undefined && row.fence === fence && row.leasedUntil !== null
  }
  const change = (name: string, fence: number, changes: Partial<ConsumerRow>) => {
    const row = consumers.get(name)
    if (row === undefined || !isHeldBy(name, fence)) return false
    consumers.set(name, { ...row, ...changes })
    return true
  }
  const takeBackRequests = (consumer: string, caseId: string) => {
    for (const [key, letter] of listOf(consumer)) {
      if (letter.caseId === caseId) letters.set(key, { ...letter, replayRequestedAt: null })
    }
  }

  return {
    async leaseConsumer(name, { now, until }) {
      const row = consumers.get(name) ?? { name, fence: 0, cursor: null, attempts: 0, leasedUntil: null }
      if (row.leasedUntil !== null && row.leasedUntil > now) return null
      const attempts = row.attempts + (row.leasedUntil === null ? 0 : 1)
      const leased = { ...row, fence: row.fence + 1, attempts, leasedUntil: until }
      consumers.set(name, leased)
      return { fence: leased.fence, cursor: leased.cursor, attempts }
    },

    async renewConsumer(name, { fence, until }) {
      return change(name, fence, { leasedUntil: until })
    },

    async releaseConsumer(name, fence) {
      change(name, fence, { leasedUntil: null })
    },

    async saveConsumer(name, { fence, cursor, attempts, until, deadLetter }) {
      if (!change(name, fence, { cursor, attempts, leasedUntil: until })) return false
      const key = deadLetter === null ? null : toKey(name, deadLetter)
      if (deadLetter !== null && key !== null && !letters.has(key)) {
        letters.set(key, { ...deadLetter, consumer: name, replayRequestedAt: null })
      }
      return true
    },

    async listConsumers() {
      const rows = [...consumers.values()].sort((left, right) => (left.name < right.name ? -1 : 1))
      return rows.map((row) => ({ ...row, deadLetters: listOf(row.name).length }))
    },

    async hasDeadLetter(consumer, caseId) {
      return listOf(consumer).some(([, letter]) => letter.caseId === caseId)
    },

    async listDeadLetters({ consumer, isDue, after, limit }) {
      const all = listOf(consumer)
      const isOfDueCase = (letter: Letter) =>
        all.some(
          ([, other]) =>
            other.consumer === letter.consumer && other.caseId === letter.caseId && other.replayRequestedAt !== null,
        )
      const matching = all.filter(([key, letter]) => (after === null || key > after) && (!isDue || isOfDueCase(letter)))
      const { items, next } = toPage(matching, limit, ([key]) => key)
      return { items: items.flatMap(([, letter]) => toDeadLetter(letter, feed)), next }
    },

    async requestReplay(consumer, { caseId, now }) {
      const asked = listOf(consumer).filter(([, letter]) => caseId === null || letter.caseId === caseId)
      for (const [key, letter] of asked) letters.set(key, { ...letter, replayRequestedAt: now })
      return asked.length
    },

    async settleDeadLetter(consumer, { fence, caseId, revision, result, error }) {
      if (!isHeldBy(consumer, fence)) return false
      const key = toKey(consumer, { caseId, revision })
      const letter = letters.get(key)
      if (letter === undefined) return true
      if (result === 'done') letters.delete(key)
      else {
        letters.set(key, { ...letter, reason: 'failed', attempts: letter.attempts + 1, error })
        takeBackRequests(consumer, caseId)
      }
      return true
    },

    watchFeed(listener) {
      const call = () => listener()
      listeners.add(call)
      return () => {
        listeners.delete(call)
      }
    },

    announceGrowth() {
      for (const listener of listeners) listener()
    },
  }
}

/** Sorts by consumer, case and revision. */
function toKey(consumer: string, { caseId, revision }: Pick<NewDeadLetter, 'caseId' | 'revision'>): string {
  return `${consumer} ${caseId} ${String(revision).padStart(10, '0')}`
}

function toDeadLetter({ caseId, revision, ...letter }: Letter, feed: readonly Transition[]): DeadLetter[] {
  const transition = feed.find((candidate) => candidate.caseId === caseId && candidate.revision === revision)
  return transition === undefined ? [] : [{ ...letter, transition }]
}
