import { toBadRequest } from './rejection.js'

/** A page of a list as the API answers it. */
export interface Page<T> {
  readonly data: T[]
  readonly links: { readonly prev: string | null; readonly next: string | null }
}

interface Item {
  readonly id: string
}

const PAGE_PARAMETERS = ['page[after]', 'page[before]', 'page[size]'] as const
const DEFAULT_SIZE = 10
const MAX_SIZE = 100

/** Where a list is and which part of it is asked for. */
export interface PageRequest<T> {
  /** The path after `/api/v1`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly matches: (item: T) => boolean
}

/**
 * Returns the requested page of the matching items, which are ordered newest first. Links are relative and keep the
 * filters. A cursor keeps its place also when its own item has stopped matching.
 */
export function toPage<T extends Item>(items: readonly T[], { path, query, matches }: PageRequest<T>): Page<T> {
  const size = requireSize(query.get('page[size]'))
  const [newer, older] = splitAtCursor(items, query)
  const newerMatches = newer.filter(matches)
  const olderMatches = older.filter(matches)
  const isBackwards = query.has('page[before]')
  const data = isBackwards ? newerMatches.slice(-size) : olderMatches.slice(0, size)
  const hasPrevious = isBackwards ? newerMatches.length > size : newerMatches.length > 0
  const hasNext = isBackwards ? olderMatches.length > 0 : olderMatches.length > size
  const links = {
    prev: hasPrevious ? toLink(path, query, 'before', data.at(0)) : null,
    next: hasNext ? toLink(path, query, 'after', data.at(-1)) : null,
  }
  return { data, links }
}

/** Throws Persona's 400 for a query parameter that the operation does not have. */
export function requireKnownParameters(query: URLSearchParams, filters: readonly string[]): void {
  const known = new Set<string>([...PAGE_PARAMETERS, ...filters.map((name) => `filter[${name}]`), 'include'])
  for (const name of query.keys()) {
    if (!known.has(name) && !name.startsWith('fields[')) throw toBadRequest(`${name} is not allowed`)
  }
}

function requireSize(text: string | null): number {
  const size = text === null ? DEFAULT_SIZE : Number(text)
  if (Number.isInteger(size) && size >= 1 && size <= MAX_SIZE) return size
  throw toBadRequest(`page[size] must be between 1 and ${MAX_SIZE}`)
}

/** The items before and after the requested place; the cursor's own item belongs to the side that is not asked for. */
function splitAtCursor<T extends Item>(items: readonly T[], query: URLSearchParams): [readonly T[], readonly T[]] {
  const after = query.get('page[after]')
  const before = query.get('page[before]')
  if (after !== null && before !== null) throw toBadRequest('page[after] and page[before] exclude each other')
  const cursor = after ?? before
  if (cursor === null) return [[], items]
  const index = items.findIndex((item) => item.id === cursor)
  if (index === -1) throw toBadRequest('The cursor is not the id of an object in this list')
  const place = after === null ? index : index + 1
  return [items.slice(0, place), items.slice(place)]
}

function toLink(path: string, query: URLSearchParams, cursor: string, item: Item | undefined) {
  if (item === undefined) return null
  const kept = [...query].filter(([name]) => name !== 'page[after]' && name !== 'page[before]')
  return `/api/v1${path}?${new URLSearchParams([[`page[${cursor}]`, item.id], ...kept])}`
}
