import type { CaseEvent, KycStorage, Page, PageQuery, StoredEvent } from '@persona-kyc/core'

/** All events of a storage, those of cases and those without one. */
export async function listStoredEvents(storage: KycStorage): Promise<(CaseEvent | StoredEvent)[]> {
  const events: (CaseEvent | StoredEvent)[] = await walk((query) => storage.listUnmatchedEvents(query))
  for (const { id } of await walk((query) => storage.listCases({ ...query, status: null, claim: null }))) {
    events.push(...(await walk((query) => storage.listCaseEvents(id, query))))
  }
  return events
}

/** The items of all pages. */
export async function walk<Item>(readPage: (query: PageQuery) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let after: string | null = null
  do {
    const page: Page<Item> = await readPage({ after, limit: 500 })
    items.push(...page.items)
    after = page.next
  } while (after !== null)
  return items
}
