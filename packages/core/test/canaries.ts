import { inspect } from 'node:util'
import { expect } from 'vitest'

/** Every text that an error or a log entry could leak through. */
export function toVisibleText(value: unknown): string {
  const stack = value instanceof Error ? `${value.stack}\n${value.message}\n${String(value)}` : ''
  const shown = inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null })
  return `${stack}\n${shown}\n${JSON.stringify(value)}`
}

/** Fails when one of the planted texts can be seen in the value. */
export function expectNoCanary(value: unknown, ...canaries: string[]): void {
  const text = toVisibleText(value)
  expect(canaries.filter((canary) => text.includes(canary))).toEqual([])
}

/** Resolves with what the promise rejects with; fails when it resolves. */
export async function toRejection(promise: Promise<unknown>): Promise<unknown> {
  const resolved = Symbol('resolved')
  const outcome = await promise.then(
    () => resolved,
    (error: unknown) => error,
  )
  expect(outcome).not.toBe(resolved)
  return outcome
}
