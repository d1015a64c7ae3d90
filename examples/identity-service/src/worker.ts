import { type ClaimSource, type ResolveIdentity, runIdentityService } from '@persona-kyc/claims'
import type { KycStorage, Logger } from '@persona-kyc/core'
import type { ConnectedChain } from './chain.js'
import { logMetrics } from './metrics.js'

/** What a worker works with. */
export interface WorkerParts extends ConnectedChain {
  readonly source: ClaimSource
  readonly store: KycStorage
  readonly resolveIdentity: ResolveIdentity
  /** In wei; null for the library's own limit. */
  readonly maxFeePerGas: bigint | null
  /** How long a dead worker keeps the others waiting. */
  readonly leaseMs: number
}

/** Runs the Identity Service until the signal is aborted. The library logs its alarms as errors. */
export async function runWorker(
  { factory, maxFeePerGas, ...parts }: WorkerParts,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const metrics = logMetrics(logger)
  try {
    await runIdentityService({
      ...parts,
      factory: factory ?? undefined,
      ...(maxFeePerGas !== null && { maxFeePerGas }),
      signal,
      logger,
      onMetric: metrics.count,
    })
  } finally {
    metrics.close()
  }
}
