import { consoleLogger, type Logger } from '@persona-kyc/core'
import { pino } from 'pino'
import { toVisibleText } from './visible-text.js'

/** The levels of the loggers that the library and its example servers write to. */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof LEVELS)[number]

/** An entry of the log. */
export interface LogEntry {
  readonly level: Level
  readonly fields: object
  readonly message: string
}

/** A logger of all levels, and what it was told. */
export interface LogRecorder extends Record<Level, Logger['info']> {
  readonly entries: readonly LogEntry[]
  /** What was logged at that level, as whoever reads a log could see it: each entry in all its forms. */
  read(level: Level): string
  /** Resolves once an entry has that message. */
  untilLogged(message: string): Promise<void>
}

/** Returns a logger that keeps everything, and passes it on to the library's own default and to pino at level trace. */
export function createLogRecorder(): LogRecorder {
  const entries: LogEntry[] = []
  const lines = new Map<Level, string[]>(LEVELS.map((level) => [level, []]))
  const waiting = new Set<() => void>()
  let line = ''
  const write = (text: string) => {
    line = text
  }
  const json = pino({ level: 'trace' }, { write })
  const at =
    (level: Level): Logger['info'] =>
    (fields, message) => {
      entries.push({ level, fields, message })
      json[level](fields, message)
      lines.get(level)?.push(`${message}\n${toVisibleText(fields)}\n${line}`)
      if (level in consoleLogger) consoleLogger[level as keyof Logger](fields, message)
      for (const look of waiting) look()
    }
  return {
    entries,
    read: (level) => lines.get(level)?.join('\n') ?? '',
    untilLogged: (message) =>
      new Promise((resolve) => {
        const look = () => {
          if (entries.some((entry) => entry.message === message)) resolve()
        }
        waiting.add(look)
        look()
      }),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  }
}
