import { z } from 'zod'

/** The variables of a program, as they are. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One mistake for each variable, with its fix: the message lists them all. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'

  constructor(mistakes: readonly string[]) {
    super(`The environment cannot be used:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`)
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** What of pino is written. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** LOG_LEVEL. */
export const logLevelVariable = z.enum(LOG_LEVELS, `LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`).default('info')

/** DATABASE_URL, and MIGRATION_DATABASE_URL where the tables have another owner than the role of the app. */
export const databaseVariables = {
  DATABASE_URL: databaseUrlVariable('DATABASE_URL'),
  MIGRATION_DATABASE_URL: databaseUrlVariable('MIGRATION_DATABASE_URL'),
}

/** What is wrong with the variables of the database that none of them shows by itself. */
export function findDatabaseMistakes({ DATABASE_URL, MIGRATION_DATABASE_URL }: Environment): string[] {
  if (MIGRATION_DATABASE_URL === undefined || DATABASE_URL !== undefined) return []
  return ['DATABASE_URL is not set, but MIGRATION_DATABASE_URL is: give the URL that the app itself connects with']
}

/**
 * Reads variables by a schema. An empty variable counts as one that is not set. `findContradictions` is asked for what
 * no variable shows by itself.
 *
 * @throws EnvironmentError that names each variable that is missing, malformed or contradicts another.
 */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
  findContradictions: (given: Environment) => readonly string[],
): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  const result = schema.safeParse(given)
  const mistakes = [...(result.error?.issues.map(toMistake) ?? []), ...findContradictions(given)]
  if (!result.success || mistakes.length > 0) throw new EnvironmentError(mistakes)
  return result.data
}

function databaseUrlVariable(name: string) {
  return z
    .string()
    .regex(/^postgres(ql)?:\/\/./, `${name} must look like postgres://user:password@host:5432/database`)
    .optional()
}

function toMistake({ path, message }: z.core.$ZodIssue): string {
  const name = String(path[0])
  return message.startsWith(name) ? message : `${name}: ${message}`
}
