import type { FakeInquiry } from './inquiry.js'
import { applyTransition, expireOverdue } from './operations.js'
import { type InquiryContext, type InquiryRecords, requireRecord } from './records.js'
import { toUnprocessable } from './rejection.js'
import { isAlive, toSessionToken } from './sessions.js'
import { type SimulateAction, simulateAction } from './simulation.js'

/** The fake's inquiries, for tests to look at and to move. What it returns are copies. */
export interface FakeInquiries {
  /** Returns the inquiry, or undefined when there is none with this id. */
  get(id: string): FakeInquiry | undefined
  /** Returns all inquiries, newest first. */
  list(): FakeInquiry[]
  /**
   * Performs Persona's sandbox actions in order, as POST …/perform-simulate-actions does, and returns the inquiry.
   * Throws a PersonaRejection at the first action that the status forbids; the actions before it stay done.
   */
  simulate(id: string, ...actions: SimulateAction[]): FakeInquiry
  /**
   * Does what the browser does that opens the flow: starts a `created` inquiry; a `pending` one needs a session token,
   * which is used up. Rejects with a PersonaRejection when the token is not one of the inquiry's living sessions.
   */
  open(id: string, sessionToken?: string): Promise<FakeInquiry>
}

/** Returns the direct access to `records`. */
export function createFakeInquiries(context: InquiryContext, records: InquiryRecords): FakeInquiries {
  const current = () => {
    expireOverdue(context, records.list())
    return records
  }
  return {
    get(id) {
      const resource = current().find(id)?.resource
      return resource === undefined ? undefined : structuredClone(resource)
    },
    list: () =>
      current()
        .list()
        .map(({ resource }) => structuredClone(resource))
        .reverse(),
    simulate(id, ...actions) {
      const record = requireRecord(current(), id)
      for (const action of actions) simulateAction(context, record, action)
      return structuredClone(record.resource)
    },
    open: (id, sessionToken) => openInquiry(context, current(), { id, sessionToken }),
  }
}

async function openInquiry(
  context: InquiryContext,
  records: InquiryRecords,
  { id, sessionToken }: { id: string; sessionToken: string | undefined },
): Promise<FakeInquiry> {
  const record = requireRecord(records, id)
  const living = record.sessions.filter((session) => isAlive(session, context.clock.now()))
  const tokens = await Promise.all(living.map(toSessionToken))
  const session = living.find((_, index) => tokens[index] === sessionToken)
  const needsSession = sessionToken !== undefined || record.resource.attributes.status !== 'created'
  if (session === undefined && needsSession) throw toUnprocessable('The session token is not valid')
  if (session !== undefined) session.used = true
  if (record.resource.attributes.status === 'created') applyTransition(context, record, 'start')
  return structuredClone(record.resource)
}
