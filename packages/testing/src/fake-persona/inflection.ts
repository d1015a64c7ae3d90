/** The casing of keys in answers and webhooks. @see https://docs.withpersona.com/api-key-inflection */
export type KeyInflection = 'kebab' | 'camel' | 'snake'

const INFLECTORS: Record<KeyInflection, (key: string) => string> = {
  kebab: (key) => key,
  snake: (key) => key.replaceAll('-', '_'),
  camel: (key) => key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
}

/** Says whether the text names one of Persona's three casings. */
export function isKeyInflection(text: string): text is KeyInflection {
  return Object.hasOwn(INFLECTORS, text)
}

/** Returns a copy of a kebab-case document in another casing. Keys inside `attributes.fields` are the template's own and stay. */
export function toInflected(document: unknown, inflection: KeyInflection): unknown {
  return mapKeys(document, INFLECTORS[inflection])
}

/** Returns a copy of a document of any of the three casings in kebab-case. Keys inside `attributes.fields` stay. */
export function toKebab(document: unknown): unknown {
  return mapKeys(document, (key) => key.replaceAll('_', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
}

function mapKeys(value: unknown, rename: (key: string) => string, parent?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => {
      const isFields = parent === 'attributes' && key === 'fields'
      return [rename(key), isFields ? structuredClone(child) : mapKeys(child, rename, key)]
    }),
  )
}
