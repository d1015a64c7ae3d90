import type { EngineContext } from './engine-context.js'
import { EventError, KycError } from './errors.js'
import { toEvent } from './events.js'
import { isJsonObject } from './inflection.js'
import { requireWholeNumber } from './input.js'
import { createPastRecorder, type RecordableEvent } from './record-persona-event.js'

/** What {@link KycEngine.importEvents} accepts. */
export interface ImportOptions {
  /** How many events are under way at once, so that they share commits. Default 400. */
  readonly atOnce?: number | undefined
  /** Leaves out so many lines from the start. Default 0. */
  readonly afterLine?: number | undefined
  readonly onProgress?: ((progress: ImportProgress) => unknown) | undefined
  /** Ends the import, also while it waits for a line; what is under way is recorded first. */
  readonly signal?: AbortSignal | undefined
}

/** How far an import is. */
export interface ImportProgress {
  /** All lines up to this one are recorded, or are none that can be: an import may go on after it. */
  readonly line: number
}

/** What an import did. */
export interface ImportReport extends ImportProgress {
  /** Events that were not there yet. */
  readonly eventsRecorded: number
  /** Events that were there. */
  readonly eventsKnown: number
  /** Of the recorded ones, those that belong to no case of this database. */
  readonly eventsUnmatched: number
  /** How often cases changed their state. */
  readonly casesMoved: number
  /** Lines that are no event with a time; at most the first 100 of them by number. */
  readonly unreadableLines: readonly number[]
  readonly eventsUnreadable: number
}

type MutableReport = { -readonly [Name in keyof ImportReport]: ImportReport[Name] } & { unreadableLines: number[] }

const MAX_UNREADABLE_LINES = 100

/** See {@link KycEngine.importEvents}. */
export async function importEvents(
  context: EngineContext,
  lines: AsyncIterable<string> | Iterable<string>,
  options: ImportOptions,
): Promise<ImportReport> {
  const atOnce = requireWholeNumber('atOnce', options.atOnce ?? 400, 1)
  const afterLine = requireWholeNumber('afterLine', options.afterLine ?? 0, 0)
  const { onProgress, signal } = options
  const report: MutableReport = { ...EMPTY_REPORT, line: afterLine, unreadableLines: [] }
  const queue = toNumbered(lines, afterLine)
  const finished = new Set<number>()
  const underWay = new Set<Promise<void>>()
  let failure: unknown
  const ending = new AbortController()
  const stop = () => ending.abort()
  const stopped = new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()))
  const recordPast = createPastRecorder(context, ending.signal)
  const isEnded = () => ending.signal.aborted
  const fail = (error: unknown) => {
    // What waited for the storage when this ended is neither recorded nor a failure of its own.
    if (error !== ending.signal.reason) failure ??= error
    stop()
  }
  const finish = (line: number) => {
    finished.add(line)
    while (finished.delete(report.line + 1)) report.line++
    onProgress?.({ line: report.line })
  }
  const record = async (line: number, text: string) => {
    const recording = recordLine(recordPast, report, line, text)
      .then(() => finish(line))
      .catch(fail)
    underWay.add(recording)
    await recording
    underWay.delete(recording)
  }
  const work = async () => {
    while (!isEnded()) {
      const next = await queue.next()
      if (next.done === true || isEnded()) return
      await record(...next.value)
    }
  }
  if (signal?.aborted === true) stop()
  signal?.addEventListener('abort', stop, { once: true })
  // The next line may never come: nobody waits for it when this ends early.
  await Promise.race([Promise.all(Array.from({ length: atOnce }, work)).catch(fail), stopped])
  await Promise.all(underWay)
  signal?.removeEventListener('abort', stop)
  queue.return(undefined).catch(() => {})
  const { unreadableLines, ...fields } = report
  context.logger.info(fields, 'events imported')
  if (failure !== undefined) throw failure
  return report
}

async function recordLine(
  recordPast: ReturnType<typeof createPastRecorder>,
  report: MutableReport,
  line: number,
  text: string,
): Promise<void> {
  if (text.trim() === '') return
  const event = readLine(text)
  if (event === null) {
    report.eventsUnreadable++
    if (report.unreadableLines.length < MAX_UNREADABLE_LINES) report.unreadableLines.push(line)
    return
  }
  const { outcome, transition } = await recordPast(event)
  if (outcome === 'duplicate') report.eventsKnown++
  else report.eventsRecorded++
  if (outcome === 'unmatched') report.eventsUnmatched++
  if (transition !== null) report.casesMoved++
}

/** Of a webhook's body, or an event as Persona lists it, what is kept while it waits. Null for what is neither. */
function readLine(text: string): RecordableEvent | null {
  try {
    const json: unknown = JSON.parse(text)
    if (!isJsonObject(json)) return null
    const { id, name, createdAt, inquiry } = toEvent(json.type === 'event' ? { data: json } : json)
    return createdAt === null ? null : { id, name, createdAt, inquiry, occurredAt: createdAt }
  } catch (error) {
    if (error instanceof EventError || error instanceof SyntaxError) return null
    throw error
  }
}

async function* toNumbered(
  lines: AsyncIterable<string> | Iterable<string>,
  afterLine: number,
): AsyncGenerator<readonly [line: number, text: string], undefined> {
  let line = 0
  for await (const text of lines) {
    line++
    // Some editors begin a file with a byte order mark.
    if (line > afterLine) yield [line, line === 1 ? text.replace(/^\ufeff/, '') : text]
  }
  if (line >= afterLine) return
  throw new KycError('argument_invalid', {
    problem: `There are ${line} lines only.`,
    fix: 'Let afterLine be the line that an import told, of the same lines.',
  })
}

const EMPTY_REPORT = {
  eventsRecorded: 0,
  eventsKnown: 0,
  eventsUnmatched: 0,
  casesMoved: 0,
  eventsUnreadable: 0,
} as const
