import { STORABLE } from './input.js'

/** True for what may name a caller, or a user: 1 to 255 characters, none of them a control character. */
export function isCallerName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255 && STORABLE.test(value)
}
