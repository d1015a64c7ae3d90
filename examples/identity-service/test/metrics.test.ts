import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { logMetrics } from '../src/metrics.js'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('writes what was counted since the start each minute, and once more at the end', () => {
  const lines: object[] = []
  const ignore = () => {}
  const logger = { debug: ignore, info: (fields: object) => void lines.push(fields), warn: ignore, error: ignore }
  const metrics = logMetrics(logger)
  metrics.count({ name: 'claim_issued' })
  metrics.count({ name: 'claim_issued' })
  metrics.count({ name: 'case_parked', reason: 'identity_missing' })
  vi.advanceTimersByTime(59_999)
  expect(lines).toEqual([])
  vi.advanceTimersByTime(1)
  metrics.count({ name: 'round_failed' })
  metrics.close()
  vi.advanceTimersByTime(120_000)
  const counts = { claim_issued: 2, 'case_parked.identity_missing': 1 }
  expect(lines).toEqual([{ counts }, { counts: { ...counts, round_failed: 1 } }])
})
