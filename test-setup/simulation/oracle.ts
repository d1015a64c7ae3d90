import type { CaseEvent, KycCase, KycStorage, Transition } from '@persona-kyc/core'
import { expect } from 'vitest'
import { listStoredEvents, walk } from './stored-events.js'
import type { World } from './world.js'

/** What a case must be when its inquiry's last status is this one; anything else is pending. */
const EXPECTED: Readonly<Record<string, { status: string; score: number }>> = {
  completed: { status: 'verified', score: 1 },
  approved: { status: 'verified', score: 1 },
  failed: { status: 'rejected', score: 0 },
  declined: { status: 'rejected', score: 0 },
  needs_review: { status: 'review', score: 0.5 },
}

/**
 * Compares a world at rest with what its Persona says, by rules that share nothing with the library: each case is what
 * its inquiry became last, no inquiry and no event counts for two, and the feed tells how it came to it.
 */
export async function expectTruth(world: World): Promise<void> {
  const { persona, storage, lost, isComplete } = world
  const cases = await walk((query) => storage.listCases({ ...query, status: null, claim: null }))
  const stored = await listStoredEvents(storage)
  const caused = stored.filter((event) => 'transition' in event && event.transition !== null)
  const feed = await readFeed(storage, caused.length)
  expect(lost, 'acknowledged events that are not stored').toEqual([])
  for (const kycCase of cases) {
    expectStateOf(kycCase, world)
    const events = await walk((query) => storage.listCaseEvents(kycCase.id, query))
    expectHistory(
      kycCase,
      events,
      feed.filter(({ caseId }) => caseId === kycCase.id),
    )
  }
  const recorded = stored.map(({ id }) => id)
  expect(new Set(recorded).size, 'no event is recorded twice').toBe(recorded.length)
  if (isComplete) expect(recorded).toEqual(expect.arrayContaining(persona.events.map(({ id }) => id)))

  const open = cases.filter(({ status }) => status === 'pending').map(({ userId }) => userId)
  expect(new Set(open).size, 'a user has at most one case under way').toBe(open.length)
}

function expectStateOf(kycCase: KycCase, { persona: { inquiries, events }, isComplete }: World): void {
  const { id, personaInquiryId } = kycCase
  const own = inquiries.filter(({ referenceId, templateId }) => referenceId === id && templateId === 'itmpl_simulated')
  const exhausted = own.filter(({ isExhausted }) => isExhausted)
  expect(own.length, 'a case has one inquiry, and one more for each that was used up').toBeLessThanOrEqual(
    1 + exhausted.length,
  )
  const inquiry = own.find((candidate) => candidate.id === personaInquiryId) ?? own[0]
  expect(personaInquiryId, `case ${id} has an inquiry of its own`).toBe(inquiry?.id ?? null)
  const toTruth = (status: string) => EXPECTED[status] ?? { status: 'pending', score: null }
  const held = { status: kycCase.status, score: kycCase.verificationScore }
  const isSettled = held.status === 'verified' || held.status === 'rejected'
  if (isSettled && !isComplete) {
    // Nobody asks about a settled case: what it became later only an event tells.
    const statuses = events.flatMap(({ inquiry: of }) => (of?.id === inquiry?.id ? (of?.status ?? []) : []))
    expect(statuses.map(toTruth), `case ${id} is what its inquiry has been`).toContainEqual(held)
  } else {
    expect(held, `case ${id} is what its inquiry (${inquiry?.status}) became`).toEqual(toTruth(inquiry?.status ?? ''))
  }
  expect(kycCase.verifiedAt !== null, 'a time of verification').toBe(held.status === 'verified')
}

function expectHistory(kycCase: KycCase, events: readonly CaseEvent[], transitions: readonly Transition[]): void {
  let status = 'pending'
  for (const [index, transition] of transitions.entries()) {
    expect(transition.revision, 'the feed has no hole and no turn').toBe(index + 1)
    expect(transition.from, 'a transition begins where the last one ended').toBe(status)
    expect(transition.to, 'a transition changes something').not.toBe(transition.from)
    const causes = events.filter(({ id }) => id === transition.eventId)
    expect(causes, 'its cause is recorded, as its cause').toMatchObject([{ outcome: 'applied', transition }])
    status = transition.to
  }
  expect(kycCase.status, 'the feed ends with the case’s state').toBe(status)
}

/** A feed may lag behind: on PostgreSQL it waits for the oldest transaction of the cluster, where other tests run too. */
async function readFeed(storage: KycStorage, count: number): Promise<Transition[]> {
  const transitions: Transition[] = []
  let after: string | null = null
  for (let turns = 0; ; turns++) {
    const page = await storage.readFeed({ after, limit: 500 })
    transitions.push(...page.items)
    after = page.next
    const isOver = page.items.length === 0 && (transitions.length >= count || turns > 2000)
    if (isOver) return transitions
    if (page.items.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
