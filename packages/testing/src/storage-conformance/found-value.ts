import { expect } from 'vitest'

/** Narrows what must be there. */
export function requireFound<Value>(value: Value | null | undefined): Value {
  expect(value).not.toBeNull()
  expect(value).toBeDefined()
  return value as Value
}
