import type { KycStorage } from '@persona-kyc/core'

/** A storage whose work is one transaction of the database, until `commit` or `rollback`. */
export interface StorageTransaction {
  readonly storage: KycStorage
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** What the suite needs of a storage's author. */
export interface StorageHarness {
  /** Resolves with an empty storage, which shares nothing with any other: another schema, for example. */
  create(): Promise<KycStorage>
  /** Closes what `create` has made so far. Called after every case, so it must be good for more than one call. */
  close?(): Promise<void>
  /**
   * Begins a transaction on a storage of `create`, which must go on answering meanwhile: leave it connections of its
   * own. Left out where there is no such thing; then the cases about rollback are skipped.
   */
  beginTransaction?: (storage: KycStorage) => Promise<StorageTransaction>
}

/** One claim of the contract, and the trial of it. */
export interface ConformanceCase {
  /** A sentence about the storage. */
  readonly name: string
  /** True where the case can only run with `beginTransaction`. */
  readonly needsTransaction: boolean
  /** Resolves when the storage keeps the sentence, rejects with an assertion error when it does not. */
  run(harness: StorageHarness): Promise<void>
}

/** Returns a case of the suite that tries one storage. */
export function check(
  name: string,
  trial: (storage: KycStorage, harness: StorageHarness) => Promise<void>,
): ConformanceCase {
  return toConformanceCase(name, false, async (harness) => trial(await harness.create(), harness))
}

/** Returns a case of the suite that tries one storage and transactions on it. */
export function checkTransaction(
  name: string,
  trial: (storage: KycStorage, begin: () => Promise<StorageTransaction>) => Promise<void>,
): ConformanceCase {
  return toConformanceCase(name, true, async (harness) => {
    const { beginTransaction } = harness
    if (beginTransaction === undefined) throw new Error('The harness has no beginTransaction.')
    const storage = await harness.create()
    await trial(storage, () => beginTransaction(storage))
  })
}

function toConformanceCase(
  name: string,
  needsTransaction: boolean,
  trial: (harness: StorageHarness) => Promise<void>,
): ConformanceCase {
  const run = async (harness: StorageHarness) => {
    try {
      await trial(harness)
    } finally {
      await harness.close?.()
    }
  }
  return { name, needsTransaction, run }
}
