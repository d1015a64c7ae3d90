import type { ConsumerLease, ConsumerStorage, NewDeadLetter } from './consumer-storage.js'
import type { EngineContext } from './engine-context.js'
import { toLogFields } from './logger.js'

/** The lease of a consumer while it is held. */
export interface HeldLease extends Pick<ConsumerLease, 'fence' | 'cursor' | 'attempts'> {
  /** Aborted when the lease is lost, or the work is to end. */
  readonly signal: AbortSignal
  /** True while nobody else can hold the lease, by this process's clock: after a pause of the process it is false. */
  isHeld(): boolean
  /** Stores progress. False when the lease is lost: then nothing was stored. */
  save(progress: Pick<ConsumerLease, 'cursor' | 'attempts'>, deadLetter?: NewDeadLetter | null): Promise<boolean>
}

/** What a lease needs: where it is kept, a clock, and a log. */
export interface LeaseContext extends Pick<EngineContext, 'now' | 'sleep' | 'logger'> {
  readonly storage: ConsumerStorage
}

/** How long to hold a lease without renewal, and what ends the work. */
export interface LeaseOptions {
  readonly leaseMs: number
  readonly signal: AbortSignal
}

/**
 * Does the work under the consumer's lease, which is renewed meanwhile and given back afterwards. Resolves with false
 * when somebody else holds it.
 */
export async function withLease(
  context: LeaseContext,
  name: string,
  { leaseMs, signal }: LeaseOptions,
  work: (lease: HeldLease) => Promise<void>,
): Promise<boolean> {
  const { storage, now } = context
  const startedAt = now()
  const leased = await storage.leaseConsumer(name, { now: new Date(startedAt), until: new Date(startedAt + leaseMs) })
  if (leased === null) return false
  const { fence } = leased
  const ended = new AbortController()
  let heldUntil = startedAt + leaseMs

  /** Runs what extends the lease. What the storage says counts from before it was asked. */
  const extend = async (call: (until: Date) => Promise<boolean>) => {
    const until = now() + leaseMs
    const isExtended = await call(new Date(until))
    if (isExtended) heldUntil = Math.max(heldUntil, until)
    else ended.abort()
    return isExtended
  }
  const isHeld = () => !ended.signal.aborted && now() < heldUntil
  const renewal = keepRenewing(
    context,
    { name, everyMs: Math.ceil(leaseMs / 3), signal: ended.signal },
    () => extend((until) => storage.renewConsumer(name, { fence, until })),
    () => isHeld() || ended.abort(),
  )
  try {
    await work({
      ...leased,
      signal: AbortSignal.any([signal, ended.signal]),
      isHeld,
      save: (progress, deadLetter = null) =>
        extend((until) => storage.saveConsumer(name, { ...progress, fence, until, deadLetter })),
    })
  } finally {
    ended.abort()
    await renewal
    await storage.releaseConsumer(name, fence).catch((error: unknown) => {
      context.logger.warn({ consumer: name, ...toLogFields(error) }, 'lease not given back: it ends by itself')
    })
  }
  return true
}

/** A renewal that fails for once is tried again: as long as the lease lasts, nothing is lost. */
async function keepRenewing(
  { sleep, logger }: LeaseContext,
  { name, everyMs, signal }: { name: string; everyMs: number; signal: AbortSignal },
  renew: () => Promise<boolean>,
  onFailure: () => void,
): Promise<void> {
  while (!signal.aborted) {
    await sleepUntilAborted(sleep, everyMs, signal)
    if (signal.aborted) return
    await renew().catch((error: unknown) => {
      logger.warn({ consumer: name, ...toLogFields(error) }, 'lease not renewed')
      onFailure()
    })
  }
}

/** Waits that long, or until one of the signals is aborted; a sleep that heeds none is left to itself. Never rejects. */
export async function sleepUntilAborted(
  sleep: EngineContext['sleep'],
  ms: number,
  ...signals: readonly AbortSignal[]
): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return
  // Not AbortSignal.any: listeners on a signal that lives as long as the process must go with each wait.
  const done = new AbortController()
  const aborted = new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { signal: done.signal })
  })
  await Promise.race([sleep(ms, done.signal).catch(() => {}), aborted])
  done.abort()
}
