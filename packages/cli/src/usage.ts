import { isKycError } from '@persona-kyc/core'
import type { ArgsDef, CommandDef } from 'citty'

/** The command line or the environment cannot be used. Its message is for the person at the terminal, without values. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws UsageError for a flag that the command does not have: a mistyped one must not be passed over in silence. */
export function requireKnownFlags(command: CommandDef, rawArgs: readonly string[]): void {
  const args = command.args as ArgsDef | undefined
  const known = new Set(Object.keys(args ?? {}))
  for (const arg of rawArgs) {
    const [, flag] = /^--?(?:no-)?([^=]+)/.exec(arg) ?? []
    if (flag !== undefined && !known.has(flag)) {
      const [option = 'of that name'] = /^--[a-z-]+(?=$|=)/.exec(arg) ?? []
      throw new UsageError(`There is no option ${option} here. Add --help to see those that there are.`)
    }
  }
  const positionals = Object.values(args ?? {}).filter(({ type }) => type === 'positional').length
  const given = rawArgs.filter((arg, index) => !arg.startsWith('-') && !isValueOf(rawArgs[index - 1], args ?? {}))
  if (given.length > positionals) {
    throw new UsageError('There is one argument too many. Add --help to see what there is.')
  }
}

/** The word as it may be repeated: what is none may be a key, or a URL with a password. */
export function toRepeatable(word: string): string {
  return /^[a-z-]{1,30}$/.test(word) ? word : '…'
}

/** The words to end with: never a stack, and never what an error of the driver or of the network carries. */
export function toFailure(error: unknown): { readonly message: string; readonly code: number } {
  if (error instanceof UsageError) return { message: error.message, code: 2 }
  if (isKycError(error)) return { message: error.message, code: error.code === 'argument_invalid' ? 2 : 1 }
  const name = error instanceof Error ? error.name : typeof error
  const isOfCitty = name === 'CLIError' && error instanceof Error
  return isOfCitty ? { message: error.message, code: 2 } : { message: `It failed unexpectedly (${name}).`, code: 1 }
}

function isValueOf(before: string | undefined, args: ArgsDef): boolean {
  const [, flag] = /^--?([^=]+)$/.exec(before ?? '') ?? []
  return flag !== undefined && args[flag]?.type === 'string'
}

/** A number of seconds from the command line. Throws UsageError. */
export function toSeconds(flag: string, text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new UsageError(`${flag} must be a whole number of seconds.`)
}
