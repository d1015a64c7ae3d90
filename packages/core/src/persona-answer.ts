import type * as z from 'zod'
import { KycError } from './errors.js'
import type { JsonObject } from './inflection.js'
import { PersonaApiError } from './persona-error.js'

/** The answer as the schema has it. Throws PersonaApiError (`persona_unexpected_answer`) where it is anything else. */
export function requireShape<Output>(schema: z.ZodType<Output>, answer: JsonObject): Output {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new PersonaApiError('persona_unexpected_answer')
}

/** The path of a resource. The form of an id is Persona's own; what would leave the path's segment is refused. */
export function toResourcePath(collection: string, id: string): string {
  if (/^[A-Za-z0-9_~.-]{1,255}$/.test(id) && !/^\.+$/.test(id)) return `${collection}/${id}`
  throw new KycError('argument_invalid', {
    problem: 'The id cannot be part of a URL.',
    fix: 'Pass the id that Persona gave, such as inq_….',
  })
}
