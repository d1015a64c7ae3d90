import type { CaseStatus, RecordedEvent, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'

/** The transitions among what was recorded. */
export function toTransitions(recorded: readonly RecordedEvent[]): Transition[] {
  return recorded.map(({ transition }) => transition).filter((transition) => transition !== null)
}

/** Asserts that each case's transitions are numbered from 1 without a gap, in order, each from where the last ended. */
export function expectChains(transitions: readonly Transition[]): void {
  const last = new Map<string, { revision: number; to: CaseStatus }>()
  for (const { caseId, revision, from, to } of transitions) {
    const previous = last.get(caseId) ?? { revision: 0, to: 'pending' }
    expect({ caseId, revision, from }).toEqual({ caseId, revision: previous.revision + 1, from: previous.to })
    expect(to, 'a transition changes the state').not.toBe(from)
    last.set(caseId, { revision, to })
  }
}
