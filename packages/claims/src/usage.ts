import { isKycError } from '@persona-kyc/core'
import type { ArgsDef } from 'citty'

/** The command line or the environment cannot be used. Its message is for the person at the terminal, without values. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Throws UsageError for a flag that there is not, and for whatever is no flag: a mistyped one must not be passed over in
 * silence. Says nothing of what was given for it: it might be a key.
 */
export function requireKnownFlags(args: ArgsDef, rawArgs: readonly string[]): void {
  let isValueNext = false
  for (const arg of rawArgs) {
    if (isValueNext) {
      isValueNext = false
      continue
    }
    const [, flag = ''] = /^--(?:no-)?([a-z-]+)(?:=|$)/.exec(arg) ?? []
    const known = Object.hasOwn(args, flag) ? args[flag] : undefined
    if (known === undefined) throw new UsageError(toRefusal(flag))
    isValueNext = known.type === 'string' && !arg.includes('=')
  }
  if (isValueNext) throw new UsageError(`${rawArgs.at(-1)} needs a value.`)
}

function toRefusal(flag: string): string {
  const problem = flag === '' ? 'There is an argument too many.' : `There is no option --${flag} here.`
  return `${problem} Add --help to see what there is.`
}

/** The words and the exit code to end with: never a stack, and never what an error of the network carries. */
export function toFailure(error: unknown): { readonly message: string; readonly code: 1 | 2 } {
  if (error instanceof UsageError) return { message: error.message, code: 2 }
  if (isKycError(error)) return { message: error.message, code: 1 }
  const name = error instanceof Error ? error.name : typeof error
  return { message: `It failed unexpectedly (${name}).`, code: 1 }
}
