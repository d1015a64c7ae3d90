import { inspect } from 'node:util'
import { expect } from 'vitest'

/** Every text that an error could leak through, in small letters: hex has no case. */
function toVisibleText(error: unknown): string {
  const own = error instanceof Error ? `${error.stack}\n${error.message}\n${String(error)}` : String(error)
  const shown = inspect(error, { depth: 20, showHidden: true, getters: true, maxStringLength: null })
  return `${own}\n${shown}\n${JSON.stringify(error)}`.toLowerCase()
}

/** Fails when one of the planted texts can be seen in the error. A text in hex counts without its 0x too. */
export function expectNoCanary(error: unknown, ...canaries: readonly string[]): void {
  const text = toVisibleText(error)
  const seen = canaries.filter((canary) => text.includes(canary.toLowerCase().replace(/^0x/, '')))
  expect(seen).toEqual([])
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
