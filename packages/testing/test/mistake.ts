import { createMemoryStorage, type KycStorage } from '@persona-kyc/core'

/** A way to get the contract wrong, and what of the suite must notice. */
export interface Mistake {
  readonly mistake: string
  readonly create: () => KycStorage
  /** How the names of the cases begin that fail. */
  readonly fails: readonly string[]
}

/** A memory storage with some methods of its own. */
export function breakMemory(toMistake: (inner: KycStorage) => Partial<KycStorage>): KycStorage {
  const inner = createMemoryStorage()
  return { ...inner, ...toMistake(inner) }
}

/** Lets others go first. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
