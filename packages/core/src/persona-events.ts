import * as z from 'zod'
import { EventError } from './errors.js'
import { type PersonaEvent, toEvent } from './events.js'
import { isJsonObject, type JsonObject } from './inflection.js'
import { type PersonaPage, toPageCursor, walkPages } from './page-walk.js'
import { requireShape, toResourcePath } from './persona-answer.js'
import type { SendRequest } from './request.js'

/** Which events to list. */
export interface ListEventsOptions {
  readonly name?: string | undefined
  /** The id of what the events are about, such as `inq_…`. */
  readonly objectId?: string | undefined
  /** 1 to 100 a page; default 100. */
  readonly pageSize?: number | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** A page of events. */
export interface PersonaEventPage extends PersonaPage<PersonaEvent> {
  /** How many events of the page could not be read, and are not among the items. */
  readonly unreadable: number
}

/** Persona's events, which it keeps for 30 days. Every call rejects with PersonaApiError. */
export interface PersonaEvents {
  /** Yields the events that can be read, newest first, and asks for the next page only when it is needed. */
  list(options?: Omit<ListEventsOptions, 'after'>): AsyncIterableIterator<PersonaEvent>
  /** Resolves with one page. */
  listPage(options?: ListEventsOptions): Promise<PersonaEventPage>
  /** Rejects with EventError where the event cannot be read. */
  retrieve(eventId: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<PersonaEvent>
}

const pageSchema = z.looseObject({
  data: z.array(z.custom<JsonObject>(isJsonObject)),
  links: z.looseObject({ next: z.string().nullish() }),
})
const answerSchema = z.looseObject({ data: z.custom<JsonObject>(isJsonObject) })

/** Returns the calls on events over that sender. */
export function createPersonaEvents(send: SendRequest): PersonaEvents {
  const listPage = async ({ name, objectId, pageSize = 100, after, signal }: ListEventsOptions = {}) => {
    const query = {
      'filter[name]': name,
      'filter[object-id]': objectId,
      'page[size]': pageSize,
      'page[after]': after,
    }
    const { data, links } = requireShape(pageSchema, await send({ method: 'GET', path: '/events', query, signal }))
    const items = data.flatMap(toReadable)
    return { items, unreadable: data.length - items.length, next: toPageCursor(links.next) }
  }
  return {
    list: (options = {}) => walkPages((after) => listPage({ ...options, after })),
    listPage,
    async retrieve(eventId, { signal } = {}) {
      const answer = await send({ method: 'GET', path: toResourcePath('/events', eventId), signal })
      return toEvent({ data: requireShape(answerSchema, answer).data })
    },
  }
}

/** One event that cannot be read must not keep all others from being. */
function toReadable(event: JsonObject): PersonaEvent[] {
  try {
    return [toEvent({ data: event })]
  } catch (error) {
    if (error instanceof EventError) return []
    throw error
  }
}
