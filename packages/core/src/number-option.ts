import { ConfigurationError } from './errors.js'

/** Timers take whole milliseconds of at most 31 bits: beyond, they fire at once or refuse. */
const MAX_NUMBER = 2 ** 31 - 1

/**
 * Returns the option's value.
 *
 * @throws ConfigurationError when it is no whole number from `minimum` to 2,147,483,647.
 */
export function requireNumber(name: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum && value <= MAX_NUMBER) return value
  throw new ConfigurationError({
    problem: `${name} must be a whole number from ${minimum} to ${MAX_NUMBER}.`,
    fix: 'Leave it out for the default.',
  })
}
