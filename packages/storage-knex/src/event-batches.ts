import type { NewEvent, RecordedEvent } from '@persona-kyc/core'

/** How events are recorded that came at the same time. */
export interface EventWriter {
  /** Records one event, and waits for its case. */
  recordOne(event: NewEvent): Promise<RecordedEvent>
  /** Records events in one commit, or rejects with none of them recorded. Null for one whose case somebody else holds. */
  recordAll(events: readonly NewEvent[]): Promise<readonly (Promise<RecordedEvent> | null)[]>
  /** Whether what `recordAll` rejected with is no event's fault: then none of them is tried by itself. */
  isOutage(error: unknown): boolean
}

interface Waiting {
  readonly event: NewEvent
  readonly resolve: (recorded: RecordedEvent | Promise<RecordedEvent>) => void
  readonly reject: (error: unknown) => void
}

/** The most events in one commit. */
const MAX_EVENTS = 200
/** Of those that wait, so many are looked at for a batch: many may be of one case, which only one of them can be of. */
const MAX_LOOKED_AT = 1000
/** How long an event waits for the commits before it, in milliseconds, before another connection is used. */
const MAX_WAIT_MS = 20
const MAX_COMMITS_AT_ONCE = 4

/**
 * Returns a function that records events: at once where nothing is under way, and else together with all others that have
 * come meanwhile, in the next commit. Each resolves after its own commit. What fails together is tried one by one.
 */
export function createEventBatches({ recordOne, recordAll, isOutage }: EventWriter): EventWriter['recordOne'] {
  let waiting: Waiting[] = []
  let underWay = 0
  let timer: ReturnType<typeof setTimeout> | null = null

  const start = () => {
    const [batch, rest] = takeBatch(waiting)
    waiting = rest
    underWay++
    record(batch).finally(() => {
      underWay--
      goOn()
    })
  }
  const goOn = () => {
    if (waiting.length > 0 && underWay === 0) start()
    if (waiting.length === 0 && timer !== null) {
      clearTimeout(timer)
      timer = null
    }
    if (waiting.length > 0 && underWay < MAX_COMMITS_AT_ONCE) timer ??= setTimeout(startOverdue, MAX_WAIT_MS)
  }
  const startOverdue = () => {
    timer = null
    if (waiting.length > 0 && underWay < MAX_COMMITS_AT_ONCE) start()
    goOn()
  }

  /** Never rejects. */
  const record = async (batch: readonly Waiting[]) => {
    if (batch.length === 1) return settleAlone(batch)
    try {
      const recorded = await recordAll(batch.map(({ event }) => event))
      for (const [index, { resolve, event }] of batch.entries()) resolve(recorded[index] ?? recordOne(event))
    } catch (error) {
      if (isOutage(error)) for (const { reject } of batch) reject(error)
      else await settleAlone(batch)
    }
  }
  const settleAlone = async (batch: readonly Waiting[]) => {
    for (const { event, resolve, reject } of batch) await recordOne(event).then(resolve, reject)
  }

  return (event) =>
    new Promise((resolve, reject) => {
      waiting.push({ event, resolve, reject })
      goOn()
    })
}

/** The first events no two of which are the same one, or can be of the same case; and all others, in their order. */
function takeBatch(waiting: readonly Waiting[]): [batch: Waiting[], rest: Waiting[]] {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const taken = new Set<string>()
  for (const [index, entry] of waiting.entries()) {
    const keys = toKeys(entry.event)
    const isTaken = batch.length === MAX_EVENTS || index >= MAX_LOOKED_AT || keys.some((key) => taken.has(key))
    if (isTaken) {
      rest.push(entry)
    } else {
      batch.push(entry)
      for (const key of keys) taken.add(key)
    }
  }
  return [batch, rest]
}

function toKeys({ id, inquiryId, referenceId }: NewEvent): string[] {
  const keys = [`event ${id}`]
  if (inquiryId !== null) keys.push(`inquiry ${inquiryId}`)
  if (referenceId !== null) keys.push(`case ${referenceId}`)
  return keys
}
