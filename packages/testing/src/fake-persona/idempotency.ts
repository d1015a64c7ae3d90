import { toUnprocessable } from './rejection.js'

/** An answer as it is stored and replayed. */
export interface StoredAnswer {
  readonly status: number
  readonly body: string
}

/** What identifies a request that may be repeated. */
interface IdempotentRequest {
  /** The value of `Idempotency-Key`. */
  readonly key: string
  /** Method, path and body: a repetition must have the same. */
  readonly fingerprint: string
}

/** The answers of the last 24 hours by idempotency key. @see https://docs.withpersona.com/idempotence */
export interface IdempotencyStore {
  /**
   * Resolves with the first answer to this key, successful or not; a second request waits while the first is in flight.
   *
   * @throws PersonaRejection 422 when the key came with another fingerprint before.
   */
  answer(request: IdempotentRequest, produce: () => Promise<StoredAnswer>): Promise<StoredAnswer>
  clear(): void
}

const LIFETIME_MS = 24 * 60 * 60 * 1000

interface Entry {
  readonly fingerprint: string
  readonly storedAtMs: number
  readonly answer: Promise<StoredAnswer>
}

/** Returns an empty store over the clock `now`, in milliseconds. */
export function createIdempotencyStore(now: () => number): IdempotencyStore {
  const entries = new Map<string, Entry>()

  const prune = () => {
    for (const [key, entry] of entries) if (now() - entry.storedAtMs >= LIFETIME_MS) entries.delete(key)
  }
  return {
    async answer({ key, fingerprint }, produce) {
      prune()
      const known = entries.get(key)
      if (known?.fingerprint === fingerprint) return known.answer
      if (known !== undefined) throw toUnprocessable('Idempotency-Key was used before with different parameters')
      const answer = produce()
      entries.set(key, { fingerprint, storedAtMs: now(), answer })
      // A request that never got an answer, because the fake was reset or closed meanwhile, leaves nothing to replay.
      answer.catch(() => entries.delete(key))
      return answer
    },
    clear: () => entries.clear(),
  }
}
