import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EnvironmentError } from '@persona-kyc/example-service'

/** A module of the app's own that a variable names. */
export interface NamedModule {
  readonly variable: string
  /** A path, relative to the working directory. */
  readonly path: string
}

/**
 * Resolves with the default export. Rejects with an EnvironmentError where the module cannot be loaded or has none: with
 * the name of what it threw only, for its message might quote a secret.
 */
export async function importDefault({ variable, path }: NamedModule): Promise<unknown> {
  const loaded: unknown = await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new EnvironmentError([
      `${variable}: the module cannot be loaded (${toName(error)}). Import it by itself to see why`,
    ])
  })
  const exported = (loaded as { readonly default?: unknown }).default
  if (exported !== undefined) return exported
  throw new EnvironmentError([`${variable}: the module has no default export`])
}

function toName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error ? String(error.code) : error.name
}
