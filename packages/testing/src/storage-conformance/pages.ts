import type { CaseQuery, KycCase, KycStorage, Page } from '@persona-kyc/core'
import { expect } from 'vitest'

/** Reads page after page until there is no next one. */
export async function walk<Item>(read: (after: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let after: string | null = null
  for (let pages = 0; pages < 10_000; pages++) {
    const page: Page<Item> = await read(after)
    items.push(...page.items)
    if (page.next === null) return items
    after = page.next
  }
  expect.fail('The pages do not end.')
}

/** Reads all cases that a query asks for, in pages of 100 unless told. */
export function listAll(storage: KycStorage, query: Partial<CaseQuery>): Promise<KycCase[]> {
  return walk((after) => storage.listCases({ status: null, claim: null, limit: 100, ...query, after }))
}
