import { isKycError } from './errors.js'
import { isPersonaError, type PersonaApiError } from './persona-error.js'

/** The levels of a log, in the call shape of pino. Fields never hold personal data, secrets or bodies. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = () => {}

/** The default: warnings and errors go to the console, the rest nowhere. */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  // biome-ignore lint/suspicious/noConsole: what is wrong must be seen also where no logger is set up
  warn: (fields, message) => console.warn(message, JSON.stringify(fields)),
  // biome-ignore lint/suspicious/noConsole: as above
  error: (fields, message) => console.error(message, JSON.stringify(fields)),
}

/** The same logger, whose own failures go no further: what was committed stays acknowledged. */
export function toSafeLogger(logger: Logger): Logger {
  const toSafe = (level: keyof Logger) => (fields: object, message: string) => {
    try {
      logger[level](fields, message)
    } catch {
      // There is nowhere to report that the log does not work.
    }
  }
  return { debug: toSafe('debug'), info: toSafe('info'), warn: toSafe('warn'), error: toSafe('error') }
}

/** What may be logged of an error: of ours its code and message, which hold no values; of any other its name only. */
export function toLogFields(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error }
  if (!isKycError(error)) return { error: error.name }
  const details = isPersonaError(error) ? toPersonaFields(error) : {}
  return { error: error.name, code: error.code, detail: error.message, ...details }
}

function toPersonaFields({ status, requestId }: PersonaApiError): object {
  return { status, requestId }
}
