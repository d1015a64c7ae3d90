import type { Page } from './storage.js'

/** The first `limit` items as a page, with a cursor where there are more. */
export function toPage<Item>(items: readonly Item[], limit: number, toCursor: (item: Item) => string): Page<Item> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return { items: page, next: items.length > limit && last !== undefined ? toCursor(last) : null }
}
