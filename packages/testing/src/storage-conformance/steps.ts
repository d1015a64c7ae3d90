import type { KycCase, KycStorage, NewCase, RecordedEvent } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at, newCase, newEvent, type PlayedStatus, seal } from './builders.js'
import { requireFound } from './found-value.js'

/** Stores the case `id` with the inquiry `inq-<id>` and a session token. */
export async function addCase(storage: KycStorage, id: string, options: Partial<NewCase> = {}): Promise<KycCase> {
  const { created } = await storage.createCase(newCase(id, options))
  expect(created, `case ${id} is new`).toBe(true)
  return requireFound(await attach(storage, id))
}

/** Attaches the inquiry `inq-<id>` to the case, unless told another. */
export function attach(
  storage: KycStorage,
  caseId: string,
  options: Partial<Parameters<KycStorage['attachInquiry']>[1]> = {},
): Promise<KycCase | null> {
  return storage.attachInquiry(caseId, {
    inquiryId: `inq-${caseId}`,
    replaces: null,
    personaStatus: 'created',
    sealedSessionToken: seal(`token of ${caseId}`),
    now: at(1000),
    ...options,
  })
}

/** Records that the inquiry of case `id` got that status, so many milliseconds after the start. */
export function move(
  storage: KycStorage,
  id: string,
  personaStatus: PlayedStatus,
  milliseconds: number,
): Promise<RecordedEvent> {
  const event = newEvent(`evt-${id}-${personaStatus}-${milliseconds}`, {
    inquiryId: `inq-${id}`,
    personaStatus,
    occurredAt: at(milliseconds),
    receivedAt: at(60_000 + milliseconds),
  })
  return storage.recordEvent(event)
}
