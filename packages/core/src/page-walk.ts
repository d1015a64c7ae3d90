import { PersonaApiError } from './persona-error.js'

/** One page of a list of Persona's. */
export interface PersonaPage<Item> {
  readonly items: readonly Item[]
  /** Pass as `after` for the page that follows; null for the last. */
  readonly next: string | null
}

/** Yields the items of all pages, and asks for the next page only when it is needed. */
export async function* walkPages<Item>(
  readPage: (after: string | undefined) => Promise<PersonaPage<Item>>,
): AsyncGenerator<Item, void> {
  let after: string | undefined
  do {
    const { items, next } = await readPage(after)
    yield* items
    // A page that leads to itself would be asked for forever.
    if (next !== null && next === after) throw new PersonaApiError('persona_unexpected_answer')
    after = next ?? undefined
  } while (after !== undefined)
}

/** The cursor of a relative link such as `/api/v1/inquiries?page%5Bafter%5D=inq_…`; null where it has none. */
export function toPageCursor(link: string | null | undefined): string | null {
  if (link === null || link === undefined) return null
  return new URLSearchParams(link.slice(link.indexOf('?') + 1)).get('page[after]') || null
}
