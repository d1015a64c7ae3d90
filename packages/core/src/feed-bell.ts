import { sleepUntilAborted } from './consumer-lease.js'
import type { EngineContext } from './engine-context.js'

/** Rings when the feed has grown. */
export interface Bell {
  /** Forgets what rang before now. */
  reset(): void
  /** Resolves when it has rung since `reset`, when the poll's time is over, or when the signal is aborted. */
  wait(signal: AbortSignal): Promise<void>
  stop(): void
}

/** Returns a bell that also rings by itself after so many milliseconds of waiting. */
export function createBell({ storage, sleep }: EngineContext, pollMs: number): Bell {
  let rung = new AbortController()
  return {
    reset() {
      if (rung.signal.aborted) rung = new AbortController()
    },
    wait: (signal) => sleepUntilAborted(sleep, pollMs, signal, rung.signal),
    stop: storage.watchFeed(() => rung.abort()),
  }
}
