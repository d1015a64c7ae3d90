import type { IdentityServiceMetric } from '@persona-kyc/claims'
import type { Logger } from '@persona-kyc/core'

/** Counts what the worker reports. */
export interface MetricsLog {
  readonly count: (metric: IdentityServiceMetric) => void
  /** Writes the numbers once more, and ends. */
  close(): void
}

/** Returns a log that writes what was counted since the start, each minute. */
export function logMetrics(logger: Logger, { everyMs = 60_000 } = {}): MetricsLog {
  const counts = new Map<string, number>()
  const write = () => logger.info({ counts: Object.fromEntries(counts) }, 'metrics')
  const timer = setInterval(write, everyMs)
  timer.unref()
  return {
    count({ name, reason }) {
      const key = reason === undefined ? name : `${name}.${reason}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    close() {
      clearInterval(timer)
      write()
    },
  }
}
