import { toKebab } from './inflection.js'
import { toBadRequest } from './rejection.js'

/** Says whether a member's value has the described type. */
export type MemberRule = (value: unknown) => boolean

/** A JSON object whose members were checked by {@link requireMembers}. */
export type CheckedMembers = Readonly<Record<string, unknown>>

/** Takes text. */
export const isText: MemberRule = (value) => typeof value === 'string'
/** Takes true and false. */
export const isBoolean: MemberRule = (value) => typeof value === 'boolean'
/** Takes whole numbers. */
export const isInteger: MemberRule = (value) => Number.isInteger(value)
/** Takes lists of text. */
export const isTextList: MemberRule = (value) => Array.isArray(value) && value.every(isText)
/** Takes JSON objects, not lists. */
export const isObject = (value: unknown): value is CheckedMembers =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns a rule that also takes null. */
export function orNull(rule: MemberRule): MemberRule {
  return (value) => value === null || rule(value)
}

/** Returns the object at `path` when every member of it is described and has its type; otherwise throws Persona's 400. */
export function requireMembers(value: unknown, path: string, rules: Record<string, MemberRule>): CheckedMembers {
  if (!isObject(value)) throw toBadRequest(`${toPath(path)} must be an object`)
  for (const [name, member] of Object.entries(value)) {
    const place = toPath(path === '' ? name : `${path}.${name}`)
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) throw toBadRequest(`${place} is not allowed`)
    if (!rule(member)) throw toBadRequest(`${place} has the wrong type`)
  }
  return value
}

/** Parses a request's body, in any of the three casings, to kebab-case. An empty body is an empty object. */
export function toRequestBody(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return toKebab(JSON.parse(text))
  } catch {
    throw toBadRequest('The request body is not valid JSON')
  }
}

/** Returns the member when it is text. */
export function textOf(members: CheckedMembers, name: string): string | undefined {
  const value = members[name]
  return typeof value === 'string' ? value : undefined
}

/** Returns the member when it is a number. */
export function numberOf(members: CheckedMembers, name: string): number | undefined {
  const value = members[name]
  return typeof value === 'number' ? value : undefined
}

/** Returns the member when it is a list of texts. */
export function textsOf(members: CheckedMembers, name: string): string[] | undefined {
  const value = members[name]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

function toPath(path: string): string {
  return path.replaceAll('-', '_')
}
