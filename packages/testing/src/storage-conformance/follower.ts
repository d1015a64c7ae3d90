import type { KycStorage, Page, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { yieldTurn } from './concurrency.js'
import { requireFound } from './found-value.js'

/**
 * Follows the feed until it has given so many transitions, then once more. A feed may lag behind: the contract says
 * that a follower misses none, not when it sees them.
 */
export async function follow(
  storage: KycStorage,
  { count, limit = 100, after = null }: { count: number; limit?: number; after?: string | null },
): Promise<Transition[]> {
  const seen: Transition[] = []
  let cursor = after
  for (let turns = 0; turns < 1000; turns++) {
    const isLast = seen.length >= count
    const page: Page<Transition> = await storage.readFeed({ after: cursor, limit })
    expect(page.items.length, 'the length of a page').toBeLessThanOrEqual(limit)
    cursor = requireFound(page.next)
    seen.push(...page.items)
    if (isLast) return seen
    if (page.items.length === 0) await yieldTurn()
  }
  expect.fail(`The feed has given ${seen.length} of ${count} transitions, and gives no more.`)
}
