/** Any value that JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** A JSON object. */
export type JsonObject = { [key: string]: JsonValue }

/** Keys below these are the template's own names, which Persona leaves as they are since version 2025-10-27. */
const OPAQUE_KEYS = new Set(['fields'])
const MAX_DEPTH = 64
const SEPARATOR = /[-_]/

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Returns the value with every key in camelCase, whichever of kebab, camel or snake it came in. The keys inside a
 * `fields` object are left as they are, and so is whatever lies deeper than 64 levels.
 *
 * @see https://docs.withpersona.com/api-key-inflection
 */
export function toCamelKeys(value: JsonValue, depth = 0): JsonValue {
  if (depth === MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((item) => toCamelKeys(item, depth + 1))
  if (!isJsonObject(value)) return value
  // Object.fromEntries defines own properties, so a key named __proto__ stays an ordinary key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      toCamel(key),
      OPAQUE_KEYS.has(key) ? item : toCamelKeys(item, depth + 1),
    ]),
  )
}

/** The member of that kebab-case name, in whichever of the three inflections the object is written. */
export function getMember(object: JsonObject, kebabName: string): JsonValue | undefined {
  for (const spelling of toSpellings(kebabName)) if (Object.hasOwn(object, spelling)) return object[spelling]
  return undefined
}

/** Of the names that this library asks for, each spelled once. */
const spellings = new Map<string, readonly string[]>()

function toSpellings(kebabName: string): readonly string[] {
  const known = spellings.get(kebabName)
  if (known !== undefined) return known
  const made = [kebabName, kebabName.replaceAll('-', '_'), toCamel(kebabName)]
  spellings.set(kebabName, made)
  return made
}

function toCamel(key: string): string {
  if (!SEPARATOR.test(key)) return key
  // The lookbehind starts a match at the first separator only: without it, a long row of them takes quadratic time.
  return key.replace(/(?<![-_])[-_]+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
