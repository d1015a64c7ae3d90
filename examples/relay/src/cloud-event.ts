import type { Transition } from '@persona-kyc/core'
import { CloudEvent } from 'cloudevents'

/** What each event carries: ids and states, in the words of `GET /compliance/events`. */
export interface TransitionData {
  readonly case_id: string
  readonly revision: number
  readonly from: string
  readonly to: string
  readonly score: number | null
  readonly event_id: string
  readonly occurred_at: string
}

/** The type of every event. */
export const EVENT_TYPE = 'com.withpersona.kyc.case.transitioned'

/**
 * Returns the CloudEvent of a transition. Its id is the same whenever it is published again, so consumers know what
 * they have seen.
 */
export function toCloudEvent(transition: Transition, source: string): CloudEvent<TransitionData> {
  const { caseId, revision, from, to, score, eventId, occurredAt, recordedAt } = transition
  return new CloudEvent<TransitionData>({
    id: `${caseId}.${revision}`,
    source,
    type: EVENT_TYPE,
    subject: caseId,
    time: recordedAt.toISOString(),
    datacontenttype: 'application/json',
    data: { case_id: caseId, revision, from, to, score, event_id: eventId, occurred_at: occurredAt.toISOString() },
  })
}
