import { type NewEvent, type RecordedEvent, StorageError } from '@persona-kyc/core'

/** How events are recorded that came at the same time. */
export interface EventWriter {
  /**
   * Records events in one commit, or rejects with none of them recorded. Waits for nobody's case: null for an event whose
   * case somebody else holds. For an event of which another transaction has a copy that is not committed, it waits so long.
   */
  recordAll(events: readonly NewEvent[], copyWaitMs: number): Promise<readonly (Promise<RecordedEvent> | null)[]>
  /** Whether what `recordAll` rejected with is no event's fault: then none of them is tried by itself. */
  isOutage(error: unknown): boolean
}

interface Waiting {
  readonly event: NewEvent
  /** What no other event of its commit may have. */
  readonly keys: readonly string[]
  readonly sinceMs: number
  readonly resolve: (recorded: RecordedEvent) => void
  readonly reject: (error: unknown) => void
}

/** The most events in one commit. */
const MAX_EVENTS = 200
/**
 * How long an event waits for the commits before it, in milliseconds, before another connection is used; and how often one
 * is tried again whose case somebody holds.
 */
const PATIENCE_MS = 20
const MAX_COMMITS_AT_ONCE = 4
/** Of those that failed together and are recorded one by one. */
const MAX_ALONE_AT_ONCE = 4
/** How long a commit waits for the end of another transaction that has a copy of one of its events, in milliseconds. */
const COPY_WAIT_MS = 500
/** One by one they have waited before, and others stand behind them. */
const COPY_WAIT_ALONE_MS = 50
/** When so many wait, a second commit begins: PostgreSQL works on it while the answers to the first are read here. */
const MANY_EVENTS = 100
const COMMITS_OF_MANY = 2
/** Persona waits five seconds for an answer: nobody waits for one that comes later, whether a commit has begun or not. */
const MAX_WAIT_MS = 4000
const MAX_WAITING = 20_000

/**
 * Returns a function that records events: at once where nothing is under way, and else together with all others that have
 * come meanwhile, in the next commit. Each resolves after its own commit. What failed together is recorded one by one. An
 * event whose case somebody holds is tried again and again, and occupies nothing meanwhile. Rejects with
 * `storage_unavailable` what is not recorded in four seconds. Its commit may still end well; then to repeat it changes
 * nothing.
 */
export function createEventBatches({ recordAll, isOutage }: EventWriter): (event: NewEvent) => Promise<RecordedEvent> {
  let waiting: Waiting[] = []
  /** What a commit left out, until the next look. */
  let held: Waiting[] = []
  /** What failed together. */
  let alone: Waiting[] = []
  /** What a commit has begun with, until it is answered. */
  const begun = new Set<Waiting>()
  let underWay = 0
  let aloneUnderWay = 0
  let timer: ReturnType<typeof setTimeout> | null = null

  const start = () => {
    const [batch, rest] = takeBatch(waiting)
    waiting = rest
    underWay++
    record(batch, COPY_WAIT_MS).finally(() => {
      underWay--
      goOn()
    })
  }
  const startAlone = ([entry, ...rest]: readonly [Waiting, ...Waiting[]]) => {
    alone = rest
    aloneUnderWay++
    record([entry], COPY_WAIT_ALONE_MS).finally(() => {
      aloneUnderWay--
      goOn()
    })
  }
  const goOn = () => {
    if (waiting.length > 0 && underWay === 0) start()
    while (waiting.length >= MANY_EVENTS && underWay < COMMITS_OF_MANY) start()
    while (isSome(alone) && aloneUnderWay < MAX_ALONE_AT_ONCE) startAlone(alone)
    const isIdle = waiting.length + held.length + alone.length + begun.size === 0
    if (!isIdle) timer ??= setTimeout(hurry, PATIENCE_MS)
    if (isIdle && timer !== null) {
      clearTimeout(timer)
      timer = null
    }
  }
  const hurry = () => {
    timer = null
    // Behind the others: however many they are, they do not hide those from the next look.
    waiting = refuseOverdue([...waiting, ...held])
    held = []
    alone = refuseOverdue(alone)
    refuseUnanswered()
    if (waiting.length > 0 && underWay < MAX_COMMITS_AT_ONCE) start()
    goOn()
  }

  const refuseUnanswered = () => {
    const overdueMs = Date.now() - MAX_WAIT_MS
    for (const entry of begun) {
      if (entry.sinceMs > overdueMs) continue
      begun.delete(entry)
      entry.reject(unanswered())
    }
  }

  /** Never rejects, and waits for nobody's case. */
  const record = async (batch: readonly Waiting[], copyWaitMs: number) => {
    for (const entry of batch) begun.add(entry)
    try {
      const recorded = await recordAll(
        batch.map(({ event }) => event),
        copyWaitMs,
      )
      for (const [index, entry] of batch.entries()) {
        const own = recorded[index] ?? null
        if (own !== null) {
          void answer(entry, own)
        } else {
          begun.delete(entry)
          held.push(entry)
        }
      }
    } catch (error) {
      const left = batch.filter((entry) => begun.delete(entry))
      if (batch.length > 1 && !isOutage(error)) alone.push(...left)
      else for (const { reject } of left) reject(error)
    }
  }
  const answer = (entry: Waiting, own: Promise<RecordedEvent>) =>
    own.then(
      (recorded) => {
        begun.delete(entry)
        entry.resolve(recorded)
      },
      (error) => {
        begun.delete(entry)
        entry.reject(error)
      },
    )

  return (event) =>
    new Promise((resolve, reject) => {
      if (waiting.length + held.length + alone.length >= MAX_WAITING) return reject(busy())
      waiting.push({ event, keys: toKeys(event), sinceMs: Date.now(), resolve, reject })
      goOn()
    })
}

function isSome(entries: readonly Waiting[]): entries is readonly [Waiting, ...Waiting[]] {
  return entries.length > 0
}

/** Rejects what has waited for too long, and returns all others. */
function refuseOverdue(entries: Waiting[]): Waiting[] {
  const overdueMs = Date.now() - MAX_WAIT_MS
  const overdue = entries.filter(({ sinceMs }) => sinceMs <= overdueMs)
  if (overdue.length === 0) return entries
  for (const { reject } of overdue) reject(busy())
  return entries.filter(({ sinceMs }) => sinceMs > overdueMs)
}

function busy(): StorageError {
  return new StorageError('storage_unavailable', {
    problem: 'PostgreSQL has not recorded the events before this one, or somebody holds its case.',
    fix: 'Look for long transactions and locks (pg_stat_activity). Nothing was changed; the call can be repeated.',
  })
}

function unanswered(): StorageError {
  return new StorageError('storage_unavailable', {
    problem: 'PostgreSQL has not answered for four seconds.',
    fix: 'Look for locks and long transactions (pg_stat_activity), and for a disk or a network that halts. The event may have been recorded; the call can be repeated, and records it once.',
  })
}

/** The first events no two of which are the same one, or can be of the same case; and all others, in their order. */
function takeBatch(waiting: readonly Waiting[]): [batch: Waiting[], rest: Waiting[]] {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const taken = new Set<string>()
  for (const entry of waiting) {
    if (batch.length === MAX_EVENTS || entry.keys.some((key) => taken.has(key))) {
      rest.push(entry)
    } else {
      batch.push(entry)
      for (const key of entry.keys) taken.add(key)
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
