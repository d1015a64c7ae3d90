import * as z from 'zod'
import { isJsonObject, type JsonObject } from './inflection.js'
import { type PersonaPage, toPageCursor } from './page-walk.js'
import { requireShape } from './persona-answer.js'
import type { PersonaStatus } from './status.js'

/** A Persona inquiry in camelCase, as far as this library reads it; whatever else Persona sends is kept. */
export interface Inquiry {
  readonly id: string
  readonly attributes: {
    readonly status: PersonaStatus
    readonly referenceId: string | null
    /** ISO 8601 with milliseconds, by Persona's clock. */
    readonly createdAt: string
    readonly updatedAt: string
    readonly redactedAt: string | null
    /** The template's fields, their names untouched: `{ type, value }` each. Personal data. */
    readonly fields: JsonObject
    readonly [name: string]: unknown
  }
  readonly relationships: JsonObject
}

/** An inquiry, and the token of a session in which the person goes on with it. */
export interface InquiryWithSession {
  readonly inquiry: Inquiry
  /** A JWT, valid for 24 hours by default; null where no session was asked for. */
  readonly sessionToken: string | null
}

/** A link that opens the inquiry once. */
export interface OneTimeLink {
  readonly link: string
  readonly shortLink: string
}

const dateTime = z.iso.datetime({ offset: true })
const nullable = z
  .string()
  .nullish()
  .transform((value) => value ?? null)
const object = z.custom<JsonObject>(isJsonObject).optional().default({})
const inquirySchema = z.looseObject({
  id: z.string().min(1),
  attributes: z.looseObject({
    status: z.string().min(1),
    referenceId: nullable,
    createdAt: dateTime,
    updatedAt: dateTime,
    redactedAt: nullable,
    fields: object,
  }),
  relationships: object,
})
const answerSchema = z.looseObject({ data: inquirySchema })
const sessionSchema = z.looseObject({ meta: z.looseObject({ sessionToken: z.string().nullish() }).optional() })
const linkSchema = z.looseObject({ meta: z.looseObject({ oneTimeLink: z.string(), oneTimeLinkShort: z.string() }) })
const pageSchema = z.looseObject({
  data: z.array(inquirySchema),
  links: z.looseObject({ next: z.string().nullish() }),
})

/** The inquiry of an answer. Throws PersonaApiError where there is none. */
export function toInquiry(answer: JsonObject): Inquiry {
  return requireShape(answerSchema, answer).data
}

/** The inquiry of an answer, with its session token if there is one. */
export function toInquiryWithSession(answer: JsonObject): InquiryWithSession {
  return { inquiry: toInquiry(answer), sessionToken: requireShape(sessionSchema, answer).meta?.sessionToken ?? null }
}

/** The links of an answer. */
export function toOneTimeLink(answer: JsonObject): OneTimeLink {
  const { meta } = requireShape(linkSchema, answer)
  return { link: meta.oneTimeLink, shortLink: meta.oneTimeLinkShort }
}

/** The page that an answer is. */
export function toInquiryPage(answer: JsonObject): PersonaPage<Inquiry> {
  const { data, links } = requireShape(pageSchema, answer)
  return { items: data, next: toPageCursor(links.next) }
}
