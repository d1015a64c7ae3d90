import type { EngineContext } from './engine-context.js'
import { toLogFields } from './logger.js'

/** Something that an operator should know of. Holds ids and numbers only. */
export type KycAlarm =
  /** A delivery arrived after which Persona tries at most twice more: those before it failed, and so may these. */
  | {
      readonly kind: 'delivery_nearly_given_up'
      readonly eventId: string
      readonly eventName: string
      readonly attemptsMade: number | null
      readonly attemptsLeft: number
    }
  /**
   * A correctly signed retry was refused, because its signature is older than the replay window: Persona seems to sign
   * retries with their first time. Widen `toleranceSeconds` to 200,000 (Persona retries for 51 hours). It does no harm: an
   * event counts once, and in its order. Until then the reconciler fetches what was refused.
   */
  | {
      readonly kind: 'stale_retry_refused'
      readonly attemptsMade: number
      readonly attemptsLeft: number | null
      readonly firstAttemptedAt: Date | null
    }
  /** A follower has put a transition aside. */
  | {
      readonly kind: 'dead_letter'
      readonly consumer: string
      readonly caseId: string
      readonly revision: number
      readonly reason: 'failed' | 'blocked'
    }

/** Logs the alarm and calls the app's hook, whose failure goes no further and which is not waited for. */
export function raiseAlarm({ logger, onAlarm }: EngineContext, alarm: KycAlarm): void {
  logger.error({ ...alarm }, `alarm: ${alarm.kind}`)
  if (onAlarm === null) return
  const call = async () => onAlarm(alarm)
  call().catch((error: unknown) => logger.error({ alarm: alarm.kind, ...toLogFields(error) }, 'onAlarm failed'))
}
