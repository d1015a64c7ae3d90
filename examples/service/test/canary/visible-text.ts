import { inspect } from 'node:util'

/** All that a value can show of itself: to a person, to a logger, to a debugger. */
export function toVisibleText(value: unknown): string {
  const shown = inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null,
    showHidden: true,
  })
  return [...toErrorTexts(value), shown, toJson(value)].join('\n')
}

function toErrorTexts(value: unknown): string[] {
  if (!(value instanceof Error)) return []
  return [String(value), value.message, String(value.stack), ...toErrorTexts(value.cause)]
}

function toJson(value: unknown): string {
  return String(JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member)))
}
