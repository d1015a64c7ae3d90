import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { ImportReport } from '@persona-kyc/core'
import { defineCommand } from 'citty'
import { DATABASE_ARGS, POLICY_ARGS, requireTemplateId, withLocalEngine } from './environment.js'
import { createInterruption } from './interruption.js'
import { createProgress } from './progress.js'
import { reconcile } from './reconcile.js'
import { UsageError } from './usage.js'

export const importCommand = defineCommand({
  meta: { name: 'import', description: 'Records a history of events, from a file or from Persona' },
  args: {
    file: {
      type: 'positional',
      description: 'A file with an event as JSON on each line (NDJSON); - for the standard input',
      required: false,
    },
    'after-line': { type: 'string', description: 'Go on after this line of the file', valueHint: 'NUMBER' },
    since: {
      type: 'string',
      description: 'Instead of a file: read Persona’s events back to this time; it keeps them for 30 days',
      valueHint: 'TIME',
    },
    ...POLICY_ARGS,
    ...DATABASE_ARGS,
  },
  async run({ args }) {
    const { file, since } = args
    if (file !== undefined && since !== undefined) throw new UsageError('Give a file or --since, not both.')
    if (file !== undefined) return importFile(file, args)
    if (since !== undefined && args['after-line'] !== undefined) throw new UsageError('--after-line is for a file.')
    if (since !== undefined) return importFromPersona(since, args)
    throw new UsageError('Give a file (- for the standard input), or --since TIME to ask Persona.')
  },
})

type EngineArgs = Parameters<typeof withLocalEngine>[0]

async function importFile(file: string, args: EngineArgs & { readonly 'after-line'?: string | undefined }) {
  requireTemplateId(process.env)
  const afterLine = toLineNumber(args['after-line'] ?? '0')
  const input = file === '-' ? process.stdin : await open(file)
  const signal = createInterruption()
  const progress = createProgress()
  let line = afterLine
  const report = await withLocalEngine(args, (engine) =>
    engine
      .importEvents(readLines(input), {
        afterLine,
        signal,
        onProgress(reached) {
          line = reached.line
          progress.show('lines', line, null)
        },
      })
      .finally(() => {
        progress.stop()
        // Whoever writes into a pipe may never come to an end.
        input.destroy()
      }),
  ).catch((error: unknown) => {
    if (line > afterLine) console.error(toResumption(line))
    throw error
  })
  for (const text of toLines(report)) console.log(text)
  if (signal.aborted) console.error(toResumption(report.line))
  return signal.aborted || report.eventsUnreadable > 0 ? 1 : 0
}

/** Rejects with UsageError for a file that cannot be read, before the database is asked for anything. */
async function open(file: string): Promise<Readable> {
  const stats = await stat(file).catch(() => null)
  if (stats?.isDirectory() === true) throw new UsageError('This is a directory: give one of its files at a time.')
  const stream = createReadStream(file)
  await once(stream, 'open').catch(() => {
    throw new UsageError('The file cannot be read.')
  })
  return stream
}

/** Yields the lines of a stream, and of one that is longer than any event a few characters that are none. */
async function* readLines(input: Readable): AsyncGenerator<string> {
  let line = ''
  try {
    for await (const chunk of input.setEncoding('utf8')) {
      const [end = '', ...others] = String(chunk).split('\n')
      line = append(line, end)
      for (const other of others) {
        yield line
        line = append('', other)
      }
    }
  } catch (error) {
    throw new UsageError(`The file could not be read to its end (${(error as NodeJS.ErrnoException).code}).`)
  }
  if (line !== '') yield line
}

function append(line: string, more: string): string {
  return line.length + more.length > MAX_LINE_LENGTH ? TOO_LONG : line + more
}

async function importFromPersona(since: string, args: EngineArgs): Promise<number> {
  const time = new Date(since)
  if (Number.isNaN(time.getTime())) throw new UsageError('--since must be a time, such as 2026-11-01T00:00:00Z.')
  if (time.getTime() > Date.now()) throw new UsageError('--since lies in the future.')
  const status = await reconcile(args, { sources: ['events'], since: time })
  return status === 'done' ? 0 : 1
}

function toLineNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new UsageError('--after-line must be a whole number.')
}

function toLines(report: ImportReport): string[] {
  const { eventsUnreadable, unreadableLines } = report
  const rest = eventsUnreadable > unreadableLines.length ? ' …' : ''
  return [
    ...(eventsUnreadable > 0 ? [`${UNREADABLE}, in the lines ${unreadableLines.join(' ')}${rest}`] : []),
    `${report.eventsRecorded} events recorded, ${report.eventsKnown} were there, ${eventsUnreadable} unreadable`,
    `${report.eventsUnmatched} of the recorded ones belong to no case here; ${report.casesMoved} times a case moved`,
  ]
}

/** Many times what Persona sends. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024
const TOO_LONG = '{ a line that is too long'

const UNREADABLE =
  'Not one whole event with its time as JSON, in UTF-8, ended by LF (of a page of them, make lines with: jq -c ".data[]"; of short webhooks, ask --since)'

function toResumption(line: number): string {
  return `Ended after line ${line}. To go on, run it again with --after-line ${line}.`
}
