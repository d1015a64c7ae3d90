/** How a call is repeated. */
export interface RetryOptions {
  /** How often at most. */
  readonly retries: number
  /** The longest wait before a repetition, in milliseconds; where it had to be longer, the call fails at once. */
  readonly maxRetryWaitMs: number
  /** Jitter, 0 to 1. */
  readonly random: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** What is known of a failure that may pass. */
export interface PassingFailure {
  /** How long the server asks to wait; null where it says nothing. */
  readonly retryAfterSeconds: number | null
}

const BACKOFF_BASE_MS = 500
const BACKOFF_CAP_MS = 8000

/**
 * Resolves with what `attempt` resolves with, and makes it again after a failure for which `toPassing` is not null: after
 * the wait that the server asks for, else after one that doubles each time, half of it jitter. Rejects with the failure of
 * the last attempt, or with what `sleep` rejects with.
 */
export async function withRetries<Answer>(
  attempt: () => Promise<Answer>,
  options: RetryOptions & {
    readonly toPassing: (error: unknown) => PassingFailure | null
    readonly signal: AbortSignal | undefined
  },
): Promise<Answer> {
  const { retries, maxRetryWaitMs, sleep, toPassing, signal } = options
  for (let repeated = 0; ; repeated++) {
    try {
      return await attempt()
    } catch (error) {
      const passing = toPassing(error)
      const waitMs = passing === null ? 0 : toWaitMs(passing, repeated, options)
      if (passing === null || repeated >= retries || waitMs > maxRetryWaitMs) throw error
      await sleep(waitMs, signal)
    }
  }
}

/** Waits, or rejects as soon as the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

function toWaitMs({ retryAfterSeconds }: PassingFailure, repeated: number, { random }: RetryOptions): number {
  if (retryAfterSeconds !== null) return retryAfterSeconds * 1000
  const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** repeated)
  return Math.round(ceiling / 2 + (random() * ceiling) / 2)
}
