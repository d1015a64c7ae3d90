/** Work that must end when the fake is reset or closed. */
export interface Lifetime {
  /** Never resolves; rejects with a broken connection when the lifetime ends. */
  hang(): Promise<never>
  /** Resolves after so many milliseconds; rejects with a broken connection when the lifetime ends first. */
  sleep(delayMs: number): Promise<void>
  /** Ends everything under way; what starts afterwards belongs to a new lifetime. */
  end(): void
}

/** Returns a {@link Lifetime} that has begun. */
export function createLifetime(): Lifetime {
  const enders = new Set<() => void>()

  const untilEnd = <T>(start: (resolve: (value: T) => void) => () => void) =>
    new Promise<T>((resolve, reject) => {
      const stop = start((value) => {
        enders.delete(end)
        resolve(value)
      })
      const end = () => {
        stop()
        reject(toConnectionError())
      }
      enders.add(end)
    })
  return {
    hang: () => untilEnd<never>(() => () => {}),
    sleep: (delayMs) =>
      untilEnd<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        return () => clearTimeout(timer)
      }),
    end() {
      for (const end of enders) end()
      enders.clear()
    },
  }
}

/** Returns the error that `fetch` rejects with when the connection breaks, as Node's does. */
export function toConnectionError(): TypeError {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  return new TypeError('fetch failed', { cause })
}

/** Starts `work` and settles as it does, unless the signal aborts first: then rejects with the signal's reason. */
export async function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, stop } = whenAborted(signal)
  try {
    return await Promise.race([work(), aborted])
  } finally {
    stop()
  }
}

function whenAborted(signal: AbortSignal): { promise: Promise<never>; stop: () => void } {
  let stop = () => {}
  const promise = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    stop = () => signal.removeEventListener('abort', onAbort)
  })
  return { promise, stop }
}
