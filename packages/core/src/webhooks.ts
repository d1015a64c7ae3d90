import * as z from 'zod'
import { type PersonaPage, toPageCursor, walkPages } from './page-walk.js'
import { requireShape } from './persona-answer.js'
import type { SendRequest } from './request.js'

/** A webhook as it is configured at Persona, without its secrets. */
export interface PersonaWebhook {
  readonly id: string
  readonly attributes: {
    readonly name: string | null
    readonly url: string
    /** `enabled`, `disabled` or `archived`. The set is open. */
    readonly status: string
    /** `*` stands for all. */
    readonly enabledEvents: readonly string[]
    readonly apiVersion: string | null
    /** `camel`, `kebab` or `snake`; null for the organisation's default. */
    readonly apiKeyInflection: string | null
  }
}

/** Persona's webhooks. Every call rejects with PersonaApiError. */
export interface PersonaWebhooks {
  /** Yields the webhooks of the API key's environment, newest first. */
  list(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterableIterator<PersonaWebhook>
}

const nullable = z
  .string()
  .nullish()
  .transform((value) => value ?? null)
const text = nullable.transform((value) => value ?? '')
// Strips what it does not name, secrets above all.
const webhookSchema = z.object({
  id: z.string().min(1),
  attributes: z.object({
    name: nullable,
    url: text,
    status: text,
    enabledEvents: z
      .array(z.string())
      .nullish()
      .transform((names) => names ?? []),
    apiVersion: nullable,
    apiKeyInflection: nullable,
  }),
})
const pageSchema = z.looseObject({
  data: z.array(webhookSchema),
  links: z.looseObject({ next: z.string().nullish() }),
})

/** Returns the calls on webhooks over that sender. */
export function createWebhooks(send: SendRequest): PersonaWebhooks {
  const listPage = async (after: string | undefined, signal?: AbortSignal): Promise<PersonaPage<PersonaWebhook>> => {
    const query = { 'page[size]': 100, 'page[after]': after }
    const { data, links } = requireShape(pageSchema, await send({ method: 'GET', path: '/webhooks', query, signal }))
    return { items: data, next: toPageCursor(links.next) }
  }
  return { list: ({ signal } = {}) => walkPages((after) => listPage(after, signal)) }
}
