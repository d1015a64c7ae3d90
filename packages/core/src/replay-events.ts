import type { EngineContext } from './engine-context.js'
import { isOlderEvent } from './event-order.js'
import { announce, toEffect } from './snapshot.js'
import { toStatusRank } from './status.js'
import type {
  CaseEvent,
  EventEffect,
  KycCase,
  Page,
  PageQuery,
  RecordedEvent,
  StoredEvent,
  Transition,
} from './storage.js'

/** What {@link KycEngine.replayEvents} accepts. */
export interface ReplayOptions {
  readonly onProgress?: ((progress: { readonly done: number; readonly total: null }) => unknown) | undefined
  /** Ends the replay between two cases. */
  readonly signal?: AbortSignal | undefined
}

/** What a replay did. */
export interface ReplayReport {
  readonly casesChecked: number
  /** Events that had no case when they came, and have one now. */
  readonly eventsMatched: number
  readonly transitions: readonly Transition[]
}

type StatefulEvent = StoredEvent & { readonly personaStatus: string; readonly occurredAt: Date }

const PAGE_SIZE = 100
// Sorts after every id of Persona's, so that at the same instant the replay is the newer one.
const REPLAY_ID = /^~replay_(\d{10})_/

/** See {@link KycEngine.replayEvents}. */
export async function replayEvents(
  context: EngineContext,
  { onProgress, signal }: ReplayOptions,
): Promise<ReplayReport> {
  const { storage } = context
  const transitions: Transition[] = []
  let casesChecked = 0
  let eventsMatched = 0
  const note = ({ transition }: RecordedEvent) => {
    if (transition !== null) transitions.push(transition)
  }
  for await (const event of walk((query) => storage.listUnmatchedEvents(query), signal)) {
    const recorded = await matchAgain(context, event)
    if (recorded === null || recorded.outcome === 'duplicate') continue
    eventsMatched += 1
    note(recorded)
  }
  for await (const kycCase of walk((query) => storage.listCases({ ...query, status: null, claim: null }), signal)) {
    const recorded = await judgeAgain(context, kycCase)
    if (recorded !== null) note(recorded)
    casesChecked += 1
    onProgress?.({ done: casesChecked, total: null })
  }
  context.logger.info({ casesChecked, eventsMatched, transitions: transitions.length }, 'events replayed')
  return { casesChecked, eventsMatched, transitions }
}

/** An event whose case was not known when it came. */
async function matchAgain(context: EngineContext, event: StoredEvent): Promise<RecordedEvent | null> {
  if (!isStateful(event)) return null
  const { id, name, inquiryId, createdAt, personaStatus, occurredAt, delivery } = event
  const recorded = await context.storage.recordEvent({
    id,
    name,
    inquiryId,
    referenceId: null,
    createdAt,
    effect: toEffect(context, personaStatus, occurredAt),
    receivedAt: new Date(context.now()),
    delivery,
  })
  await announce(context, recorded)
  return recorded
}

/** Moves the case to what the present status policy makes of its newest event. Null where that is what it holds. */
async function judgeAgain(context: EngineContext, kycCase: KycCase): Promise<RecordedEvent | null> {
  const { storage } = context
  if (kycCase.erasedAt !== null || kycCase.personaInquiryId === null) return null
  let newest: StatefulEvent | null = null
  let replays = 0
  for await (const event of walk((query) => storage.listCaseEvents(kycCase.id, query))) {
    // Counted by their numbers: of those before, some may not be kept any more.
    const [, number = -1] = REPLAY_ID.exec(event.id) ?? []
    replays = Math.max(replays, Number(number) + 1)
    if (event.inquiryId !== kycCase.personaInquiryId || !isStateful(event)) continue
    if (newest === null || !isOlderEvent(toPosition(event), toPosition(newest))) newest = event
  }
  if (newest === null) return null
  const effect = toEffect(context, newest.personaStatus, newest.occurredAt)
  if (isHeld(kycCase, effect)) return null
  const recorded = await storage.recordEvent({
    id: `~replay_${String(replays).padStart(10, '0')}_${newest.id.replace(REPLAY_ID, '')}`,
    name: `replay.${newest.name.replace(/^replay\./, '')}`,
    inquiryId: kycCase.personaInquiryId,
    referenceId: null,
    createdAt: newest.createdAt,
    effect,
    receivedAt: new Date(context.now()),
    delivery: null,
  })
  await announce(context, recorded)
  return recorded
}

function isHeld({ status, verificationScore }: KycCase, effect: EventEffect): boolean {
  return status === effect.status && verificationScore === effect.score
}

function isStateful(event: StoredEvent): event is StatefulEvent {
  return event.personaStatus !== null && event.occurredAt !== null
}

function toPosition({ id, occurredAt, personaStatus }: StatefulEvent) {
  return { id, occurredAt, rank: toStatusRank(personaStatus) }
}

/** Yields what all pages hold. */
async function* walk<Item extends CaseEvent | StoredEvent | KycCase>(
  readPage: (query: PageQuery) => Promise<Page<Item>>,
  signal?: AbortSignal,
): AsyncGenerator<Item, void> {
  let after: string | null = null
  do {
    if (signal?.aborted) return
    const page: Page<Item> = await readPage({ after, limit: PAGE_SIZE })
    yield* page.items
    after = page.next
  } while (after !== null)
}
